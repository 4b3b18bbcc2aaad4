"""The figures of the dashboard: one function a figure, connection and period in, frozen rows out.

Their definitions are in `docs/figures.md`. A rate is never stored: rows carry counts, and
`reengagement.stats.Rate` does the arithmetic. Times are naive UTC.
"""

from reengagement.metrics.campaigns import RecentCampaign, Totals, campaigns_of, recent_campaigns, totals
from reengagement.metrics.history import PageOfRuns, PastRun, past_run, past_runs
from reengagement.metrics.holdout import Course, allocations, courses, opened_a_day, strata
from reengagement.metrics.listing import STATUSES, Page, Place, Wanted, count_campaigns, page_of_campaigns
from reengagement.metrics.matured import Matured, matured
from reengagement.metrics.messages import (
    LevelRow,
    Sent,
    TypeRow,
    VariantRow,
    by_level,
    by_level_and_type,
    by_type,
    by_variant,
)
from reengagement.metrics.operations import (
    Consumer,
    LastRun,
    Waiting,
    consumers_alive,
    last_run,
    settled_last_day,
    waiting,
)
from reengagement.metrics.people import Person, find_people, person
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.metrics.queue import (
    Cause,
    Hour,
    Origin,
    ServiceRow,
    Trouble,
    by_hour,
    by_service,
    causes,
    troubled_origins,
    troubles,
)
from reengagement.metrics.reach import Reach, reach
from reengagement.metrics.story import AHEAD, DeliveryStory, Event, NotificationStory, Story, story_of
from reengagement.metrics.timeline import Day, daily

__all__ = [
    "AHEAD",
    "ALL_TIME",
    "STATUSES",
    "Cause",
    "Consumer",
    "Course",
    "Day",
    "DeliveryStory",
    "Event",
    "Hour",
    "LastRun",
    "LevelRow",
    "Matured",
    "NotificationStory",
    "Origin",
    "Page",
    "PageOfRuns",
    "PastRun",
    "Period",
    "Person",
    "Place",
    "Reach",
    "RecentCampaign",
    "Sent",
    "ServiceRow",
    "Story",
    "Totals",
    "Trouble",
    "TypeRow",
    "VariantRow",
    "Waiting",
    "Wanted",
    "allocations",
    "by_hour",
    "by_level",
    "by_level_and_type",
    "by_service",
    "by_type",
    "by_variant",
    "campaigns_of",
    "causes",
    "consumers_alive",
    "count_campaigns",
    "courses",
    "daily",
    "find_people",
    "last_run",
    "matured",
    "opened_a_day",
    "page_of_campaigns",
    "past_run",
    "past_runs",
    "person",
    "reach",
    "recent_campaigns",
    "settled_last_day",
    "story_of",
    "strata",
    "totals",
    "troubled_origins",
    "troubles",
    "waiting",
]
