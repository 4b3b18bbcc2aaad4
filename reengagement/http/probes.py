"""`/health` for a load balancer, `/metrics` for Prometheus."""

from __future__ import annotations

import hmac
import logging

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from reengagement import heartbeat, metrics, pause
from reengagement.database import clock, engine_of
from reengagement.errors import ReengagementError
from reengagement.http.answering import PRIVATE, careful, plain
from reengagement.http.exposition import CONTENT_TYPE, Reading, exposition
from reengagement.settings import Settings

log = logging.getLogger(__name__)


def routes(settings: Settings) -> list[BaseRoute]:
    """Return `GET /health` and `GET /metrics`."""
    probes = Probes(settings)
    return [
        Route("/health", probes.health, methods=["GET"]),
        Route("/metrics", careful(probes.metrics), methods=["GET"]),
    ]


class Probes:
    """How one installation is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def health(self, _: Request) -> Response:
        """Return 200 where the database answers and a consumer lives, else 503; the body says which."""
        try:
            with engine_of(self._settings).connect() as connection:
                workers = heartbeat.workers_alive(connection, clock(connection))
        except (ReengagementError, SQLAlchemyError) as error:
            log.error("the database can't be used", extra={"error": type(error).__name__})
            workers = None
        body = {
            "status": "ok" if workers else "unhealthy",
            "database": workers is not None,
            "consumer": bool(workers),
        }
        return JSONResponse(body, 200 if workers else 503, PRIVATE)

    def metrics(self, request: Request) -> Response:
        """Return the figures of the machinery, for whoever has the secret; without one there are none."""
        secret = self._settings.metrics_secret
        if secret is None:
            return plain(404, "Not found.")
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {secret}".encode()):
            return plain(401, "A bearer token is needed.", **{"WWW-Authenticate": "Bearer"})
        with engine_of(self._settings).connect() as connection:
            now = clock(connection)
            reading = Reading(
                now=now,
                waiting=metrics.waiting(connection),
                consumers=len(metrics.consumers_alive(connection, now)),
                workers=heartbeat.workers_alive(connection, now),
                last_run=metrics.last_run(connection),
                settled=metrics.settled_last_day(connection, now),
                paused=pause.since(connection) is not None,
            )
        return Response(exposition(reading), media_type=CONTENT_TYPE, headers=PRIVATE)
