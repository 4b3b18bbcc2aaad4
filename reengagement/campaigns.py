"""Campaigns: which close, which open, and how one advances.

A campaign is one user's lapse. It opens once (B1, B2), advances when a notification is settled, and
closes as *returned*, *exhausted* or *opted out*. What a run is about to do is staged first, written last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    TableClause,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import BIT, insert
from sqlalchemy.types import Double, Integer, Text

from reengagement.arrays import any_of, rows_of
from reengagement.audience import activity_until, is_of
from reengagement.host import Host
from reengagement.levels import due_at, last_reminder_at
from reengagement.rules import Rules
from reengagement.staging import stage
from reengagement.tables import LEVELS, Time, campaign, notification, opt_out

LAST_LEVEL = LEVELS[-1]
LATE_STEPS = timedelta(days=7)
"""Steps may be reported this late and still count as a return within the window."""


def stage_closing(
    connection: Connection,
    host: Host,
    rules: Rules,
    now: datetime,
    activity: TableClause,
    only: str | None = None,
) -> TableClause:
    """Stage `campaign_id, reason, returned_at` of the open campaigns (of the user `only`) that end now.

    1. *returned*: a step at or after the start (B4). Judged by the step's time, however late the run is:
       a step after the window's end, with no level left, comes after the campaign was exhausted.
    2. *opted_out*: the user pressed our link (A4).
    3. *exhausted*: the window has ended and no level is left (B5).
    """
    back = _first_steps_since_start(host, now, activity)
    ends_at = _window_ends_at(rules)
    spent = and_(or_(_no_level_left(), _blocked_by_older_system()), ends_at <= now)
    returned = and_(back.c.at.is_not(None), ~and_(spent, back.c.at > ends_at))
    opted_out = campaign.c.user_id.in_(select(opt_out.c.user_id))
    reason: ColumnElement[str | None] = case(
        (returned, "returned"), (opted_out, "opted_out"), (spent, "exhausted"), else_=cast(null(), Text)
    )
    judged = (
        select(
            campaign.c.id.label("campaign_id"),
            reason.label("reason"),
            case((returned, back.c.at)).label("returned_at"),
        )
        .select_from(campaign.outerjoin(back, back.c.campaign_id == campaign.c.id))
        .where(campaign.c.is_active, is_of(campaign.c.user_id, only))
        .subquery("judged")
    )
    return stage(connection, "run_closing", select(judged).where(judged.c.reason.is_not(None)))


def _first_steps_since_start(host: Host, now: datetime, activity: TableClause) -> FromClause:
    """Return `campaign_id, at`: the first step at or after the start of each open campaign that has one."""
    steps = activity_until(host, now)
    return (
        select(campaign.c.id.label("campaign_id"), func.min(steps.c.at).label("at"))
        .join(activity, activity.c.user_id == campaign.c.user_id)
        .join(steps, and_(steps.c.user_id == campaign.c.user_id, steps.c.at >= campaign.c.started_at))
        .where(campaign.c.is_active, activity.c.newest >= campaign.c.started_at)
        .group_by(campaign.c.id)
        .subquery("back")
    )


def _window_ends_at(rules: Rules) -> ColumnElement[datetime]:
    return func.coalesce(campaign.c.window_ends_at, campaign.c.started_at + rules.window)


def _no_level_left() -> ColumnElement[bool]:
    return or_(campaign.c.next_due_at.is_(None), campaign.c.arm == "holdout")


def _blocked_by_older_system() -> ColumnElement[bool]:
    """An older system's notification stands at the current level: it is never fanned out."""
    return exists().where(
        notification.c.campaign_id == campaign.c.id,
        notification.c.level == campaign.c.current_level,
        notification.c.run_id.is_(None),
    )


def stage_opening(
    connection: Connection, rules: Rules, run_id: int, salt: str, inactive: TableClause
) -> TableClause:
    """Stage the campaigns to open: `campaign_id, user_id, newest, ordinal, last_reminder_at, arm`.

    Ids are made of the run and a count, in order: random ones make the insert twice as slow.
    """
    place = func.row_number().over(order_by=inactive.c.user_id)
    number = func.lpad(cast(place, Text), 7, "0")
    return stage(
        connection,
        "run_opening",
        select(
            func.concat(f"c{run_id:06}-", number).label("campaign_id"),
            inactive.c.user_id,
            inactive.c.newest,
            inactive.c.ordinal,
            inactive.c.last_reminder_at,
            _arm(rules, salt, inactive.c.user_id).label("arm"),
        ).where(inactive.c.held_back.is_(None)),
    )


