"""The stretch of time that a figure is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, true


@dataclass(frozen=True)
class Period:
    """From `start` to just before `end`, naive UTC; None is unbounded."""

    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def last_days(cls, days: int, now: datetime, zone: ZoneInfo) -> Period:
        """Return the last `days` calendar days of `zone`, today among them, up to its next midnight."""
        today = now.replace(tzinfo=UTC).astimezone(zone).date()
        return cls.of_days(today - timedelta(days=days - 1), today, zone)

    @classmethod
    def of_days(cls, first: date, last: date, zone: ZoneInfo) -> Period:
        """Return the calendar days of `zone` from `first` to `last`, both among them."""
        after = last + timedelta(days=1)
        return cls(midnight(first, zone), midnight(after, zone))

    def has(self, moment: datetime) -> bool:
        """Tell whether `moment` (naive UTC) lies in this period."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)

    def holds(self, moment: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that `moment` lies in this period."""
        condition: ColumnElement[bool] = true()
        if self.start is not None:
            condition = condition & (moment >= self.start)
        if self.end is not None:
            condition = condition & (moment < self.end)
        return condition


ALL_TIME = Period()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when `day` begins in `zone`, in naive UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)
