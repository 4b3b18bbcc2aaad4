"""Whether the machinery runs: the last run, consumers, and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from reengagement.heartbeat import ALIVE_FOR
from reengagement.tables import OPEN_STATES, consumer, delivery, notification, run


@dataclass(frozen=True)
class LastRun:
    """The newest execution of the planner. Counts are None until it is done."""

    id: int
    kind: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    state: str
    stage: str | None
    error: str | None
    new_campaigns: int | None
    scheduled_notifications: int | None
    closed_campaigns: int | None
    counts: Mapping[str, Any] | None


@dataclass(frozen=True)
class Consumer:
    """A Huey consumer that was seen lately."""

    id: str
    host: str
    pid: int
    version: str
    workers: int
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class Waiting:
    """What has yet to be sent: notifications not yet fanned out, deliveries by open state."""

    notifications: int
    deliveries: Mapping[str, int]
    oldest_at: datetime | None

    @property
    def total(self) -> int:
        """Return how much work is left."""
        return self.notifications + sum(self.deliveries.values())


def last_run(connection: Connection) -> LastRun | None:
    """Return the run that started last, None before the first; those that met another don't count (E3)."""
    wanted = [run.c[name].label(name) for name in LastRun.__dataclass_fields__]
    row = connection.execute(
        select(*wanted).where(run.c.state != "already_running").order_by(run.c.id.desc()).limit(1)
    ).one_or_none()
    return LastRun(**row._mapping) if row else None


def consumers_alive(connection: Connection, now: datetime) -> list[Consumer]:
    """Return the consumers seen within three minutes before `now`."""
    wanted = [consumer.c[name].label(name) for name in Consumer.__dataclass_fields__]
    rows = connection.execute(
        select(*wanted).where(consumer.c.seen_at > now - ALIVE_FOR).order_by(consumer.c.started_at)
    )
    return [Consumer(**row._mapping) for row in rows]


def settled_last_day(connection: Connection, now: datetime) -> dict[str, int]:
    """Return how many deliveries went into each final state in the 24 hours before `now`."""
    rows = connection.execute(
        select(delivery.c.state, func.count().label("deliveries"))
        .where(delivery.c.settled_at > now - timedelta(days=1))
        .group_by(delivery.c.state)
    )
    return {row.state: row.deliveries for row in rows}


def waiting(connection: Connection) -> Waiting:
    """Return what has yet to be sent, and since when the oldest of it waits."""
    notifications, oldest = connection.execute(
        select(func.count(), func.min(notification.c.queued_at)).where(
            notification.c.run_id.is_not(None),
            notification.c.fanned_out_at.is_(None),
            notification.c.settled_at.is_(None),
        )
    ).one()
    states = connection.execute(
        select(delivery.c.state, func.count(), func.min(delivery.c.queued_at))
        .where(delivery.c.state.in_(OPEN_STATES))
        .group_by(delivery.c.state)
    ).all()
    moments = [moment for moment in (oldest, *(first for _, _, first in states)) if moment is not None]
    return Waiting(notifications, {state: count for state, count, _ in states}, min(moments, default=None))
