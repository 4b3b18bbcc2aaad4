"""Notifications sent, clicked and followed by a return: by level, by message type, by variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from reengagement.metrics.period import ALL_TIME, Period
from reengagement.stats import Rate
from reengagement.tables import LEVELS, MESSAGE_TYPES, campaign, notification

SENT = or_(notification.c.sent, notification.c.clicked)
"""Accepted by at least one push service; a click implies it."""

SENT_AT = func.coalesce(notification.c.sent_at, notification.c.clicked_at)

CLICK_WITHIN = timedelta(hours=72)
"""A click this long after sending counts for the matured click rate; nearly all come sooner."""

RETURN_WITHIN = timedelta(days=7)
"""A return this long after sending stands beside the reminder; it needn't have been its effect."""

CLICKED_SOON = notification.c.clicked & (notification.c.clicked_at <= SENT_AT + CLICK_WITHIN)

RETURNED_SOON = campaign.c.first_return_at.between(SENT_AT, SENT_AT + RETURN_WITHIN)


Counts = tuple[int, int, int]
"""Sent, clicked, returned."""

NONE: Counts = (0, 0, 0)


def sent_long_enough_ago(within: timedelta, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a notification was sent and has had this time since."""
    return SENT & (now - within >= SENT_AT)


@dataclass(frozen=True)
class Sent:
    """What was sent, and how much of it was clicked or followed by a return within seven days."""

    sent: int
    clicked: int
    returned: int

    @property
    def click_rate(self) -> Rate:
        """Return clicked of sent."""
        return Rate(self.clicked, self.sent)

    @property
    def return_rate(self) -> Rate:
        """Return those followed by a return within seven days, of sent."""
        return Rate(self.returned, self.sent)


@dataclass(frozen=True)
class LevelRow(Sent):
    """What was sent at one level."""

    level: int


@dataclass(frozen=True)
class TypeRow(Sent):
    """What was sent of one message type."""

    message_type: str


@dataclass(frozen=True)
class VariantRow(Sent):
    """What was sent of one variant, all its revisions together."""

    variant_id: str
    level: int
    message_type: str


def by_level(connection: Connection, period: Period = ALL_TIME) -> list[LevelRow]:
    """Return a row for each of the levels 1-4, also for one that nothing was sent at (F3)."""
    return by_level_and_type(connection, period)[0]


def by_type(connection: Connection, period: Period = ALL_TIME) -> list[TypeRow]:
    """Return a row for each message type, then for any other that an older system used (F3)."""
    return by_level_and_type(connection, period)[1]


def by_level_and_type(
    connection: Connection, period: Period = ALL_TIME
) -> tuple[list[LevelRow], list[TypeRow]]:
    """Return what `by_level` and `by_type` do, of one reading: half the time where the history is long."""
    counts = _counts(connection, period, notification.c.level, notification.c.message_type)
    levels: dict[int, Counts] = {}
    types: dict[str, Counts] = {}
    for (level, name), row in counts.items():
        levels[level] = _added(levels.get(level), row)
        types[name] = _added(types.get(name), row)
    return _level_rows(levels), _type_rows(types)


def _added(one: Counts | None, other: Counts) -> Counts:
    sent, clicked, returned = one or NONE
    return sent + other[0], clicked + other[1], returned + other[2]


def _level_rows(counts: Mapping[int, Counts]) -> list[LevelRow]:
    return [LevelRow(*counts.get(level, NONE), level=level) for level in LEVELS]


def _type_rows(counts: Mapping[str, Counts]) -> list[TypeRow]:
    names = (*MESSAGE_TYPES, *sorted(counts.keys() - set(MESSAGE_TYPES)))
    return [TypeRow(*counts.get(name, NONE), message_type=name) for name in names]


def by_variant(connection: Connection, period: Period = ALL_TIME) -> list[VariantRow]:
    """Return a row for each variant that was sent, by level and id."""
    groups = (notification.c.level, notification.c.variant_id, notification.c.message_type)
    return [
        VariantRow(*counts, variant_id=variant_id, level=level, message_type=message_type)
        for (level, variant_id, message_type), counts in sorted(_counts(connection, period, *groups).items())
    ]


def _counts(
    connection: Connection, period: Period, *groups: ColumnElement[Any]
) -> dict[tuple[Any, ...], Counts]:
    """Return sent, clicked and returned soon for each value of `groups`.

    Joined to campaigns with a return only: most have none.
    """
    its_return = (campaign.c.id == notification.c.campaign_id) & campaign.c.first_return_at.is_not(None)
    rows = connection.execute(
        select(
            *groups,
            func.count(),
            func.count().filter(notification.c.clicked),
            func.count().filter(RETURNED_SOON),
        )
        .select_from(notification.outerjoin(campaign, its_return))
        .where(SENT, period.holds(SENT_AT))
        .group_by(*groups)
    )
    return {tuple(row[:-3]): tuple(row[-3:]) for row in rows}
