"""What a click or a *shown* tells of deliveries whose fate was unknown."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Text, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from reengagement.arrays import any_of
from reengagement.delivery.settling import settle_notifications
from reengagement.rules import Rules
from reengagement.tables import delivery, notification


def confirm(connection: Connection, notification_ids: Collection[str], now: datetime) -> int:
    """Turn `unknown` into `accepted` where a notification is known to have arrived; return how many.

    Of several unknown deliveries of one notification one is turned, the oldest: one arrival is known.
    """
    unknown = (
        select(delivery.c.id)
        .ext(distinct_on(delivery.c.notification_id))
        .join(notification, notification.c.id == delivery.c.notification_id)
        .where(
            delivery.c.notification_id == any_of(Text, set(notification_ids)),
            delivery.c.state == "unknown",
            ~notification.c.sent,
        )
        .order_by(delivery.c.notification_id, delivery.c.id)
    )
    locked = (
        select(delivery.c.id).where(delivery.c.id.in_(unknown)).order_by(delivery.c.id).with_for_update()
    ).cte("locked")
    confirmed = connection.execute(
        update(delivery)
        .where(delivery.c.id == locked.c.id, delivery.c.state == "unknown")
        .values(state="accepted", reason="confirmed")
        .returning(delivery.c.notification_id)
    )
    touched = list(confirmed.scalars())
    settle_notifications(connection, Rules(), touched, now)  # none is settled by it: any rules do
    return len(touched)


def confirm_seen(connection: Connection, notification_ids: Collection[str], now: datetime) -> int:
    """Do the same for those of these notifications that were clicked or shown before they became unknown."""
    seen = connection.execute(
        select(notification.c.id).where(
            notification.c.id == any_of(Text, set(notification_ids)),
            or_(notification.c.opened, notification.c.clicked),
        )
    )
    return confirm(connection, list(seen.scalars()), now)
