"""Trying again by hand: what waits for its next attempt at once, and what ended badly once more.

A resend corrects counts and never advances a campaign: its notification was settled before and stays so.
It has the same topic and tag, so on a phone that got the first it takes the first one's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select, true, update
from sqlalchemy.types import BigInteger

from reengagement.arrays import any_of
from reengagement.tables import campaign, delivery, notification

RESENDABLE = ("unknown", "rejected")
REFUSALS = ("campaign_closed", "later_level", "too_late", "not_resendable")
"""Why a delivery isn't sent again."""


@dataclass(frozen=True)
class Which:
    """Which deliveries: these ids, or all of a cause (the state that they are in, and its reason).

    `since` leaves out what was settled before it (naive UTC), `push_service` what goes to any other.
    """

    ids: Sequence[int] | None = None
    state: str | None = None
    reason: str | None = None
    since: datetime | None = None
    push_service: str | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        """Return the condition that a delivery is one of them."""
        condition: ColumnElement[bool] = true()
        if self.ids is not None:
            condition = and_(condition, delivery.c.id == any_of(BigInteger, self.ids))
        if self.state is not None:
            condition = and_(
                condition,
                delivery.c.state == self.state,
                delivery.c.reason.is_not_distinct_from(self.reason),
            )
        if self.since is not None:
            condition = and_(condition, delivery.c.settled_at > self.since)
        if self.push_service is not None:
            condition = and_(condition, delivery.c.push_service == self.push_service)
        return condition


@dataclass(frozen=True)
class Resent:
    """How many deliveries went back into the queue, and how many didn't, by reason."""

    queued: int
    refused: Mapping[str, int]


def retry(connection: Connection, which: Which, now: datetime) -> int:
    """Let deliveries that wait for their next attempt have it now; return how many.

    A pause of their push service holds them all the same.
    """
    waiting = (which.condition, delivery.c.state == "queued", delivery.c.next_attempt_at > now)
    _lock(connection, waiting)
    return connection.execute(update(delivery).where(*waiting).values(next_attempt_at=now)).rowcount


def resend(connection: Connection, which: Which, now: datetime) -> Resent:
    """Put deliveries of unknown or failed outcome back into the queue.

    1. Lock them, by id, and judge each: its campaign is open, no later level exists, it hasn't expired.
    2. Those that may go become queued with all their tries before them, under no claim: an answer to the
    first try that comes now is no longer theirs. Of two presses at once, the second finds nothing.
    """
    chosen = (which.condition, ~delivery.c.state.in_(("queued", "claimed", "posting")))
    _lock(connection, chosen)
    judged = (
        select(delivery.c.id, _refusal(now).label("refusal"))
        .select_from(
            delivery.join(notification, notification.c.id == delivery.c.notification_id).join(
                campaign, campaign.c.id == notification.c.campaign_id
            )
        )
        .where(*chosen)
    )
    verdicts = connection.execute(judged).all()
    may_go = [row.id for row in verdicts if row.refusal is None]
    queued = connection.execute(
        update(delivery)
        .where(delivery.c.id == any_of(BigInteger, may_go), delivery.c.state.in_(RESENDABLE))
        .values(
            state="queued",
            reason="resent",
            status_code=None,
            attempts=0,
            queued_at=now,
            next_attempt_at=now,
            claim_token=None,
            lease_ends_at=None,
            settled_at=None,
        )
    ).rowcount
    refused: dict[str, int] = {}
    for row in verdicts:
        if row.refusal is not None:
            refused[row.refusal] = refused.get(row.refusal, 0) + 1
    return Resent(queued, refused)


def _refusal(now: datetime) -> ColumnElement[str | None]:
    later = notification.alias("later")
    later_level = exists().where(
        later.c.campaign_id == notification.c.campaign_id, later.c.level > notification.c.level
    )
    return case(
        (~delivery.c.state.in_(RESENDABLE), "not_resendable"),
        (~campaign.c.is_active, "campaign_closed"),
        (later_level, "later_level"),
        (delivery.c.expires_at <= now, "too_late"),
        else_=None,
    )


def _lock(connection: Connection, chosen: tuple[ColumnElement[bool], ...]) -> None:
    """Lock the deliveries by id, as the drains do, so that none deadlocks."""
    rows = select(delivery.c.id).where(*chosen).order_by(delivery.c.id).with_for_update()
    connection.execute(select(func.count()).select_from(rows.subquery()))
