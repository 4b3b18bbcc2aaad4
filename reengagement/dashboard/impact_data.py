"""What the page of the reminders' impact reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reengagement import metrics, rules
from reengagement.dashboard import data
from reengagement.database import clock
from reengagement.metrics import Course, Matured
from reengagement.metrics.choices import Compared, Outcome, compared
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.stats.lift import Verdict, verdict


@dataclass(frozen=True)
class Impact:
    """All but the texts: whether reminders bring anyone back, when users return, and what a trial takes."""

    now: datetime
    rules: Rules
    verdict: Verdict
    courses: Sequence[Course]
    matured: Matured
    opened_a_day: float


def impact(settings: Settings) -> Impact:
    """Return what the page shows. Raises ReengagementError."""
    with data.snapshot(settings) as connection:
        now = clock(connection)
        in_force = rules.in_force(connection, settings.rules).rules
        return Impact(
            now=now,
            rules=in_force,
            verdict=verdict(metrics.strata(connection, in_force, now), metrics.allocations(connection)),
            courses=metrics.courses(connection, in_force, now),
            matured=metrics.matured(connection, in_force, now),
            opened_a_day=metrics.opened_a_day(connection, now),
        )


def texts(settings: Settings, outcome: Outcome) -> list[Compared]:
    """Return types and texts beside the rest of their level. Raises ReengagementError."""
    with data.snapshot(settings) as connection:
        return compared(connection, clock(connection), outcome)
