"""What the web process serves beside the pages, and what it does when it starts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from reengagement import http, migrations, sessions, settings
from reengagement.dashboard.data import transaction
from reengagement.dashboard.routes import build_session_routes
from reengagement.dashboard.watching import watching
from reengagement.database import clock, engine_of
from reengagement.errors import ReengagementError
from reengagement.settings import Settings


def routes() -> list[BaseRoute]:
    """Return the routes of signing in, and those for browsers of users. Raises SettingsError."""
    return [*build_session_routes(settings.load()), *http.build_routes(settings.load())]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Print a link that signs in once, or why there is none, and look after alerts while the server runs."""
    click.echo(await run_in_threadpool(_greeting, settings.load()))
    with watching(settings.load()):
        yield


def _greeting(current: Settings) -> str:
    try:
        return f"\n  Sign in, once and within 24 hours:\n  {_new_link(current)}\n"
    except ReengagementError as error:
        return f"\n  Nobody can sign in yet. {error}\n"


def _new_link(current: Settings) -> str:
    """Return a new link, with the embedded database migrated before."""
    if current.database_url is None:
        migrations.migrate(engine_of(current))
    with transaction(current) as connection:
        migrations.check_migrated(connection)
        return sessions.new_link(connection, _as_served(current), clock(connection))


def _as_served(current: Settings) -> Settings:
    """Return the settings with the port that Streamlit listens on, unless REENGAGEMENT_PUBLIC_URL says."""
    if "public_url" in current.model_fields_set:
        return current
    return current.model_copy(update={"public_url": f"http://localhost:{st.get_option('server.port')}"})
