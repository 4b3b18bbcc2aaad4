"""Rows as the planner and the deliveries would leave them, for tests of what reads them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, insert

from reengagement.tables import campaign, notification

NOON = datetime(2025, 3, 10, 12, 0)
"""Monday noon in UTC, 15:00 in Moscow."""

_numbers = count(1)


def days(number: float) -> timedelta:
    """Return so many days of 24 hours."""
    return timedelta(days=number)


def add_campaign(connection: Connection, user_id: str, started_at: datetime = NOON, **columns: Any) -> str:
    """Insert an active campaign of level 1, changed by `columns`; return its id."""
    row = {
        "id": f"campaign-{next(_numbers):06}",
        "user_id": user_id,
        "last_activity_at": started_at - days(5),
        "started_at": started_at,
        "created_at": started_at,
        "updated_at": started_at,
    }
    row |= columns
    connection.execute(insert(campaign).values(row))
    return str(row["id"])


def add_notification(
    connection: Connection, campaign_id: str, level: int = 1, message_type: str = "emotional", **columns: Any
) -> str:
    """Insert a notification that was queued and not sent, changed by `columns`; return its id.

    `sent_at` and `clicked_at` set `sent` and `clicked` beside themselves.
    """
    row = {
        "id": f"notification-{next(_numbers):06}",
        "campaign_id": campaign_id,
        "level": level,
        "message_type": message_type,
        "variant_id": f"{message_type}-{level}",
        "title": "Рекс скучает",
        "body": "Пора заниматься",
        "created_at": NOON,
        "sent": columns.get("sent_at") is not None,
        "clicked": columns.get("clicked_at") is not None,
    }
    row |= columns
    connection.execute(insert(notification).values(row))
    return str(row["id"])
