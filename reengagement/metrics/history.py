"""The runs of the planner, a page at a time (E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from reengagement.tables import run


@dataclass(frozen=True)
class PastRun:
    """One execution of the planner, or one that met another. Counts are None unless it is done.

    `inactive` is how many users were inactive, `held_back` how many of them got no campaign, by reason;
    `rules` those in force, as they were stored. `now` is the time it planned for.
    """

    id: int
    kind: str
    started_by: str
    now: datetime
    started_at: datetime
    finished_at: datetime | None
    state: str
    stage: str | None
    error: str | None
    new_campaigns: int | None
    scheduled_notifications: int | None
    closed_campaigns: int | None
    counts: Mapping[str, Any] | None
    rules: Mapping[str, Any] | None

    @property
    def took(self) -> timedelta | None:
        """Return how long it took, None while it runs."""
        return self.finished_at - self.started_at if self.finished_at else None

    @property
    def inactive(self) -> int | None:
        """Return how many users were inactive."""
        return (self.counts or {}).get("inactive")

    @property
    def held_back(self) -> Mapping[str, int]:
        """Return how many inactive users got no campaign, by reason (`audience.HELD_BACK`)."""
        return dict((self.counts or {}).get("held_back") or {})


@dataclass(frozen=True)
class PageOfRuns:
    """Runs, newest first, out of `total`."""

    runs: Sequence[PastRun]
    total: int


_COLUMNS = [run.c[name].label(name) for name in PastRun.__dataclass_fields__]


def past_runs(connection: Connection, *, skip: int = 0, limit: int = 50) -> PageOfRuns:
    """Return the runs that started last."""
    rows = connection.execute(select(*_COLUMNS).order_by(run.c.id.desc()).offset(skip).limit(limit))
    total = connection.execute(select(func.count()).select_from(run)).scalar_one()
    return PageOfRuns([PastRun(**row._mapping) for row in rows], total)


def past_run(connection: Connection, run_id: int) -> PastRun | None:
    """Return one run, None where there is none of that id."""
    row = connection.execute(select(*_COLUMNS).where(run.c.id == run_id)).one_or_none()
    return PastRun(**row._mapping) if row else None
