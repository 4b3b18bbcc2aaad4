"""Builds the Huey instance: Redis where REDIS_URL is set, else tables in the same PostgreSQL."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import redis
from huey import PostgresHuey, PriorityRedisHuey
from huey.api import Huey
from huey.consumer import Consumer, Scheduler, Worker
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from reengagement import __version__, database, heartbeat, migrations, ticking
from reengagement.errors import BrokerUnreachable, ReengagementError
from reengagement.settings import Settings

log = logging.getLogger(__name__)

NAME = "reengagement"
TABLE_PREFIX = "reengagement_huey"
UNREACHABLE = (redis.RedisError, psycopg.Error)
"""What a wake-up may raise where the broker is away."""


class _Child:
    """A child of the consumer that ends when its parent is gone; Huey's own would go on for ever."""

    def initialize(self) -> None:
        self._parent = os.getppid()
        super().initialize()  # type: ignore[misc]

    def loop(self, now: Any = None) -> None:
        if os.getppid() != self._parent:
            raise KeyboardInterrupt
        super().loop(now)  # type: ignore[misc]


class _Worker(_Child, Worker):  # type: ignore[misc]
    pass


class _Scheduler(_Child, Scheduler):  # type: ignore[misc]
    pass


class BeatingConsumer(Consumer):  # type: ignore[misc]
    """Huey's consumer, with a heartbeat row; it proves that the main process lives.

    With each beat it looks for work that waits, and wakes drains: reminders of a run by hand leave within
    seconds, and whoever runs the planner needs no broker.
    """

    worker_class = _Worker
    scheduler_class = _Scheduler

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
        self.huey.is_stopping = self._is_stopping
        super().start()

    def _is_stopping(self) -> bool:
        """Tell, in a worker too, whether this consumer is about to end or has ended."""
        return bool(self.stop_flag.is_set()) or self._me.pid not in (os.getpid(), os.getppid())

    def loop(self, health_check_ts: float | None = None) -> float:
        """Beat when it is time; the base class calls this about ten times a second."""
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + heartbeat.EVERY_SECONDS
            self._beat()
        return float(super().loop(health_check_ts))

    def run(self) -> None:
        """Run until told to stop, and take the heartbeat's row away."""
        super().run()
        with database.autocommit(self._engine) as connection:
            heartbeat.stop(connection, self._me.id)

    def _beat(self) -> None:
        try:
            with database.autocommit(self._engine) as connection:
                heartbeat.beat(connection, self._me, database.clock(connection))
            self.huey.wake(ticking.drains_wanted(self._engine, self.huey.pending_count()))
        except (SQLAlchemyError, *UNREACHABLE) as error:
            log.warning("no heartbeat; is the database or the broker away? %s", type(error).__name__)


class _Beating:
    """A Huey whose stock command runs a BeatingConsumer."""

    settings: Settings
    wake: Callable[[int], None]
    """Enqueues so many drains."""

    def is_stopping(self) -> bool:
        """Tell whether the consumer of this process is about to end; outside one it never is."""
        return False

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
