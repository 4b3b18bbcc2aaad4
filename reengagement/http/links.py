"""The links in a message: a click and *shown* that a service worker reports, and the landing link."""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reengagement import references
from reengagement.database import engine_of
from reengagement.endpoints import address_of
from reengagement.http.answering import PRIVATE, carefully, nothing
from reengagement.http.recording import Kind, Recorder
from reengagement.settings import Settings
from reengagement.tables import notification

PREFETCHED = "prefetch"


def routes(settings: Settings) -> list[BaseRoute]:
    """Return `POST /click/…`, `POST /shown/…` and `GET /open/…`."""
    links = Links(settings)
    return [
        Route("/click/{reference}", carefully(links.click), methods=["POST"]),
        Route("/shown/{reference}", carefully(links.shown), methods=["POST"]),
        Route("/open/{reference}", carefully(links.open), methods=["GET"]),
    ]


class Links:
    """The endpoints of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._recorder = Recorder(settings)
        self._secret: str | None = None

    async def click(self, request: Request) -> Response:
        """Count a click that a service worker reports; however often, once (G1)."""
        await self._record("click", request)
        return nothing()

    async def shown(self, request: Request) -> Response:
        """Note that a notification was shown."""
        await self._record("shown", request)
        return nothing()

    async def open(self, request: Request) -> Response:
        """Count the click of a browser that opens the link itself, and lead on to the product.

        A HEAD or a prefetch is no click: nobody has pressed anything yet.
        """
        pressed = request.method == "GET" and PREFETCHED not in request.headers.get("sec-purpose", "")
        notification_id = await self._record("click" if pressed else "look", request)
        url = await run_in_threadpool(self._url_of, notification_id)
        return RedirectResponse(destination(self._settings.landing_url, url), 303, PRIVATE)

    async def _record(self, kind: Kind, request: Request) -> str:
        """Record what the request's reference tells; return its notification. Raises BadReference.

        A forged reference is refused before the database is asked anything.
        """
        if self._secret is None:
            self._secret = await run_in_threadpool(self._look_up_secret)
        notification_id, expires_at = references.parse(self._secret, request.path_params["reference"])
        await self._recorder.record(kind, notification_id, expires_at)
        return notification_id

    def _look_up_secret(self) -> str:
        if self._settings.secret:
            return self._settings.secret
        with engine_of(self._settings).connect() as connection:
            return references.secret_of(connection, self._settings)

    def _url_of(self, notification_id: str) -> str | None:
        with engine_of(self._settings).connect() as connection:
            return connection.execute(
                select(notification.c.url).where(notification.c.id == notification_id)
            ).scalar()


def destination(landing_url: str, url: str | None) -> str:
    """Return where a link leads: a path of the product's site, or an address there; never another origin."""
    if url and url.startswith("/") and not url.startswith(("//", "/\\")):
        return landing_url + quote(url, safe="/?#[]@!$&'()*+,;=:%-._~")
    if url and (address := address_of(url)) is not None and address == address_of(landing_url):
        return url
    return landing_url + "/"
