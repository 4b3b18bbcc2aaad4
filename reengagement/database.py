"""Connections to PostgreSQL, and its clock, the only one that counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from reengagement import embedded
from reengagement.errors import DatabaseUnreachable
from reengagement.settings import Settings

CONNECT_TIMEOUT_SECONDS = 10
SESSION_OPTIONS = "-c timezone=UTC -c jit=off"
"""jit off: a run is a handful of large statements that it makes 15 % slower (measured at 1 M users)."""


def url_of(settings: Settings) -> str:
    """Return the address of the database, starting the embedded one if none is configured.

    Raises EmbeddedDatabaseError if that can't be done.
    """
    return settings.database_url or embedded.ensure_running(settings.data_dir)


@cache
def _engine(url: str, process_id: int) -> Engine:
    """One engine a process: a forked worker must not share its parent's sockets."""
    return make_engine(url)


def engine_of(settings: Settings) -> Engine:
    """Return this process's engine."""
    return _engine(url_of(settings), os.getpid())


def make_engine(url: str) -> Engine:
    """Return a new engine; its sessions run in UTC."""
    address = make_url(url).set(drivername="postgresql+psycopg")
    given = address.query.get("options", "")
    options = f"{given} {SESSION_OPTIONS}".strip() if isinstance(given, str) else SESSION_OPTIONS
    return create_engine(
        address.difference_update_query(["options"]),
        connect_args={
            "options": options,
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "reengagement",
        },
        pool_pre_ping=True,
    )


def check_reachable(engine: Engine) -> None:
    """Raise DatabaseUnreachable, with the address less its password, if no connection can be made."""
    try:
        with engine.connect():
            pass
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise DatabaseUnreachable(
            f"PostgreSQL at {engine.url.render_as_string(hide_password=True)} can't be reached: {reason}. "
            "Start it, or correct DATABASE_URL; without DATABASE_URL an embedded PostgreSQL is started."
        ) from None


def clock(connection: Connection) -> datetime:
    """Return PostgreSQL's time, naive UTC, floored to milliseconds: workers' clocks may be an hour apart."""
    now: datetime = connection.execute(
        text("SELECT date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC')")
    ).scalar_one()
    return now


def can_hold(text: str) -> bool:
    """Tell whether PostgreSQL can hold `text`: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def floor_to_milliseconds(moment: datetime) -> datetime:
    """Return `moment` as `timestamp(3)` stores it, never rounded into the future."""
    return moment - timedelta(microseconds=moment.microsecond % 1000)


@contextmanager
def autocommit(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose every statement commits by itself."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
