"""Settling: what an answer means for the delivery, its notification, its campaign and its subscription."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.types import BigInteger, SmallInteger, Text

from reengagement import campaigns
from reengagement.arrays import any_of, rows_of
from reengagement.rules import Rules
from reengagement.tables import FINAL_STATES, OPEN_STATES, Time, delivery, notification

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
    2. Their notifications are locked in the same statement, and then follow; see `recount`.
    3. Their campaigns follow; settled ones advance.
    """
    if not results:
        return 0
    written = _write(results, token, now).cte("written")
    before = _lock(connection, select(written.c.notification_id))
    campaigns.follow(connection, rules, now, _follow_deliveries(connection, before, now))
    return len(before)


def _write(results: Sequence[Result], token: str, now: datetime) -> ReturningUpdate[Any]:
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
            delivery.c.id == any_of(BigInteger, [each.delivery_id for each in results]),
            delivery.c.state.in_(("posting", "unknown")),
            delivery.c.claim_token == token,
        )
        .order_by(delivery.c.id)
        .with_for_update()
        .cte("locked")
    )
    return (
        update(delivery)
        .where(delivery.c.id == locked.c.id, delivery.c.id == given.c.id)
        .where(or_(delivery.c.state == "posting", given.c.state != "queued"))
        .values(
            state=given.c.state,
            reason=given.c.reason,
            status_code=given.c.status,
            next_attempt_at=func.coalesce(given.c.next_attempt_at, delivery.c.next_attempt_at),
            settled_at=case((given.c.state.in_(FINAL_STATES), now)),
            claim_token=case((given.c.state == "unknown", delivery.c.claim_token)),
            lease_ends_at=None,
        )
        .returning(delivery.c.notification_id)
    )


def settle_notifications(
    connection: Connection, rules: Rules, notification_ids: Collection[str], now: datetime
) -> None:
    """Bring notifications and their campaigns in line with the deliveries.

    1. Lock the notifications, by id; then count their deliveries, as they are now.
    2. Counts and *sent* follow the deliveries; *sent* and its time are set at the first acceptance.
    3. Where no delivery is open, a compare-and-set marks the notification settled, once.
    4. Lock the campaigns, by id: each first acceptance is one more sent, the settled ones advance.
    """
    if notification_ids:
        before = _lock(connection, select(rows_of("ids", id=(Text, list(set(notification_ids)))).c.id))
        campaigns.follow(connection, rules, now, _follow_deliveries(connection, before, now))


def _lock(connection: Connection, ids: Select[Any]) -> Sequence[Any]:
    """Lock the notifications and return `id, sent, settled_at`; a later statement sees what others wrote."""
    return connection.execute(
        select(notification.c.id, notification.c.sent, notification.c.settled_at)
        .where(notification.c.id.in_(ids))
        .order_by(notification.c.id)
        .with_for_update()
    ).all()


def _follow_deliveries(
    connection: Connection, before: Sequence[Any], now: datetime
) -> dict[str, campaigns.News]:
    """Bring the locked notifications in line; return what that tells their campaigns."""
    if not before:
        return {}
    tally = _tally([row.id for row in before])
    done = tally.c.open == 0
    after = connection.execute(
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
        .returning(
            *(notification.c[name] for name in ("id", "campaign_id", "level", "sent", "settled_at")),
            notification.c.queued_at,
            notification.c.outcome,
        )
    )
    return _news(before, after)


def _news(before: Sequence[Any], after: Iterable[Any]) -> dict[str, campaigns.News]:
    """Return, for each campaign, what is new. The gap is measured between the times of queueing."""
    was = {row.id: row for row in before}
    news: dict[str, campaigns.News] = {}
    for row in after:
        one = news.setdefault(row.campaign_id, campaigns.News())
        one.sent += row.sent and not was[row.id].sent
        if row.sent or row.outcome == "unknown":
            one.reminded_at = max(one.reminded_at or row.queued_at, row.queued_at)
        if row.settled_at and not was[row.id].settled_at:
            one.settled_level = row.level
    return news


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
        .where(delivery.c.notification_id == any_of(Text, ids))
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
