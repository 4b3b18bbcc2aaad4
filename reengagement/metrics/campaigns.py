"""Campaigns: how many, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, case, func, or_, select
from sqlalchemy.types import Text

from reengagement.arrays import any_of
from reengagement.host import Host
from reengagement.metrics.messages import SENT, SENT_AT
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.stats import Rate
from reengagement.tables import campaign, notification

OPTED_OUT = or_(campaign.c.unsubscribed, campaign.c.closed_reason == "opted_out")

STATUS = case(
    (campaign.c.is_active, "active"),
    (OPTED_OUT, "opted_out"),
    (or_(campaign.c.returned, campaign.c.closed_reason == "returned"), "returned"),
    else_="exhausted",
)
"""One of active, returned, opted_out, exhausted. An older system's rows have no reason of closing."""


@dataclass(frozen=True)
class Totals:
    """The head of the overview. Campaigns are those opened in the period, notifications those sent in it."""

    campaigns: int
    active: int
    returned: int
    opted_out: int
    sent: int
    clicked: int

    @property
    def click_rate(self) -> Rate:
        """Return clicked of sent."""
        return Rate(self.clicked, self.sent)

    @property
    def return_rate(self) -> Rate:
        """Return returned of campaigns, reachable or not; never of notifications."""
        return Rate(self.returned, self.campaigns)


@dataclass(frozen=True)
class RecentCampaign:
    """One campaign as a list shows it. `name` is None where the host no longer knows the user."""

    id: str
    user_id: str
    name: str | None
    started_at: datetime
    level: int
    sent: int
    clicked: int
    status: str


def totals(connection: Connection, period: Period = ALL_TIME) -> Totals:
    """Return the counts that the overview begins with (F2)."""
    opened = connection.execute(_opened(period)).one()
    sent, clicked = connection.execute(
        select(func.count(), func.count().filter(notification.c.clicked)).where(SENT, period.holds(SENT_AT))
    ).one()
    return Totals(**opened._mapping, sent=sent, clicked=clicked)


def _opened(period: Period) -> Select[int, int, int, int]:
    return (
        select(
            func.count().label("campaigns"),
            func.count().filter(campaign.c.is_active).label("active"),
            func.count().filter(campaign.c.first_return_at.is_not(None)).label("returned"),
            func.count().filter(OPTED_OUT).label("opted_out"),
        )
        .select_from(campaign)
        .where(period.holds(campaign.c.started_at))
    )


def recent_campaigns(connection: Connection, host: Host, limit: int = 20) -> list[RecentCampaign]:
    """Return the campaigns opened last, newest first (F4)."""
    newest = select(campaign.c.id).order_by(campaign.c.started_at.desc(), campaign.c.id.desc()).limit(limit)
    return described(connection, host, newest)


def campaigns_of(connection: Connection, host: Host, user_id: str, limit: int) -> list[RecentCampaign]:
    """Return the user's campaigns, newest first."""
    newest = select(campaign.c.id).where(campaign.c.user_id == user_id)
    newest = newest.order_by(campaign.c.started_at.desc(), campaign.c.id.desc()).limit(limit)
    return described(connection, host, newest)


def described(connection: Connection, host: Host, ids: Select[Any] | Sequence[str]) -> list[RecentCampaign]:
    """Return the campaigns of a page, few as they are, with what a list shows of each; newest first."""
    users = host.users().subquery("users")
    own = notification.c.campaign_id == campaign.c.id
    rows = connection.execute(
        select(
            campaign.c.id,
            campaign.c.user_id.label("user_id"),
            users.c.name,
            campaign.c.started_at.label("started_at"),
            campaign.c.current_level.label("level"),
            select(func.count()).where(own, SENT).scalar_subquery().label("sent"),
            select(func.count()).where(own, notification.c.clicked).scalar_subquery().label("clicked"),
            STATUS.label("status"),
        )
        .where(campaign.c.id.in_(ids) if isinstance(ids, Select) else campaign.c.id == any_of(Text, ids))
        .outerjoin(users, users.c.user_id == campaign.c.user_id)
        .order_by(campaign.c.started_at.desc(), campaign.c.id.desc())
    )
    return [RecentCampaign(**row._mapping) for row in rows]
