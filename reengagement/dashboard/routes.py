"""Signing in over HTTP: only an HTTP answer can set a cookie. Starlette, without Streamlit.

A `Mount`, so that an unknown path under it is 404 and a wrong method 405, where a bare route would let
Streamlit answer with its page. The functions aren't async: Starlette runs them beside its loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from reengagement import sessions
from reengagement.dashboard.data import transaction
from reengagement.database import clock
from reengagement.errors import ReengagementError
from reengagement.sessions import Session
from reengagement.settings import Settings
from reengagement.words import LANGUAGES

HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

log = logging.getLogger(__name__)


def build_session_routes(settings: Settings) -> list[BaseRoute]:
    """Return `GET /session/sign-in?token=…` and, in the demo only, `POST /session/demo`."""

    def sign_in(request: Request) -> Response:
        if request.method == "HEAD" or "prefetch" in request.headers.get("sec-purpose", ""):
            return Response(status_code=204, headers=HEADERS)  # nobody has pressed the link yet
        return _answer(settings, request, lambda: _redeem(settings, request.query_params.get("token", "")))

    def demo(request: Request) -> Response:
        return _answer(settings, request, lambda: _begin_demo(settings))

    routes = [Route("/sign-in", sign_in, methods=["GET"])]
    if settings.demo:
        routes.append(Route("/demo", demo, methods=["POST"]))
    return [Mount(sessions.PATH, routes=routes)]


def _redeem(settings: Settings, token: str) -> Session | None:
    with transaction(settings) as connection:
        return sessions.redeem(connection, token, clock(connection))


def _begin_demo(settings: Settings) -> Session:
    with transaction(settings) as connection:
        return sessions.begin(connection, sessions.DEMO, clock(connection))


def _answer(settings: Settings, request: Request, opened: Callable[[], Session | None]) -> Response:
    """Return the way to the dashboard, with the cookie of the session if one was opened."""
    try:
        session = opened()
    except ReengagementError:
        log.exception("signing in failed")
        return PlainTextResponse("Out of order: the log says why.\n", 503, HEADERS)
    language = request.query_params.get("lang")
    parameters = [f"lang={language}"] if language in LANGUAGES else []
    if session is None:
        parameters.append(f"{sessions.REFUSED}=1")
    query = "?" + "&".join(parameters) if parameters else ""
    response = RedirectResponse(f"/{query}", 303, HEADERS)
    if session is not None:
        response.set_cookie(
            sessions.COOKIE,
            session.token,
            max_age=int(sessions.SESSION_LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=settings.public_url.startswith("https://"),
        )
    return response
