"""Notifications sent and clicked, by level and by message type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from reengagement.metrics.period import ALL_TIME, Period
from reengagement.stats import Rate
from reengagement.tables import LEVELS, MESSAGE_TYPES, notification

SENT = or_(notification.c.sent, notification.c.clicked)
"""Accepted by at least one push service; a click implies it."""

SENT_AT = func.coalesce(notification.c.sent_at, notification.c.clicked_at)


@dataclass(frozen=True)
class LevelRow:
    """What was sent at one level, and how much of it was clicked."""

    level: int
    sent: int
    clicked: int

    @property
    def click_rate(self) -> Rate:
        """Return clicked of sent."""
        return Rate(self.clicked, self.sent)


@dataclass(frozen=True)
class TypeRow:
    """What was sent of one message type, and how much of it was clicked."""

    message_type: str
    sent: int
    clicked: int

    @property
    def click_rate(self) -> Rate:
        """Return clicked of sent."""
        return Rate(self.clicked, self.sent)


def by_level(connection: Connection, period: Period = ALL_TIME) -> list[LevelRow]:
    """Return a row for each of the levels 1-4, also for one that nothing was sent at (F3)."""
    counts = _counts(connection, notification.c.level, period)
    return [LevelRow(level, *counts.get(level, (0, 0))) for level in LEVELS]


def by_type(connection: Connection, period: Period = ALL_TIME) -> list[TypeRow]:
    """Return a row for each message type, then for any other that an older system used (F3)."""
    counts = _counts(connection, notification.c.message_type, period)
    others = sorted(counts.keys() - set(MESSAGE_TYPES))
    return [TypeRow(name, *counts.get(name, (0, 0))) for name in (*MESSAGE_TYPES, *others)]


def _counts(connection: Connection, group: ColumnElement[Any], period: Period) -> dict[Any, tuple[int, int]]:
    """Return sent and clicked for each value of `group`."""
    rows = connection.execute(
        select(group, func.count(), func.count().filter(notification.c.clicked))
        .where(SENT, period.holds(SENT_AT))
        .group_by(group)
    )
    return {value: (sent, clicked) for value, sent, clicked in rows}
