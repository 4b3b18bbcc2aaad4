"""Signing in over HTTP: only an HTTP answer can set a cookie. Starlette, without Streamlit.

A `Mount`, so that an unknown path under it is 404 and a wrong method 405, where a bare route would let
Streamlit answer with its page. What works isn't async: Starlette runs it beside its loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router

from reengagement import accounts, attempts, auditing, host, sessions
from reengagement.dashboard.data import transaction
from reengagement.database import clock
from reengagement.errors import ReengagementError
from reengagement.sessions import Door, Session
from reengagement.settings import Settings
from reengagement.words import LANGUAGES

HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
LONGEST_FORM = 4096
"""Bytes: a name and a password, with room for each letter written as %XX%XX."""

BAD_LINK, BAD_ACCOUNT, TOO_MANY = "link", "account", "attempts"
"""Why the sign-in page is seen again: values of its parameter `sessions.REFUSED`."""

LOAD_AGAIN = "/load-again.js"
"""A script of its own address: none within a page is allowed to run."""

log = logging.getLogger(__name__)

Opened = Session | str
"""A session, or why there is none."""


def build_session_routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes of the doors that are open: `GET /session/sign-in?token=…` and posted forms; and the
    script that leads out.
    """
    doors = Doors(settings)
    routes: list[BaseRoute] = [Route(LOAD_AGAIN, load_again, methods=["GET"])]
    if "link" in settings.doors:
        routes.append(Route("/sign-in", doors.link, methods=["GET"]))
    if "accounts" in settings.doors:
        routes.append(Route("/account", doors.account, methods=["POST"]))
    if "demo" in settings.doors:
        routes.append(Route("/demo", doors.demo, methods=["POST"]))
    return [Mount(sessions.PATH, app=Router(routes, redirect_slashes=False))]


def load_again(request: Request) -> Response:
    """Answer with the script that loads the page anew."""
    return Response("location.reload()", media_type="text/javascript", headers=HEADERS)


class Doors:
    """The endpoints of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def link(self, request: Request) -> Response:
        """Use up a one-time link."""
        if request.method == "HEAD" or "prefetch" in request.headers.get("sec-purpose", ""):
            return Response(status_code=204, headers=HEADERS)  # nobody has pressed the link yet
        token = request.query_params.get("token", "")
        return _answer(self._settings, request, lambda: self._redeem(token, _address(request)))

    async def account(self, request: Request) -> Response:
        """Sign in with an account of the host, from the form's `account` and `password`."""
        return await self._posted(request, self._enter)

    async def demo(self, request: Request) -> Response:
        """Sign in to the demo."""
        return await self._posted(request, lambda _fields, _address: self._begin_demo())

    async def _posted(self, request: Request, work: Callable[[dict[str, str], str], Opened]) -> Response:
        if not _posted_by_our_page(self._settings, request):
            return PlainTextResponse("Sign in on the dashboard's own page.\n", 403, HEADERS)
        fields = await _fields(request)
        if fields is None:
            return PlainTextResponse("That is no form of ours.\n", 400, HEADERS)
        address = _address(request)
        return await run_in_threadpool(_answer, self._settings, request, lambda: work(fields, address))

    def _redeem(self, token: str, address: str) -> Opened:
        with transaction(self._settings) as connection:
            now = clock(connection)
            session = sessions.redeem(connection, self._settings, token, now)
            if session is None and attempts.take(connection, None, address, now):
                _note_refusal(connection, "link", now)
            return session or BAD_LINK

    def _begin_demo(self) -> Opened:
        with transaction(self._settings) as connection:
            return sessions.begin(connection, sessions.DEMO, clock(connection), door="demo")

    def _enter(self, fields: dict[str, str], address: str) -> Opened:
        """Check name and password, outside any transaction: bcrypt takes its time."""
        name = fields.get("account", "").strip()
        with transaction(self._settings) as connection:
            if not attempts.take(connection, name, address, clock(connection)):
                return TOO_MANY
            candidate = accounts.find(connection, host.connect(self._settings.host, connection), name)
        right = accounts.matches(candidate, fields.get("password", ""))
        with transaction(self._settings) as connection:
            now = clock(connection)
            if not right or candidate.account is None:
                _note_refusal(connection, "accounts", now, account=name)
                return BAD_ACCOUNT
            attempts.forget(connection, name)
            found = candidate.account
            return sessions.begin(connection, found.name, now, door="accounts", user_id=found.user_id)


def _note_refusal(connection: Connection, door: Door, now: datetime, **details: str) -> None:
    auditing.note(connection, sessions.STRANGER, "sign_in_refused", now, door=door, **details)


def _posted_by_our_page(settings: Settings, request: Request) -> bool:
    """Tell whether no other site's page has posted the form: every browser says where it comes from.

    Else another site could sign its visitors in as someone of its choice.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    ours = {
        settings.public_url,
        f"http://{request.headers.get('host')}",
        f"https://{request.headers.get('host')}",
    }
    return origin is None or origin in ours


def _address(request: Request) -> str:
    """Return the visitor's address, for counting attempts alone: no right ever follows from it.

    Behind a proxy uvicorn puts it there, from what proxies say that FORWARDED_ALLOW_IPS trusts.
    """
    return request.client.host if request.client else ""


async def _fields(request: Request) -> dict[str, str] | None:
    """Return the fields of a posted form, None where it is too long or is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return None
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}


def _answer(settings: Settings, request: Request, opened: Callable[[], Opened]) -> Response:
    """Return the way to the dashboard, with the cookie of the session if one was opened."""
    try:
        session = opened()
    except ReengagementError:
        log.exception("signing in failed")
        return PlainTextResponse("Out of order: the log says why.\n", 503, HEADERS)
    language = request.query_params.get("lang")
    parameters = [f"lang={language}"] if language in LANGUAGES else []
    if isinstance(session, str):
        parameters.append(f"{sessions.REFUSED}={session}")
    query = "?" + "&".join(parameters) if parameters else ""
    response = RedirectResponse(f"/{query}", 303, HEADERS)
    if isinstance(session, Session):
        response.set_cookie(
            sessions.COOKIE,
            session.token,
            max_age=int(sessions.SESSION_LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=settings.public_url.startswith("https://"),
        )
    return response
