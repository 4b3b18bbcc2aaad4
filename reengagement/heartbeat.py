"""The heartbeat of a consumer: a row that says who it is and when it was last seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from reengagement.tables import consumer

EVERY_SECONDS = 5.0
ALIVE_FOR = timedelta(minutes=3)
"""A consumer not seen for so long counts as gone."""
KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Consumer:
    """A consumer process with its workers, on one machine."""

    id: str
    host: str
    pid: int
    version: str
    workers: int


def beat(connection: Connection, one: Consumer, now: datetime) -> None:
    """Note that this consumer lives; forget those not seen for a week."""
    connection.execute(
        insert(consumer)
        .values(
            id=one.id,
            host=one.host,
            pid=one.pid,
            version=one.version,
            workers=one.workers,
            started_at=now,
            seen_at=now,
        )
        .on_conflict_do_update(index_elements=[consumer.c.id], set_={"seen_at": now})
    )
    connection.execute(delete(consumer).where(consumer.c.seen_at < now - KEPT_FOR))


def stop(connection: Connection, consumer_id: str) -> None:
    """Note that a consumer has ended in good order."""
    connection.execute(delete(consumer).where(consumer.c.id == consumer_id))


def workers_alive(connection: Connection, now: datetime) -> int:
    """Return how many workers the living consumers have together."""
    alive = consumer.c.seen_at > now - ALIVE_FOR
    return int(
        connection.execute(select(func.coalesce(func.sum(consumer.c.workers), 0)).where(alive)).scalar_one()
    )
