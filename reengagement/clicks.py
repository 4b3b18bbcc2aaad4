"""Clicks and *shown*, counted once each (G1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, FromClause, func, select, update
from sqlalchemy.types import Text

from reengagement import delivery
from reengagement.arrays import any_of, rows_of
from reengagement.tables import Time, notification
from reengagement.tables import delivery as deliveries

Reports = Sequence[tuple[str, datetime]]
"""Notification id and time (naive UTC) of each report; repeated ones are harmless."""


def record_clicks(connection: Connection, ids_and_times: Reports) -> int:
    """Count clicks, each notification's first, and return how many were new.

    A click implies that the notification was shown, and so that it was sent.
    """
    if not ids_and_times:
        return 0
    given = _first_of_each(ids_and_times)
    _confirm(connection, ids_and_times)
    return connection.execute(
        update(notification)
        .where(notification.c.id == given.c.id, ~notification.c.clicked)
        .values(
            clicked=True,
            clicked_at=given.c.at,
            opened=True,
            opened_at=func.coalesce(notification.c.opened_at, given.c.at),
        )
    ).rowcount


def record_shown(connection: Connection, ids_and_times: Reports) -> int:
    """Note that notifications were shown, once each, and return how many were new; it implies *sent*."""
    if not ids_and_times:
        return 0
    given = _first_of_each(ids_and_times)
    _confirm(connection, ids_and_times)
    return connection.execute(
        update(notification)
        .where(notification.c.id == given.c.id, ~notification.c.opened)
        .values(opened=True, opened_at=given.c.at)
    ).rowcount


def _confirm(connection: Connection, ids_and_times: Reports) -> None:
    """Lock what is about to change, in the one order; then turn *unknown* into the truth."""
    ids = sorted({each for each, _ in ids_and_times})
    unknown = (deliveries.c.notification_id == any_of(Text, ids), deliveries.c.state == "unknown")
    connection.execute(select(deliveries.c.id).where(*unknown).order_by(deliveries.c.id).with_for_update())
    connection.execute(
        select(notification.c.id)
        .where(notification.c.id == any_of(Text, ids))
        .order_by(notification.c.id)
        .with_for_update()
    )
    delivery.confirm(connection, ids, max(at for _, at in ids_and_times))


def _first_of_each(ids_and_times: Reports) -> FromClause:
    given = rows_of(
        "given",
        id=(Text, [each for each, _ in ids_and_times]),
        at=(Time(), [at for _, at in ids_and_times]),
    )
    return select(given.c.id, func.min(given.c.at).label("at")).group_by(given.c.id).subquery("first")
