"""Who has lapsed, and who is held back and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    TableClause,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.types import Text

from reengagement.host import Host
from reengagement.rules import Rules
from reengagement.staging import stage
from reengagement.tables import campaign, opt_out

AHEAD = timedelta(days=1)
"""Steps dated up to a day ahead count: a host whose clock isn't UTC is ahead by its offset."""

LAPSED = ("long_enough", "within_look_back")
"""What makes a user inactive (A1, A3)."""

HELD_BACK = ("has_campaign", "too_few_steps", "opted_out", "refused", "same_lapse")
"""Why an inactive user gets no campaign, in the order in which reasons are looked for."""


@dataclass(frozen=True)
class InactiveUser:
    """A user who has lapsed. `days` are whole days since `last_activity_at` (naive UTC)."""

    user_id: str
    last_activity_at: datetime
    days: int
    completions: int
    has_active_campaign: bool


def activity_until(host: Host, now: datetime) -> Subquery:
    """Return `user_id, at`: the activity that counts at `now`."""
    activity = host.activity().subquery()
    return select(activity.c.user_id, activity.c.at).where(activity.c.at <= now + AHEAD).subquery("activity")


def is_of(user_id: ColumnElement[str], only: str | None) -> ColumnElement[bool]:
    """Return the condition that a row is of the user `only`; without one, of anybody."""
    return true() if only is None else user_id == only


def stage_activity(
    connection: Connection, host: Host, rules: Rules, now: datetime, only: str | None = None
) -> TableClause:
    """Stage `user_id, newest, steps` of everyone active since the look-back or the oldest open campaign.

    With `only`, of that user: so one can be looked at by what a run looks at everyone with.

    One scan of the host's steps serves the whole run: who is inactive, who came back, whose lapse moved.
    The oldest campaign is read first: PostgreSQL can't tell how many steps lie after an unknown time,
    guessed 379 for 45,000 and sorted where hashing takes a third of the time.
    """
    oldest = connection.execute(
        select(func.min(campaign.c.started_at)).where(campaign.c.is_active)
    ).scalar_one()
    since = min(now - rules.look_back, oldest or now)
    activity = activity_until(host, now)
    query = (
        select(activity.c.user_id, func.max(activity.c.at).label("newest"), func.count().label("steps"))
        .where(activity.c.at >= since, is_of(activity.c.user_id, only))
        .group_by(activity.c.user_id)
    )
    return stage(connection, "run_activity", query)


def _is_inactive(newest: ColumnElement[Any], rules: Rules, now: datetime) -> ColumnElement[bool]:
    """A1 and A3: at least the first level's day ago, and within the look-back; both ends count."""
    return and_(*_lapse_tests(newest, rules, now).values())


def _lapse_tests(newest: ColumnElement[Any], rules: Rules, now: datetime) -> dict[str, ColumnElement[bool]]:
    """Return what makes a user inactive, by the names in LAPSED."""
    return {
        "long_enough": newest <= now - rules.inactive_after,
        "within_look_back": newest >= now - rules.look_back,
    }


def inactive_users(connection: Connection, host: Host, rules: Rules, now: datetime) -> Sequence[InactiveUser]:
    """Return everyone who is inactive with enough completed steps (A1-A3), longest away last."""
    activity = activity_until(host, now)
    newest = func.max(activity.c.at)
    steps = func.count()
    active = exists().where(campaign.c.user_id == activity.c.user_id, campaign.c.is_active)
    rows = connection.execute(
        select(activity.c.user_id, newest.label("newest"), steps.label("steps"), active.label("active"))
        .group_by(activity.c.user_id)
        .having(_is_inactive(newest, rules, now), steps >= rules.min_completed_steps)
        .order_by(newest.desc(), activity.c.user_id)
    )
    return [
        InactiveUser(row.user_id, row.newest, (now - row.newest).days, row.steps, row.active) for row in rows
    ]


def stage_inactive(
    connection: Connection,
    host: Host,
    rules: Rules,
    now: datetime,
    activity: TableClause,
    closing: TableClause,
) -> TableClause:
    """Stage `user_id, newest, held_back, ordinal, last_reminder_at` of every inactive user.

    `held_back` is null for those who get a campaign. `ordinal` counts the user's campaigns, that one
    included; `last_reminder_at` is the newest reminder of earlier ones.
    """
    inactive = _is_inactive(activity.c.newest, rules, now)
    past = _past_campaigns(select(activity.c.user_id).where(inactive), closing)
    query = (
        select(
            activity.c.user_id,
            activity.c.newest,
            _held_back(host, rules, now, activity, past).label("held_back"),
            (func.coalesce(past.c.campaigns, 0) + 1).label("ordinal"),
            past.c.last_reminder_at,
        )
        .select_from(activity.outerjoin(past, past.c.user_id == activity.c.user_id))
        .where(inactive)
    )
    return stage(connection, "run_inactive", query)


