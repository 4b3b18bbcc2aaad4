"""How far reminders reach: from users in campaigns to users who returned."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, or_, select

from reengagement.metrics.messages import SENT
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.tables import campaign, notification


@dataclass(frozen=True)
class Reach:
    """Users, each counted once. Every step is part of the one before, but `returned` of `users` only."""

    users: int
    subscribed: int
    sent: int
    shown: int
    clicked: int
    returned: int


def reach(connection: Connection, period: Period = ALL_TIME) -> Reach:
    """Return how many users had a campaign opened in the period, and how far its reminders came.

    Without those held out, whom no reminder is meant for. A user has a subscription if one was there when
    a reminder was due. *Shown* is what browsers reported: a lower bound.
    """
    clicked = notification.c.clicked
    users = (
        select(
            campaign.c.user_id,
            _any(or_(notification.c.subscription_count > 0, SENT)).label("subscribed"),
            _any(SENT).label("sent"),
            _any(or_(clicked, SENT & notification.c.opened)).label("shown"),
            _any(clicked).label("clicked"),
            _any(campaign.c.first_return_at.is_not(None)).label("returned"),
        )
        .select_from(campaign.outerjoin(notification, notification.c.campaign_id == campaign.c.id))
        .where(campaign.c.arm == "treated", period.holds(campaign.c.started_at))
        .group_by(campaign.c.user_id)
        .subquery("users")
    )
    steps = ("subscribed", "sent", "shown", "clicked", "returned")
    counts = [func.count().filter(users.c[step]).label(step) for step in steps]
    row = connection.execute(select(func.count().label("users"), *counts).select_from(users)).one()
    return Reach(**row._mapping)


def _any(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.coalesce(func.bool_or(condition), False)
