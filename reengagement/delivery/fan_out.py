"""Fan-out: a notification becomes one delivery for each subscription that its user has now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, Text, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from reengagement import campaigns
from reengagement.arrays import rows_of
from reengagement.delivery import origins
from reengagement.endpoints import endpoint_hash, push_service_of
from reengagement.host import Host
from reengagement.rules import Rules
from reengagement.tables import Time, campaign, delivery, notification, setting

PAUSED = select(setting.c.name).where(setting.c.name == "paused").exists()
BATCH = 500


def fan_out(connection: Connection, host: Host, rules: Rules, now: datetime, limit: int = BATCH) -> int:
    """Fan out the oldest waiting notifications and return how many there were.

    1. Take them, passing over those that another drain holds; none while sending is paused.
    2. Write a delivery for each subscription; the same phone registered twice is one phone.
    3. Note that it is done, once and for all: later subscriptions wait for the next level.
    4. Without a subscription the outcome is *unreachable* and the campaign advances (D4).
    """
    taken = _take(connection, limit)
    if not taken:
        return 0
    _write_deliveries(connection, taken, _subscriptions(connection, host, taken), now)
    unreachable = _note_fanned_out(connection, [row.id for row in taken], now)
    campaigns.advance(connection, rules, now, unreachable)
    return len(taken)


def _take(connection: Connection, limit: int) -> Sequence[Any]:
    return connection.execute(
        select(notification.c.id, notification.c.expires_at, campaign.c.user_id)
        .join(campaign, campaign.c.id == notification.c.campaign_id)
        .where(
            notification.c.run_id.is_not(None),
            notification.c.fanned_out_at.is_(None),
            notification.c.settled_at.is_(None),
            ~PAUSED,
        )
        .order_by(notification.c.queued_at, notification.c.id)
        .limit(limit)
        .with_for_update(of=notification, skip_locked=True)
    ).all()


def _subscriptions(
    connection: Connection, host: Host, taken: Sequence[Any]
) -> dict[str, list[tuple[str, str]]]:
    """Return the `(subscription_id, endpoint)` of each user."""
    theirs = host.subscriptions().subquery("theirs")
    found: dict[str, list[tuple[str, str]]] = {}
    rows = connection.execute(
        select(theirs.c.user_id, theirs.c.subscription_id, theirs.c.endpoint)
        .where(theirs.c.user_id == func.any(bindparam("users")))
        .order_by(theirs.c.subscription_id),
        {"users": sorted({row.user_id for row in taken})},
    )
    for row in rows:
        found.setdefault(row.user_id, []).append((row.subscription_id, row.endpoint))
    return found


def _write_deliveries(
    connection: Connection,
    taken: Sequence[Any],
    subscriptions: dict[str, list[tuple[str, str]]],
    now: datetime,
) -> None:
    pairs = [(row, *phone) for row in taken for phone in subscriptions.get(row.user_id, ())]
    if not pairs:
        return
    services = [push_service_of(endpoint) for _, _, endpoint in pairs]
    origins.meet(connection, services, now)
    rows = rows_of(
        "phones",
        notification_id=(Text, [row.id for row, _, _ in pairs]),
        subscription_id=(Text, [subscription_id for _, subscription_id, _ in pairs]),
        endpoint_hash=(LargeBinary, [endpoint_hash(endpoint) for _, _, endpoint in pairs]),
        push_service=(Text, services),
        expires_at=(Time(), [row.expires_at for row, _, _ in pairs]),
    )
    at = literal(now, Time())
    connection.execute(
        insert(delivery)
        .from_select([*rows.c.keys(), "queued_at", "next_attempt_at"], select(*rows.c, at, at))
        .on_conflict_do_nothing(index_elements=[delivery.c.notification_id, delivery.c.endpoint_hash])
    )


def _note_fanned_out(connection: Connection, ids: Sequence[str], now: datetime) -> list[str]:
    """Write how many deliveries each has; return the ids of those that have none, now settled."""
    count = (
        select(func.count())
        .where(delivery.c.notification_id == notification.c.id)
        .correlate(notification)
        .scalar_subquery()
    )
    connection.execute(
        update(notification)
        .where(notification.c.id == func.any(bindparam("ids")))
        .values(fanned_out_at=now, subscription_count=count),
        {"ids": list(ids)},
    )
    unreachable = connection.execute(
        update(notification)
        .where(
            notification.c.id == func.any(bindparam("ids")),
            notification.c.subscription_count == 0,
            notification.c.settled_at.is_(None),
        )
        .values(settled_at=now, outcome="unreachable")
        .returning(notification.c.id),
        {"ids": list(ids)},
    )
    return list(unreachable.scalars())