def _past_campaigns(inactive: Select[Any], closing: FromClause) -> Subquery:
    """A row a user of `inactive` who had any: of all campaigns together, and of the last one."""
    stays = and_(campaign.c.is_active, closing.c.campaign_id.is_(None))
    reminded = func.coalesce(campaign.c.last_reminder_at, campaign.c.last_sent_at)
    return (
        select(
            campaign.c.user_id,
            func.count().over(partition_by=campaign.c.user_id).label("campaigns"),
            func.bool_or(stays).over(partition_by=campaign.c.user_id).label("stays_active"),
            func.max(reminded).over(partition_by=campaign.c.user_id).label("last_reminder_at"),
            campaign.c.started_at,
            func.coalesce(closing.c.reason, campaign.c.closed_reason, "exhausted").label("reason"),
        )
        .ext(distinct_on(campaign.c.user_id))
        .select_from(campaign.outerjoin(closing, closing.c.campaign_id == campaign.c.id))
        .where(campaign.c.user_id.in_(inactive))
        .order_by(campaign.c.user_id, campaign.c.started_at.desc(), campaign.c.id.desc())
        .subquery("past")
    )


def _held_back(
    host: Host, rules: Rules, now: datetime, user: FromClause, past: FromClause
) -> ColumnElement[str | None]:
    """The first of HELD_BACK that applies, or null."""
    tests = _obstacles(host, rules, now, user, past)
    return case(*((tests[reason], reason) for reason in HELD_BACK), else_=cast(null(), Text))


def _obstacles(
    host: Host, rules: Rules, now: datetime, user: FromClause, past: FromClause
) -> dict[str, ColumnElement[bool]]:
    """Return the test of each reason of HELD_BACK for `user` (`user_id, newest, steps`) with that `past`.

    After *exhausted* or *opted out* the same lapse opens nothing: it takes a step since that campaign's
    start. After *returned* the lapse is over, whatever the dates (the document's method 4 back-dates
    the steps of a user who came back).
    """
    all_steps = activity_until(host, now)
    few_lately = user.c.steps < rules.min_completed_steps
    steps_ever = select(func.count()).where(all_steps.c.user_id == user.c.user_id).scalar_subquery()
    refused = user.c.user_id.in_(host.reminders_refused()) if rules.honour_host_settings else false()
    same_lapse = and_(past.c.reason != "returned", user.c.newest < past.c.started_at)
    return {
        "has_campaign": func.coalesce(past.c.stays_active, False),
        "too_few_steps": and_(few_lately, steps_ever < rules.min_completed_steps),
        "opted_out": user.c.user_id.in_(select(opt_out.c.user_id)),
        "refused": refused,
        "same_lapse": func.coalesce(same_lapse, False),
    }


@dataclass(frozen=True)
class Standing:
    """How one user stands before each rule for opening a campaign, with what the rules look at.

    `steps` are all that the user ever completed; `failed` the names of LAPSED and HELD_BACK that keep a
    campaign from opening; `past_started_at` and `past_reason` are the last campaign's, as it is after what
    closes now.
    """

    last_activity_at: datetime | None
    steps: int
    past_started_at: datetime | None
    past_reason: str | None
    past_reminder_at: datetime | None
    failed: frozenset[str]


def standing(
    connection: Connection, host: Host, rules: Rules, now: datetime, user_id: str, closing: TableClause
) -> Standing:
    """Return how the user stands, by the very conditions that `stage_inactive` puts together."""
    activity = activity_until(host, now)
    user = (
        select(
            literal(user_id, Text).label("user_id"),
            func.max(activity.c.at).label("newest"),
            func.count().label("steps"),
        )
        .where(activity.c.user_id == user_id)
        .subquery("one")
    )
    past = _past_campaigns(select(user.c.user_id), closing)
    lapse = _lapse_tests(user.c.newest, rules, now).items()
    hurdles = {name: ~func.coalesce(test, False) for name, test in lapse}
    obstacles = _obstacles(host, rules, now, user, past).items()
    hurdles |= {name: func.coalesce(test, False) for name, test in obstacles}
    row = connection.execute(
        select(
            user.c.newest,
            user.c.steps,
            past.c.started_at,
            past.c.reason,
            past.c.last_reminder_at,
            *(test.label(name) for name, test in hurdles.items()),
        ).select_from(user.outerjoin(past, past.c.user_id == user.c.user_id))
    ).one()
    failed = frozenset(name for name in hurdles if row._mapping[name])
    return Standing(row.newest, row.steps, row.started_at, row.reason, row.last_reminder_at, failed)


def count_by_reason(connection: Connection, inactive: TableClause) -> dict[str, int]:
    """Return how many staged inactive users are held back for each reason; "" are those who aren't."""
    reason = func.coalesce(inactive.c.held_back, "")
    return {
        row.reason: row.users
        for row in connection.execute(
            select(reason.label("reason"), func.count().label("users")).group_by(reason)
        )
    }
