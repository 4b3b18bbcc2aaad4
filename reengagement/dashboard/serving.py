"""What the web process serves beside the pages, and what it does when it starts."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route

from reengagement import http, migrations, sessions, settings
from reengagement.dashboard import handing_over, navigation
from reengagement.dashboard.address import as_served
from reengagement.dashboard.data import transaction
from reengagement.dashboard.routes import build_session_routes
from reengagement.dashboard.warming import keeping_warm
from reengagement.dashboard.watching import watching
from reengagement.database import clock, engine_of
from reengagement.errors import ReengagementError
from reengagement.headers import Headers
from reengagement.settings import Settings


def routes() -> list[BaseRoute]:
    """Return the routes of signing in, and those for browsers of users. Raises SettingsError."""
    first = Route(f"/{navigation.names()[0]}", _first_page, methods=["GET"])
    return [first, *build_session_routes(settings.load()), *http.build_routes(settings.load())]


async def _first_page(request: Request) -> RedirectResponse:
    """Return the way from the name of the first page to its address, `/`, where alone Streamlit has it.

    Relative, since a proxy may have put a path before it; for this time, so that no browser remembers it.
    """
    return RedirectResponse("./" + (f"?{request.url.query}" if request.url.query else ""), 307)


def middleware() -> list[Middleware]:
    """Return what every answer passes through. Raises SettingsError."""
    return [Middleware(Headers, https=settings.load().public_url.startswith("https://"))]


def secrets() -> dict[str, Any] | None:
    """Return what Streamlit needs to sign people in at a provider; None where that door is closed.

    The cookie's key comes from the client's secret: it is the same in every process and after a restart,
    and whoever changes the one has signed everyone out.
    """
    current = settings.load()
    if "oidc" not in current.doors:
        return None
    assert current.oidc_client_secret is not None
    key = hmac.digest(current.oidc_client_secret.encode(), b"reengagement: cookie of signing in", "sha256")
    return {
        "auth": {
            "redirect_uri": f"{as_served(current).public_url}/oauth2callback",
            "cookie_secret": key.hex(),
            "client_id": current.oidc_client_id,
            "client_secret": current.oidc_client_secret,
            "server_metadata_url": current.oidc_metadata_url,
        }
    }


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Print how to sign in, or why nobody can; look after alerts and figures while the server runs."""
    current = settings.load()
    click.echo(await run_in_threadpool(_greeting, current))
    with handing_over.running_here(), watching(current), keeping_warm(current):
        yield


def _greeting(current: Settings) -> str:
    try:
        served = _prepared(current)
        if "link" not in served.doors:
            return f"\n  Sign in:\n  {served.public_url}\n"
        return f"\n  Sign in, once and within 24 hours:\n  {_new_link(served)}\n"
    except ReengagementError as error:
        return f"\n  Nobody can sign in yet. {error}\n"


def _prepared(current: Settings) -> Settings:
    """Return the settings as they are served; the embedded database is migrated, any other looked at."""
    if current.database_url is None:
        migrations.migrate(engine_of(current))
    with transaction(current) as connection:
        migrations.check_migrated(connection)
    return as_served(current)


def _new_link(served: Settings) -> str:
    with transaction(served) as connection:
        return sessions.new_link(connection, served, clock(connection))
