"""Those reminded beside those held out: campaigns, returns, and when they came.

Only campaigns that were opened while a share was held out are compared: in these chance alone decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Integer, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import distinct_on

from reengagement.metrics.matured import window_ends_at
from reengagement.rules import Rules
from reengagement.stats.arms import Allocation, Arm, Stratum
from reengagement.stats.survival import Watched
from reengagement.tables import Time, campaign

SECONDS_AN_HOUR = 3600
HOURS_A_DAY = 24
DAYS_SEEN = timedelta(days=28)


@dataclass(frozen=True)
class Course:
    """The campaigns of one arm under one planned share, by how long they were watched and what came of it.

    `share` is None for campaigns that were opened while nobody was held out.
    """

    share: float | None
    arm: str
    watched: Sequence[Watched]


def strata(connection: Connection, rules: Rules, now: datetime) -> list[Stratum]:
    """Return the matured campaigns of both arms, for each share (and salt) that was in force."""
    of_user = (
        select(
            campaign.c.holdout_share.label("share"),
            campaign.c.holdout_salt.label("salt"),
            campaign.c.arm.label("arm"),
            func.count().label("campaigns"),
            func.count(campaign.c.first_return_at).label("returned"),
        )
        .where(campaign.c.holdout_share.is_not(None), window_ends_at(rules) <= now)
        .group_by(campaign.c.holdout_share, campaign.c.holdout_salt, campaign.c.arm, campaign.c.user_id)
        .subquery("of_user")
    )
    c, r = of_user.c.campaigns, of_user.c.returned
    sums = [cast(func.sum(each), Integer) for each in (c, r, c * c, c * r, r * r)]
    groups = (of_user.c.share, of_user.c.salt, of_user.c.arm)
    found: dict[tuple[float, str | None], dict[str, Arm]] = defaultdict(dict)
    for row in connection.execute(select(*groups, *sums).group_by(*groups).order_by(*groups)):
        found[row.share, row.salt][row.arm] = Arm(*row[3:])
    nobody = Arm(0, 0, 0, 0, 0)
    return [
        Stratum(share, arms.get("treated", nobody), arms.get("holdout", nobody))
        for (share, _salt), arms in found.items()
    ]


def allocations(connection: Connection) -> list[Allocation]:
    """Return how users were split: each by the first of their campaigns that had a planned share."""
    first = (
        select(campaign.c.holdout_share.label("share"), campaign.c.arm.label("arm"))
        .ext(distinct_on(campaign.c.user_id))
        .where(campaign.c.holdout_share.is_not(None))
        .order_by(campaign.c.user_id, campaign.c.started_at, campaign.c.id)
        .subquery("first")
    )
    rows = connection.execute(
        select(
            first.c.share,
            func.count().filter(first.c.arm == "treated"),
            func.count().filter(first.c.arm == "holdout"),
        )
        .group_by(first.c.share)
        .order_by(first.c.share)
    )
    return [Allocation(*row) for row in rows]


def courses(connection: Connection, rules: Rules, now: datetime) -> list[Course]:
    """Return when users returned, by share and arm, to the hour; cut off only by *now* or the window's end.

    That a campaign was closed, exhausted or opted out cuts nothing off: its user may still return.
    """
    seen = campaign.c.first_return_at.is_not(None)
    until = func.least(window_ends_at(rules), literal(now, Time()))
    ended = func.coalesce(campaign.c.first_return_at, until)
    hours = func.extract("epoch", ended - campaign.c.started_at) / SECONDS_AN_HOUR
    # A return counts at the end of its hour, who is cut off was watched until the beginning of theirs.
    whole = cast(case((seen, func.floor(hours) + 1), else_=func.floor(hours)), Integer)
    rows = connection.execute(
        select(
            campaign.c.holdout_share.label("share"),
            campaign.c.arm.label("arm"),
            whole.label("hour"),
            func.count().filter(seen).label("returned"),
            func.count().filter(~seen).label("unseen"),
        )
        .where(campaign.c.started_at <= now)
        .group_by("share", "arm", "hour")
        .order_by("share", "arm", "hour")
    )
    found: dict[tuple[float | None, str], list[Watched]] = defaultdict(list)
    for row in rows:
        found[row.share, row.arm].append(Watched(row.hour / HOURS_A_DAY, row.returned, row.unseen))
    return [Course(share, arm, watched) for (share, arm), watched in found.items()]


def opened_a_day(connection: Connection, now: datetime) -> float:
    """Return how many campaigns a day were opened within the last 28 days, in either arm."""
    since = now - DAYS_SEEN
    opened = connection.execute(
        select(func.count()).where(campaign.c.started_at > since, campaign.c.started_at <= now)
    ).scalar_one()
    return opened / DAYS_SEEN.days