def arm_of(connection: Connection, rules: Rules, salt: str, user_id: str) -> str:
    """Return the arm that a campaign of this user opened now would be in."""
    arm: str = connection.execute(select(_arm(rules, salt, literal(user_id, Text)))).scalar_one()
    return arm


def _arm(rules: Rules, salt: str, user_id: ColumnElement[str]) -> ColumnElement[str]:
    return case((_share_of(salt, user_id) < rules.holdout_share, "holdout"), else_="treated")


def _share_of(salt: str, user_id: ColumnElement[str]) -> ColumnElement[Any]:
    """A number in [0, 1) that stays the same for a user as long as the salt does."""
    digest = func.md5(func.concat(salt, ":holdout:", user_id))
    bits = cast(func.concat("x", func.substr(digest, 1, 8)), BIT(32))
    return cast(cast(bits, BigInteger), Double) / float(2**32)


def stage_moved(connection: Connection, activity: TableClause, closing: TableClause) -> TableClause:
    """Stage `campaign_id, newest` of open campaigns whose user's newest step is no longer what was noted."""
    stays = campaign.c.id.not_in(select(closing.c.campaign_id))
    return stage(
        connection,
        "run_moved",
        select(campaign.c.id.label("campaign_id"), activity.c.newest)
        .join(activity, activity.c.user_id == campaign.c.user_id)
        .where(campaign.c.is_active, stays, campaign.c.last_activity_at != activity.c.newest),
    )


def stage_late_returns(
    connection: Connection, host: Host, rules: Rules, now: datetime, activity: TableClause
) -> TableClause:
    """Stage `campaign_id, at`: first returns of campaigns that closed otherwise (metrics: *Return*)."""
    steps = activity_until(host, now)
    ends_at = _window_ends_at(rules)
    return stage(
        connection,
        "run_late_returns",
        select(campaign.c.id.label("campaign_id"), func.min(steps.c.at).label("at"))
        .join(activity, activity.c.user_id == campaign.c.user_id)
        .join(steps, and_(steps.c.user_id == campaign.c.user_id, steps.c.at >= campaign.c.started_at))
        .where(
            ~campaign.c.is_active,
            campaign.c.first_return_at.is_(None),
            ends_at >= now - LATE_STEPS,
            activity.c.newest >= campaign.c.started_at,
            steps.c.at <= ends_at,
        )
        .group_by(campaign.c.id),
    )


def lock(connection: Connection, *staged: TableClause) -> None:
    """Lock the campaigns of these stages by id, as everyone does who locks several, so that none deadlock."""
    ids = union_all(*(select(each.c.campaign_id) for each in staged))
    rows = select(campaign.c.id).where(campaign.c.id.in_(ids)).order_by(campaign.c.id)
    connection.execute(select(func.count()).select_from(rows.with_for_update(key_share=True).subquery()))


def close(connection: Connection, closing: TableClause, now: datetime) -> int:
    """Close the staged campaigns that are still open; return how many."""
    returned = closing.c.reason == "returned"
    within = closing.c.returned_at <= func.coalesce(campaign.c.window_ends_at, closing.c.returned_at)
    return connection.execute(
        update(campaign)
        .where(campaign.c.id == closing.c.campaign_id, campaign.c.is_active)
        .values(
            is_active=False,
            closed_reason=closing.c.reason,
            closed_at=now,
            returned=returned,
            returned_at=closing.c.returned_at,
            unsubscribed=closing.c.reason == "opted_out",
            first_return_at=func.coalesce(
                campaign.c.first_return_at, case((and_(returned, within), closing.c.returned_at))
            ),
            next_due_at=None,
            updated_at=now,
        )
    ).rowcount


def open_staged(
    connection: Connection, rules: Rules, now: datetime, run_id: int, salt: str, opening: TableClause
) -> int:
    """Open the staged campaigns; a user who has got an active one meanwhile keeps that one (B2)."""
    share = rules.holdout_share
    rows = select(
        opening.c.campaign_id,
        opening.c.user_id,
        opening.c.newest,
        literal(now, Time()),
        opening.c.newest + rules.inactive_after,
        literal(now, Time()),
        literal(now, Time()),
        literal(run_id, BigInteger),
        opening.c.ordinal,
        literal(now + rules.window, Time()),
        opening.c.last_reminder_at,
        opening.c.arm,
        literal(share if share else None, Double),
        literal(salt if share else None, Text),
    ).order_by(opening.c.campaign_id)
    columns = (
        "id", "user_id", "last_activity_at", "started_at", "next_due_at", "created_at", "updated_at",
        "run_id", "ordinal", "window_ends_at", "last_reminder_at", "arm", "holdout_share", "holdout_salt",
    )  # fmt: skip
    return connection.execute(
        insert(campaign)
        .from_select(list(columns), rows)
        .on_conflict_do_nothing(index_elements=[campaign.c.user_id], index_where=campaign.c.is_active)
        .execution_options(preserve_rowcount=True)
    ).rowcount


