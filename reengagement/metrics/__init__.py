"""The figures of the dashboard: one function a figure, connection and period in, frozen rows out.

Their definitions are in `docs/figures.md`. A rate is never stored: rows carry counts, and
`reengagement.stats.Rate` does the arithmetic. Times are naive UTC.
"""

from reengagement.metrics.campaigns import RecentCampaign, Totals, recent_campaigns, totals
from reengagement.metrics.messages import LevelRow, TypeRow, by_level, by_type
from reengagement.metrics.operations import (
    Consumer,
    LastRun,
    Waiting,
    consumers_alive,
    last_run,
    waiting,
)
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.metrics.timeline import Day, daily

__all__ = [
    "ALL_TIME",
    "Consumer",
    "Day",
    "LastRun",
    "LevelRow",
    "Period",
    "RecentCampaign",
    "Totals",
    "TypeRow",
    "Waiting",
    "by_level",
    "by_type",
    "consumers_alive",
    "daily",
    "last_run",
    "recent_campaigns",
    "totals",
    "waiting",
]
