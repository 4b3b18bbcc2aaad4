"""Sent, clicked and returned, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, literal_column, select, true

from reengagement.arrays import array_of
from reengagement.metrics.messages import SENT, SENT_AT
from reengagement.metrics.period import Period, midnight
from reengagement.tables import Time, campaign, notification


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
    first_return = campaign.c.first_return_at
    events = (
        (SENT_AT, SENT),
        (notification.c.clicked_at, notification.c.clicked),
        (first_return, first_return.is_not(None)),
        (campaign.c.started_at, true()),
    )
    days = _days(connection, period, zone, events)
    counts = [_per_day(connection, moment, counted, days, period, zone) for moment, counted in events]
    return [Day(day, *(count.get(number, 0) for count in counts)) for number, day in enumerate(days, 1)]


Event = tuple[ColumnElement[Any], ColumnElement[bool]]
"""When it happened, and which rows it happened to."""


def _per_day(
    connection: Connection,
    moment: ColumnElement[Any],
    counted: ColumnElement[bool],
    days: Sequence[date],
    period: Period,
    zone: ZoneInfo,
) -> dict[int, int]:
    """Return how many rows that are `counted` fall on each of `days`, by its number from 1.

    The midnights are worked out here: PostgreSQL would look each row's up in the zone. They are read in a
    query of their own: beside the rows their text would be read once for each of them.
    """
    if not days:
        return {}
    midnights = [midnight(day, zone) for day in (*days, days[-1] + timedelta(days=1))]
    bounds = select(array_of(Time(), midnights)).scalar_subquery()
    number = func.width_bucket(moment, bounds).label("number")
    statement = (
        select(number, func.count().label("events"))
        .where(counted, moment >= midnights[0], moment < midnights[-1], period.holds(moment))
        .group_by(literal_column("1"))
    )
    return {row.number: row.events for row in connection.execute(statement)}


def _days(connection: Connection, period: Period, zone: ZoneInfo, events: Sequence[Event]) -> Sequence[date]:
    """Return the days of the period; where it is unbounded, from the first event on or up to the last."""
    first, last = period.start, period.end and period.end - timedelta(milliseconds=1)
    if first is None or last is None:
        spans = [
            connection.execute(
                select(func.min(moment), func.max(moment)).where(counted, period.holds(moment))
            ).one()
            for moment, counted in events
        ]
        first = first or min((span[0] for span in spans if span[0]), default=None)
        last = last or max((span[1] for span in spans if span[1]), default=None)
    if first is None or last is None:
        return []
    day, end = _local(first, zone), _local(last, zone)
    return [day + timedelta(days=n) for n in range((end - day).days + 1)]


def _local(moment: datetime, zone: ZoneInfo) -> date:
    return moment.replace(tzinfo=UTC).astimezone(zone).date()
