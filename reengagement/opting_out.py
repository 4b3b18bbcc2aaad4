"""The user's own *no more reminders* (A4): always honoured, for this and every later lapse, until undone."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from reengagement.tables import campaign, opt_out

LINK_LIFETIME = timedelta(days=365)
"""A reminder may be found in a drawer of old messages; its link still does what it says."""


def is_out(connection: Connection, user_id: str) -> bool:
    """Tell whether the user wants no more reminders."""
    return bool(
        connection.execute(select(select(opt_out).where(opt_out.c.user_id == user_id).exists())).scalar()
    )


def go_out(connection: Connection, user_id: str, now: datetime) -> bool:
    """Note that the user wants no more, and close their campaign; tell whether it wasn't noted before.

    What is queued for them is suppressed by the check right before posting.
    """
    noted = connection.execute(
        insert(opt_out)
        .values(user_id=user_id, created_at=now)
        .on_conflict_do_nothing(index_elements=[opt_out.c.user_id])
        .execution_options(preserve_rowcount=True)
    ).rowcount
    _close_campaign(connection, user_id, now)
    return noted == 1


def come_back(connection: Connection, user_id: str) -> bool:
    """Forget it; tell whether there was anything to forget. A closed campaign stays closed."""
    return connection.execute(delete(opt_out).where(opt_out.c.user_id == user_id)).rowcount == 1


def _close_campaign(connection: Connection, user_id: str, now: datetime) -> None:
    connection.execute(
        update(campaign)
        .where(campaign.c.user_id == user_id, campaign.c.is_active)
        .values(
            is_active=False,
            closed_reason="opted_out",
            closed_at=now,
            unsubscribed=True,
            next_due_at=None,
            updated_at=now,
        )
    )
