"""Builds the Huey instance: Redis where REDIS_URL is set, else tables in the same PostgreSQL."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import uuid
from typing import Any

import psycopg
import redis
from huey import PostgresHuey, PriorityRedisHuey
from huey.api import Huey
from huey.consumer import Consumer
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from reengagement import __version__, database, heartbeat, migrations
from reengagement.errors import BrokerUnreachable, ReengagementError
from reengagement.settings import Settings

log = logging.getLogger(__name__)

NAME = "reengagement"
TABLE_PREFIX = "reengagement_huey"
UNREACHABLE = (redis.RedisError, psycopg.Error)
"""What a wake-up may raise where the broker is away."""


class BeatingConsumer(Consumer):  # type: ignore[misc]
    """Huey's consumer, with a heartbeat row; it proves that the main process lives."""

    def start(self) -> None:
        """Start; where database or broker aren't fit for use, end with a sentence that says what to do."""
        try:
            self._engine = migrations.prepare(self.huey.settings)
            check_reachable(self.huey)
        except ReengagementError as error:
            sys.exit(f"reengagement: {error}")
        self._engine.dispose()  # workers are forked: none may share a connection
        self._beat_at = 0.0
        self._me = heartbeat.Consumer(
            id=uuid.uuid4().hex,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            workers=self.workers,
        )
        super().start()

    def loop(self, health_check_ts: float | None = None) -> float:
        """Beat when it is time; the base class calls this about ten times a second."""
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + heartbeat.EVERY_SECONDS
            self._beat()
        return float(super().loop(health_check_ts))

    def _beat(self) -> None:
        try:
            with database.autocommit(self._engine) as connection:
                heartbeat.beat(connection, self._me, database.clock(connection))
        except SQLAlchemyError as error:
            log.warning("heartbeat not written; is the database away?", extra={"error": type(error).__name__})


class _Beating:
    """A Huey whose stock command runs a BeatingConsumer."""

    settings: Settings

    def create_consumer(self, **options: Any) -> BeatingConsumer:
        return BeatingConsumer(self, **options)


class _RedisHuey(_Beating, PriorityRedisHuey):  # type: ignore[misc]
    pass


class _PostgresHuey(_Beating, PostgresHuey):  # type: ignore[misc]
    pass


def make_huey(settings: Settings) -> Huey:
    """Return the Huey of these settings; nothing connects before it is used.

    Plain RedisHuey has no priorities, and the tick goes first. Results aren't kept: facts are in the
    database. Raises EmbeddedDatabaseError.
    """
    huey: Huey
    if settings.redis_url:
        huey = _RedisHuey(NAME, url=settings.redis_url, results=False)
    else:
        address = make_url(database.url_of(settings)).set(drivername="postgresql")
        dsn = address.render_as_string(hide_password=False)
        huey = _PostgresHuey(NAME, dsn=dsn, table_prefix=TABLE_PREFIX, create_tables=False, results=False)
    huey.settings = settings
    return huey


def check_reachable(huey: Huey) -> None:
    """Raise BrokerUnreachable, in words, if the broker doesn't answer."""
    try:
        huey.pending_count()
    except redis.RedisError as error:
        raise BrokerUnreachable(
            f"Redis at {_without_password(huey.settings.redis_url)} can't be reached: {error}. "
            "Start it, or correct REDIS_URL; without REDIS_URL wake-ups go through PostgreSQL."
        ) from None
    except psycopg.Error as error:
        raise BrokerUnreachable(
            f"The broker's tables can't be used: {' '.join(str(error).split())}. "
            "Run: python -m reengagement migrate"
        ) from None


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