def follow_moved(connection: Connection, rules: Rules, now: datetime, moved: TableClause) -> int:
    """Note the newest step of the staged campaigns anew, and when their level is due; return how many."""
    due = due_at(rules, moved.c.newest, campaign.c.current_level, last_reminder_at())
    return connection.execute(
        update(campaign)
        .where(campaign.c.id == moved.c.campaign_id, campaign.c.is_active)
        .values(
            last_activity_at=moved.c.newest,
            next_due_at=case((campaign.c.next_due_at.is_not(None), due)),
            updated_at=now,
        )
    ).rowcount


def record_late_returns(connection: Connection, now: datetime, late: TableClause) -> int:
    """Store the staged first returns; one that is stored already stays."""
    return connection.execute(
        update(campaign)
        .where(campaign.c.id == late.c.campaign_id, campaign.c.first_return_at.is_(None))
        .values(first_return_at=late.c.at, updated_at=now)
    ).rowcount


@dataclass
class News:
    """What the deliveries tell a campaign: how many of its notifications were sent for the first time, when
    the newest that left, or may have left, was queued, and the level that is settled now, if one is."""

    sent: int = 0
    reminded_at: datetime | None = None
    settled_level: int | None = None


def follow(connection: Connection, rules: Rules, now: datetime, news: Mapping[str, News]) -> None:
    """Count reminders on campaigns, by id; advance those that are open and at the level that is settled.

    After the last level `current_level` stays there and nothing more is due.
    """
    if not news:
        return
    given = rows_of(
        "news",
        campaign_id=(Text, list(news)),
        sent=(Integer, [each.sent for each in news.values()]),
        reminded_at=(Time(), [each.reminded_at for each in news.values()]),
        settled_level=(Integer, [each.settled_level for each in news.values()]),
    )
    locked = (
        select(campaign.c.id)
        .where(campaign.c.id == any_of(Text, news))
        .order_by(campaign.c.id)
        .with_for_update(key_share=True)
        .cte("locked")
    )
    level = campaign.c.current_level
    moves = and_(campaign.c.is_active, campaign.c.next_due_at.is_not(None), level == given.c.settled_level)
    reminded_at = func.greatest(last_reminder_at(), given.c.reminded_at, type_=Time())
    next_due_at = due_at(rules, campaign.c.last_activity_at, level + 1, reminded_at)
    connection.execute(
        update(campaign)
        .where(campaign.c.id == locked.c.id, campaign.c.id == given.c.campaign_id)
        .values(
            total_sent=campaign.c.total_sent + given.c.sent,
            last_sent_at=case((given.c.sent > 0, now), else_=campaign.c.last_sent_at),
            last_reminder_at=func.greatest(campaign.c.last_reminder_at, given.c.reminded_at),
            current_level=case((moves, func.least(level + 1, LAST_LEVEL)), else_=level),
            next_due_at=case(
                (and_(moves, level < LAST_LEVEL), next_due_at),
                (moves, null()),
                else_=campaign.c.next_due_at,
            ),
            updated_at=now,
        )
    )


def repair(connection: Connection, rules: Rules, now: datetime, only: str | None = None) -> None:
    """Advance campaigns (of the user `only`) whose level is settled and that a crash left where they were."""
    left = connection.execute(
        select(campaign.c.id, campaign.c.current_level)
        .join(notification, _at_current_level())
        .where(
            notification.c.settled_at.is_not(None),
            campaign.c.is_active,
            campaign.c.next_due_at.is_not(None),
            is_of(campaign.c.user_id, only),
        )
    )
    follow(connection, rules, now, {row.id: News(settled_level=row.current_level) for row in left})


def _at_current_level() -> ColumnElement[bool]:
    return and_(notification.c.campaign_id == campaign.c.id, notification.c.level == campaign.c.current_level)
