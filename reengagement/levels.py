"""Levels: when one is due, to whom a reminder goes now, and what keeps the others back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    TableClause,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.types import Integer, Text

from reengagement.audience import is_of
from reengagement.host import Host
from reengagement.rules import Rules
from reengagement.staging import stage
from reengagement.tables import LEVELS, Time, campaign, notification

KEPT_BACK = ("holdout", "in_hand", "refused", "too_soon")
"""Why an open campaign's level isn't due now, in the order in which reasons are looked for. *In hand*: the
level's notification exists, whatever became of it."""


@dataclass(frozen=True)
class NextLevel:
    """The level that is next in a campaign which is open or opens now.

    Due at the later of `by_lapse_at` (last activity + the level's day) and `by_gap_at` (last reminder + gap;
    None without one). `kept_back` is the first of KEPT_BACK that applies, None if it is due now.
    """

    campaign_id: str
    level: int
    arm: str
    due_at: datetime
    by_lapse_at: datetime
    by_gap_at: datetime | None
    kept_back: str | None


def due_at(
    rules: Rules,
    last_activity_at: ColumnElement[Any],
    level: ColumnElement[int],
    last_reminder_at: ColumnElement[Any],
) -> ColumnElement[datetime]:
    """Return when `level` is due (B3, B5). PostgreSQL's greatest() passes over nulls."""
    by_lapse = _by_lapse(rules, last_activity_at, level)
    return func.greatest(by_lapse, last_reminder_at + rules.gap, type_=Time())


def _by_lapse(
    rules: Rules, last_activity_at: ColumnElement[Any], level: ColumnElement[int]
) -> ColumnElement[Any]:
    days = case(*((level == each, rules.level_days[each - 1]) for each in LEVELS))
    return last_activity_at + func.make_interval(0, 0, 0, days)


def last_reminder_at() -> ColumnElement[datetime]:
    """Return when a campaign's user was last reminded; an older system knew only when it last sent."""
    return func.coalesce(campaign.c.last_reminder_at, campaign.c.last_sent_at)


def stage_due(
    connection: Connection,
    host: Host,
    rules: Rules,
    now: datetime,
    activity: TableClause,
    closing: TableClause,
    opening: TableClause,
) -> TableClause:
    """Stage whom to remind now: `campaign_id, user_id, ordinal, arm, level, last_activity_at, due_at`.

    A level is due at max(last activity + the level's day, last reminder to this user + gap) (B3, B5).
    """
    each = _next_levels(rules, activity, closing, opening)
    due = select(each).where(*(~test for test in _obstacles(host, rules, now, each).values()))
    return stage(connection, "run_due", due)


def next_level(
    connection: Connection,
    host: Host,
    rules: Rules,
    now: datetime,
    user_id: str,
    activity: TableClause,
    closing: TableClause,
    opening: TableClause,
) -> NextLevel | None:
    """Return what is next for the user, by the very conditions of `stage_due`; None without a campaign."""
    each = _next_levels(rules, activity, closing, opening, only=user_id)
    row = connection.execute(
        select(
            each.c.campaign_id,
            each.c.level,
            each.c.arm,
            each.c.due_at,
            _by_lapse(rules, each.c.last_activity_at, each.c.level).label("by_lapse_at"),
            (each.c.last_reminder_at + rules.gap).label("by_gap_at"),
            _kept_back(host, rules, now, each).label("kept_back"),
        )
    ).one_or_none()
    return NextLevel(**row._mapping) if row else None


def count_kept_back(
    connection: Connection,
    host: Host,
    rules: Rules,
    now: datetime,
    activity: TableClause,
    closing: TableClause,
    opening: TableClause,
) -> dict[str, int]:
    """Return how many campaigns, open or opening, get no reminder now, by reason."""
    each = _next_levels(rules, activity, closing, opening)
    of_level = (notification.c.campaign_id == each.c.campaign_id) & (notification.c.level == each.c.level)
    reason = _kept_back(host, rules, now, each, in_hand=notification.c.id.is_not(None))
    with_notification = each.outerjoin(notification, of_level)
    judged = select(reason.label("reason")).select_from(with_notification).subquery("judged")
    rows = connection.execute(
        select(judged.c.reason, func.count().label("n"))
        .where(judged.c.reason.is_not(None))
        .group_by(judged.c.reason)
    )
    return {row.reason: row.n for row in rows}


def _next_levels(
    rules: Rules, activity: TableClause, closing: TableClause, opening: TableClause, only: str | None = None
) -> Subquery:
    """The next level of each campaign that stays open or opens now."""
    standing = _standing(rules, activity, closing).where(is_of(campaign.c.user_id, only))
    return union_all(standing, _fresh(rules, opening)).subquery("next")


def _standing(rules: Rules, activity: TableClause, closing: TableClause) -> Select[Any]:
    """The last activity is the host's as it is now, where a step has moved since the campaign opened."""
    newest = func.coalesce(activity.c.newest, campaign.c.last_activity_at)
    return (
        select(
            campaign.c.id.label("campaign_id"),
            campaign.c.user_id.label("user_id"),
            func.coalesce(campaign.c.ordinal, 1).label("ordinal"),
            campaign.c.arm,
            campaign.c.current_level.label("level"),
            newest.label("last_activity_at"),
            last_reminder_at().label("last_reminder_at"),
            due_at(rules, newest, campaign.c.current_level, last_reminder_at()).label("due_at"),
        )
        .select_from(
            campaign.outerjoin(activity, activity.c.user_id == campaign.c.user_id).outerjoin(
                closing, closing.c.campaign_id == campaign.c.id
            )
        )
        .where(campaign.c.is_active, closing.c.campaign_id.is_(None))
    )


def _fresh(rules: Rules, opening: TableClause) -> Select[Any]:
    return select(
        opening.c.campaign_id,
        opening.c.user_id,
        opening.c.ordinal,
        opening.c.arm,
        literal(1, Integer).label("level"),
        opening.c.newest.label("last_activity_at"),
        opening.c.last_reminder_at,
        due_at(rules, opening.c.newest, literal(1), opening.c.last_reminder_at).label("due_at"),
    )


def _obstacles(host: Host, rules: Rules, now: datetime, each: Subquery) -> dict[str, ColumnElement[bool]]:
    """Return the test of each reason of KEPT_BACK."""
    refused = each.c.user_id.in_(host.reminders_refused()) if rules.honour_host_settings else false()
    return {
        "holdout": each.c.arm != "treated",
        "in_hand": exists().where(
            notification.c.campaign_id == each.c.campaign_id, notification.c.level == each.c.level
        ),
        "refused": refused,
        "too_soon": each.c.due_at > now,
    }


def _kept_back(
    host: Host, rules: Rules, now: datetime, each: Subquery, **instead: ColumnElement[bool]
) -> ColumnElement[str | None]:
    """Return the first reason that applies. A test `instead` says the same of rows that were joined already:
    within CASE PostgreSQL asks a subquery for each row by itself.
    """
    tests = _obstacles(host, rules, now, each) | instead
    return case(*((tests[reason], reason) for reason in KEPT_BACK), else_=cast(null(), Text))
