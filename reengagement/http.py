"""HTTP beside the dashboard: what browsers of users and health probes ask for. Starlette, no Streamlit.

A `Mount`, so that an unknown path under it is 404 and a wrong method 405, where a bare route would let
Streamlit answer with its page. The functions aren't async: Starlette runs them, and their SQL, beside its
loop. Nothing that came in is repeated in an answer.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from reengagement import clicks, heartbeat, references
from reengagement.database import clock, engine_of
from reengagement.endpoints import address_of
from reengagement.errors import BadReference, ReengagementError
from reengagement.settings import Settings
from reengagement.tables import notification
from reengagement.vapid import public_key_of

PATH = "/reengagement"
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""For what is said to one visitor: a link must neither be kept nor handed on."""
PREFETCHED = "prefetch"

_SERVICE_WORKER = Path(__file__).with_name("sw.js")
_ORIGINS = "/* origins */"

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Response]
Record = Callable[[Connection, list[tuple[str, datetime]]], int]


def build_app(settings: Settings) -> Starlette:
    """Return an application of the routes alone, to be served without the dashboard."""
    return Starlette(routes=build_routes(settings))


def build_routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes under `/reengagement`; no connection is made before the first request."""
    routes = Routes(settings)
    return [
        Mount(
            PATH,
            routes=[
                Route("/click/{reference}", _careful(routes.click), methods=["POST"]),
                Route("/shown/{reference}", _careful(routes.shown), methods=["POST"]),
                Route("/open/{reference}", _careful(routes.open), methods=["GET"]),
                Route("/health", routes.health, methods=["GET"]),
                Route("/sw.js", routes.service_worker, methods=["GET"]),
                Route("/vapid-public-key", routes.vapid_public_key, methods=["GET"]),
            ],
        )
    ]


def _careful(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with plain answers to bad references and to a database that is away."""

    @functools.wraps(endpoint)
    def answer(request: Request) -> Response:
        try:
            return endpoint(request)
        except BadReference:
            return PlainTextResponse("Not found.\n", 404, PRIVATE)
        except (ReengagementError, SQLAlchemyError):
            log.exception("a link could not be counted")
            return PlainTextResponse("Out of order: try again later.\n", 503, PRIVATE)

    return answer


class Routes:
    """The endpoints of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret: str | None = None

    def click(self, request: Request) -> Response:
        """Count a click that a service worker reports; however often, once (G1)."""
        return self._count(request, clicks.record_clicks)

    def shown(self, request: Request) -> Response:
        """Note that a notification was shown."""
        return self._count(request, clicks.record_shown)

    def open(self, request: Request) -> Response:
        """Count the click of a browser that opens the link itself, and lead on to the product.

        A HEAD or a prefetch is no click: nobody has pressed anything yet.
        """
        pressed = request.method == "GET" and PREFETCHED not in request.headers.get("sec-purpose", "")
        with engine_of(self._settings).begin() as connection:
            notification_id, now = self._read(connection, request)
            if pressed:
                clicks.record_clicks(connection, [(notification_id, now)])
            url = connection.execute(
                select(notification.c.url).where(notification.c.id == notification_id)
            ).scalar()
        return RedirectResponse(destination(self._settings.landing_url, url), 303, PRIVATE)

    def _count(self, request: Request, record: Record) -> Response:
        with engine_of(self._settings).begin() as connection:
            notification_id, now = self._read(connection, request)
            record(connection, [(notification_id, now)])
        return Response(status_code=204, headers=PRIVATE)

    def _read(self, connection: Connection, request: Request) -> tuple[str, datetime]:
        """Return the notification that the request's reference names, and the time. Raises BadReference."""
        self._secret = self._secret or references.secret_of(connection, self._settings)
        now = clock(connection)
        return references.read(self._secret, request.path_params["reference"], now), now

    def health(self, _: Request) -> Response:
        """Return 200 where the database answers and a consumer lives, else 503; the body says which."""
        try:
            with engine_of(self._settings).connect() as connection:
                workers = heartbeat.workers_alive(connection, clock(connection))
        except (ReengagementError, SQLAlchemyError):
            log.exception("the database can't be used")
            workers = None
        body = {
            "status": "ok" if workers else "unhealthy",
            "database": workers is not None,
            "consumer": bool(workers),
        }
        return JSONResponse(body, 200 if workers else 503, {"Cache-Control": "no-store"})

    def service_worker(self, _: Request) -> Response:
        """Return the script for the product's site, with the origins whose links it may open."""
        allowed = [
            address.origin
            for url in (self._settings.landing_url, self._settings.public_url)
            if (address := address_of(url)) is not None
        ]
        listed = ", ".join(json.dumps(origin) for origin in dict.fromkeys(allowed))
        script = _SERVICE_WORKER.read_text(encoding="utf-8").replace(_ORIGINS, listed)
        headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/"}
        return Response(script, media_type="text/javascript", headers=headers)

    def vapid_public_key(self, _: Request) -> Response:
        """Return the key that a browser subscribes with; any site may read it."""
        private = self._settings.vapid_private_key
        if private is None:
            return PlainTextResponse("No key is set.\n", 404)
        return PlainTextResponse(public_key_of(private), headers={"Access-Control-Allow-Origin": "*"})


def destination(landing_url: str, url: str | None) -> str:
    """Return where a link leads: a path of the product's site, or an address there; never another origin."""
    if url and url.startswith("/") and not url.startswith(("//", "/\\")):
        return landing_url + quote(url, safe="/?#[]@!$&'()*+,;=:%-._~")
    if url and (address := address_of(url)) is not None and address == address_of(landing_url):
        return url
    return landing_url + "/"
