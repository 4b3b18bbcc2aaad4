"""The switch that pauses all sending: nothing is claimed while it is on, and no time is lost by it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from reengagement import auditing
from reengagement.tables import OPEN_STATES, delivery, notification, setting

NAME = "paused"


def since(connection: Connection) -> datetime | None:
    """Return when sending was paused (naive UTC), or None if it isn't."""
    value = connection.execute(select(setting.c.value).where(setting.c.name == NAME)).scalar()
    return datetime.fromisoformat(value) if value else None


def pause(connection: Connection, *, by: str, now: datetime) -> bool:
    """Pause all sending, and note who did; tell whether it wasn't paused before."""
    new = connection.execute(
        insert(setting)
        .values(name=NAME, value=now.isoformat(), updated_at=now, updated_by=by)
        .on_conflict_do_nothing(index_elements=[setting.c.name])
        .execution_options(preserve_rowcount=True)
    ).rowcount
    if new:
        auditing.note(connection, by, "paused", now)
    return new > 0


def resume(connection: Connection, *, by: str, now: datetime) -> bool:
    """Go on sending, every expiry moved by the length of the pause; note who did, tell if it was paused."""
    value = connection.execute(
        delete(setting).where(setting.c.name == NAME).returning(setting.c.value)
    ).scalar()
    if value is None:
        return False
    auditing.note(connection, by, "resumed", now)
    lost = now - datetime.fromisoformat(value)
    waiting = notification.c.settled_at.is_(None) & notification.c.run_id.is_not(None)
    is_open = delivery.c.state.in_(OPEN_STATES)
    _lock(connection, select(delivery.c.id).where(is_open).order_by(delivery.c.id))
    connection.execute(update(delivery).where(is_open).values(expires_at=delivery.c.expires_at + lost))
    _lock(connection, select(notification.c.id).where(waiting).order_by(notification.c.id))
    connection.execute(
        update(notification).where(waiting).values(expires_at=notification.c.expires_at + lost)
    )
    return True


def _lock(connection: Connection, rows: Select[Any]) -> None:
    """Lock rows in the order of the query: by id, as the drains do that are at work, so none deadlocks."""
    connection.execute(select(func.count()).select_from(rows.with_for_update().subquery()))
