"""The figures of the dashboard: one function a figure, connection and period in, frozen rows out.

Their definitions are in `docs/figures.md`. A rate is never stored: rows carry counts, and
`reengagement.stats.Rate` does the arithmetic. Times are naive UTC.
"""

from reengagement.metrics.campaigns import RecentCampaign, Totals, recent_campaigns, totals
from reengagement.metrics.history import PageOfRuns, PastRun, past_run, past_runs
from reengagement.metrics.holdout import Course, allocations, courses, opened_a_day, strata
from reengagement.metrics.matured import Matured, matured
from reengagement.metrics.messages import LevelRow, Sent, TypeRow, VariantRow, by_level, by_type, by_variant
from reengagement.metrics.operations import (
    Consumer,
    LastRun,
    Waiting,
    consumers_alive,
    last_run,
    settled_last_day,
    waiting,
)
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.metrics.reach import Reach, reach
from reengagement.metrics.timeline import Day, daily

__all__ = [
    "ALL_TIME",
    "Consumer",
    "Course",
    "Day",
    "LastRun",
    "LevelRow",
    "Matured",
    "PageOfRuns",
    "PastRun",
    "Period",
    "Reach",
    "RecentCampaign",
    "Sent",
    "Totals",
    "TypeRow",
    "VariantRow",
    "Waiting",
    "allocations",
    "by_level",
    "by_type",
    "by_variant",
    "consumers_alive",
    "courses",
    "daily",
    "last_run",
    "matured",
    "opened_a_day",
    "past_run",
    "past_runs",
    "reach",
    "recent_campaigns",
    "settled_last_day",
    "strata",
    "totals",
    "waiting",
]
