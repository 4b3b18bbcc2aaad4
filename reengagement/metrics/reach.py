"""How far reminders reach: from users in campaigns to users who returned."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from reengagement.metrics.messages import SENT
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.tables import campaign, notification

STEPS = ("subscribed", "sent", "shown", "clicked")

FURTHEST = case(
    (notification.c.clicked, 4),
    (SENT & notification.c.opened, 3),
    (SENT, 2),
    (notification.c.subscription_count > 0, 1),
    else_=0,
)
"""How many of STEPS a notification took; each includes those before it."""


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
    users = (
        select(
            func.max(FURTHEST).label("furthest"),
            func.max(campaign.c.first_return_at).label("returned_at"),
        )
        .select_from(campaign.outerjoin(notification, notification.c.campaign_id == campaign.c.id))
        .where(campaign.c.arm == "treated", period.holds(campaign.c.started_at))
        .group_by(campaign.c.user_id)
        .subquery("users")
    )
    row = connection.execute(
        select(
            func.count().label("users"),
            *(func.count().filter(users.c.furthest >= n).label(step) for n, step in enumerate(STEPS, 1)),
            func.count(users.c.returned_at).label("returned"),
        ).select_from(users)
    ).one()
    return Reach(**row._mapping)
