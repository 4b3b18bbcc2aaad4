"""Sent, clicked and returned, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Date, cast, func, select, true

from reengagement.metrics.messages import SENT, SENT_AT
from reengagement.metrics.period import Period
from reengagement.tables import campaign, notification


@dataclass(frozen=True)
class Day:
    """What happened on one calendar day: campaigns opened, notifications sent, clicks, first returns."""

    date: date
    sent: int
    clicked: int
    returned: int
    campaigns: int


def daily(connection: Connection, period: Period, zone: ZoneInfo) -> list[Day]:
    """Return a row for each day of `zone` in the period, also for one on which nothing happened.

    Each event counts on its own day: a click on Tuesday of a reminder sent on Monday is Tuesday's.
    Where the period is unbounded it reaches from the first event to the last.
    """
    opened = _per_day(connection, campaign.c.started_at, zone, period, true())
    sent = _per_day(connection, SENT_AT, zone, period, SENT)
    clicked = _per_day(connection, notification.c.clicked_at, zone, period, notification.c.clicked)
    first_return = campaign.c.first_return_at
    returned = _per_day(connection, first_return, zone, period, first_return.is_not(None))
    counts = (sent, clicked, returned, opened)
    days = _days(period, zone, set().union(*counts))
    return [Day(day, *(count.get(day, 0) for count in counts)) for day in days]


def _per_day(
    connection: Connection,
    moment: ColumnElement[Any],
    zone: ZoneInfo,
    period: Period,
    counted: ColumnElement[bool],
) -> dict[date, int]:
    """Return how many rows that are `counted` fall on each day."""
    local = cast(func.timezone(zone.key, func.timezone("UTC", moment)), Date).label("day")
    statement = (
        select(local, func.count().label("events"))
        .where(counted, moment.is_not(None), period.holds(moment))
        .group_by(local)
    )
    return {row.day: row.events for row in connection.execute(statement)}


def _days(period: Period, zone: ZoneInfo, seen: set[date]) -> list[date]:
    first = _local(period.start, zone) if period.start else min(seen, default=None)
    last = _local(period.end - timedelta(milliseconds=1), zone) if period.end else max(seen, default=None)
    if first is None or last is None:
        return []
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _local(moment: datetime, zone: ZoneInfo) -> date:
    return moment.replace(tzinfo=UTC).astimezone(zone).date()
