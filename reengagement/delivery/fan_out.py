"""Fan-out: a notification becomes one delivery for each subscription that its user has now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, LargeBinary, Text, case, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from reengagement import campaigns
from reengagement.arrays import any_of, rows_of
from reengagement.delivery import origins
from reengagement.endpoints import endpoint_hash, push_service_of
from reengagement.host import Host
from reengagement.rules import Rules
from reengagement.tables import Time, campaign, delivery, notification, setting


@dataclass(frozen=True, slots=True)
class _Phone:
    """One notification's way to one phone. The endpoint itself stays with the host."""

    notification_id: str
    subscription_id: str
    endpoint_hash: bytes
    push_service: str
    expires_at: datetime


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
    phones = _phones(connection, host, taken)
    _write_deliveries(connection, phones, now)
    _note_fanned_out(connection, taken, Counter(phone.notification_id for phone in phones), now)
    reached = {phone.notification_id for phone in phones}
    unreachable = [row for row in taken if row.id not in reached]
    news = {row.campaign_id: campaigns.News(settled_level=row.level) for row in unreachable}
    campaigns.follow(connection, rules, now, news)
    return len(taken)


def _take(connection: Connection, limit: int) -> Sequence[Any]:
    return connection.execute(
        select(
            notification.c.id,
            notification.c.level,
            notification.c.expires_at,
            notification.c.campaign_id,
            campaign.c.user_id,
        )
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


def _phones(connection: Connection, host: Host, taken: Sequence[Any]) -> list[_Phone]:
    """Return each notification's phones, each once, however often its endpoint is registered."""
    theirs = host.subscriptions().subquery("theirs")
    rows = connection.execute(
        select(theirs.c.user_id, theirs.c.subscription_id, theirs.c.endpoint)
        .where(theirs.c.user_id == any_of(Text, {row.user_id for row in taken}))
        .order_by(theirs.c.subscription_id)
    )
    registered: dict[str, dict[bytes, tuple[str, str]]] = {}
    for row in rows:
        of_user = registered.setdefault(row.user_id, {})
        of_user.setdefault(endpoint_hash(row.endpoint), (row.subscription_id, row.endpoint))
    return [
        _Phone(row.id, subscription_id, hashed, push_service_of(endpoint), row.expires_at)
        for row in taken
        for hashed, (subscription_id, endpoint) in registered.get(row.user_id, {}).items()
    ]


def _write_deliveries(connection: Connection, phones: Sequence[_Phone], now: datetime) -> None:
    if not phones:
        return
    origins.meet(connection, {phone.push_service for phone in phones}, now)
    rows = rows_of(
        "phones",
        notification_id=(Text, [phone.notification_id for phone in phones]),
        subscription_id=(Text, [phone.subscription_id for phone in phones]),
        endpoint_hash=(LargeBinary, [phone.endpoint_hash for phone in phones]),
        push_service=(Text, [phone.push_service for phone in phones]),
        expires_at=(Time(), [phone.expires_at for phone in phones]),
    )
    at = literal(now, Time())
    connection.execute(
        insert(delivery)
        .from_select([*rows.c.keys(), "queued_at", "next_attempt_at"], select(*rows.c, at, at))
        .on_conflict_do_nothing(index_elements=[delivery.c.notification_id, delivery.c.endpoint_hash])
    )


def _note_fanned_out(
    connection: Connection, taken: Sequence[Any], phones: Counter[str], now: datetime
) -> None:
    given = rows_of(
        "given",
        id=(Text, [row.id for row in taken]),
        phones=(Integer, [phones[row.id] for row in taken]),
    )
    nobody = given.c.phones == 0
    connection.execute(
        update(notification)
        .where(notification.c.id == given.c.id)
        .values(
            fanned_out_at=now,
            subscription_count=given.c.phones,
            settled_at=case((nobody, now)),
            outcome=case((nobody, "unreachable")),
        )
    )
