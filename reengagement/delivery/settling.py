"""Settling: what an answer means for the delivery, its notification, its campaign and its subscription."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.types import BigInteger, SmallInteger, Text

from reengagement import campaigns
from reengagement.arrays import rows_of
from reengagement.rules import Rules
from reengagement.tables import FINAL_STATES, OPEN_STATES, Time, campaign, delivery, notification

FAILED_STATES = ("gone", "rejected", "expired", "unsupported")


@dataclass(frozen=True, slots=True)
class Result:
    """The state that a delivery goes into. `next_attempt_at` for `queued` alone."""

    delivery_id: int
    state: str
    reason: str
    status: int | None = None
    next_attempt_at: datetime | None = None


def settle(connection: Connection, rules: Rules, results: Sequence[Result], token: str, now: datetime) -> int:
    """Write what became of deliveries that are being posted under `token`; return how many it was.

    1. Deliveries: only those still posting, or turned unknown meanwhile, under this very token.
    2. Their notifications, and their campaigns: see `settle_notifications`.
    """
    if not results:
        return 0
    given = rows_of(
        "given",
        id=(BigInteger, [each.delivery_id for each in results]),
        state=(Text, [each.state for each in results]),
        reason=(Text, [each.reason for each in results]),
        status=(SmallInteger, [each.status for each in results]),
        next_attempt_at=(Time(), [each.next_attempt_at for each in results]),
    )
    locked = (
        select(delivery.c.id)
        .where(
            delivery.c.id == func.any([each.delivery_id for each in results]),
            delivery.c.state.in_(("posting", "unknown")),
            delivery.c.claim_token == token,
        )
        .order_by(delivery.c.id)
        .with_for_update()
        .cte("locked")
    )
    final = given.c.state.in_(FINAL_STATES)
    rows = connection.execute(
        update(delivery)
        .where(delivery.c.id == locked.c.id, delivery.c.id == given.c.id)
        .where(or_(delivery.c.state == "posting", given.c.state != "queued"))
        .values(
            state=given.c.state,
            reason=given.c.reason,
            status_code=given.c.status,
            next_attempt_at=func.coalesce(given.c.next_attempt_at, delivery.c.next_attempt_at),
            settled_at=case((final, now)),
            claim_token=case((given.c.state == "unknown", delivery.c.claim_token)),
            lease_ends_at=None,
        )
        .returning(delivery.c.notification_id)
    )
    touched = list(rows.scalars())
    settle_notifications(connection, rules, touched, now)
    return len(touched)


def settle_notifications(
    connection: Connection, rules: Rules, notification_ids: Collection[str], now: datetime
) -> None:
    """Bring notifications and campaigns in line with the deliveries; campaigns of settled ones advance."""
    campaigns.advance(connection, rules, now, recount(connection, notification_ids, now))


def recount(connection: Connection, notification_ids: Collection[str], now: datetime) -> list[str]:
    """Bring notifications and their campaigns' counts in line; return the ids that became settled.

    1. Lock the notifications, by id; then count their deliveries, as they are now.
    2. Counts and *sent* follow the deliveries; *sent* and its time are set at the first acceptance.
    3. Where no delivery is open, a compare-and-set marks the notification settled, once.
    4. Lock the campaigns, by id; each first acceptance is one more sent.
    """
    ids = sorted(set(notification_ids))
    if not ids:
        return []
    before = connection.execute(
        select(notification.c.id, notification.c.sent, notification.c.settled_at)
        .where(notification.c.id == func.any(ids))
        .order_by(notification.c.id)
        .with_for_update()
    ).all()
    after = _follow_deliveries(connection, _tally(ids), now)
    sent_before = {row.id for row in before if row.sent}
    settled_before = {row.id for row in before if row.settled_at is not None}
    first_sent = [row.id for row in after if row.sent and row.id not in sent_before]
    _count_reminders(connection, ids, first_sent, now)
    return [row.id for row in after if row.settled_at and row.id not in settled_before]


def _follow_deliveries(connection: Connection, tally: FromClause, now: datetime) -> Sequence[Row[Any]]:
    done = tally.c.open == 0
    return connection.execute(
        update(notification)
        .where(notification.c.id == tally.c.notification_id)
        .values(
            success_count=tally.c.accepted,
            failed_count=tally.c.failed,
            sent=or_(notification.c.sent, tally.c.accepted > 0),
            sent_at=func.coalesce(notification.c.sent_at, tally.c.accepted_at),
            settled_at=func.coalesce(notification.c.settled_at, case((done, now))),
            outcome=case((done, _outcome(tally)), else_=notification.c.outcome),
        )
        .returning(notification.c.id, notification.c.sent, notification.c.settled_at)
    ).all()


def _tally(ids: Sequence[str]) -> FromClause:
    def count(states: Sequence[str]) -> ColumnElement[int]:
        return func.count().filter(delivery.c.state.in_(states))

    return (
        select(
            delivery.c.notification_id,
            count(OPEN_STATES).label("open"),
            count(("accepted",)).label("accepted"),
            count(FAILED_STATES).label("failed"),
            count(("unknown",)).label("unknown"),
            count(("expired",)).label("expired"),
            count(("suppressed",)).label("suppressed"),
            func.min(case((delivery.c.state == "accepted", delivery.c.settled_at))).label("accepted_at"),
        )
        .where(delivery.c.notification_id == func.any(list(ids)))
        .group_by(delivery.c.notification_id)
        .subquery("tally")
    )


def _outcome(tally: FromClause) -> ColumnElement[str]:
    """What became of a notification all of whose deliveries are final: the best that may be true."""
    return case(
        (or_(notification.c.sent, tally.c.accepted > 0), "sent"),
        (tally.c.unknown > 0, "unknown"),
        (tally.c.suppressed > 0, "suppressed"),
        (tally.c.expired > 0, "expired"),
        else_="failed",
    )


def _count_reminders(
    connection: Connection, ids: Sequence[str], first_sent: Sequence[str], now: datetime
) -> None:
    """Count first acceptances on the campaigns; note the newest reminder that left, or may have left.

    The gap between two reminders is measured between the times at which they were queued.
    """
    left = or_(notification.c.sent, notification.c.outcome == "unknown")
    newest = (
        select(
            notification.c.campaign_id,
            func.max(notification.c.queued_at).label("queued_at"),
            func.count().filter(notification.c.id == func.any(list(first_sent))).label("first_sent"),
        )
        .where(notification.c.id == func.any(list(ids)), left)
        .group_by(notification.c.campaign_id)
        .subquery("newest")
    )
    theirs = select(notification.c.campaign_id).where(notification.c.id == func.any(list(ids)))
    connection.execute(
        select(campaign.c.id)
        .where(campaign.c.id.in_(theirs))
        .order_by(campaign.c.id)
        .with_for_update(key_share=True)
    )
    connection.execute(
        update(campaign)
        .where(campaign.c.id == newest.c.campaign_id)
        .values(
            total_sent=campaign.c.total_sent + newest.c.first_sent,
            last_sent_at=case((newest.c.first_sent > 0, now), else_=campaign.c.last_sent_at),
            last_reminder_at=func.greatest(campaign.c.last_reminder_at, newest.c.queued_at),
            updated_at=now,
        )
    )
