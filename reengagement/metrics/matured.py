"""The rates of what has had its time: neither flattered nor shamed by what was sent or opened just now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from reengagement.metrics.messages import CLICK_WITHIN, CLICKED_SOON, SENT_AT, sent_long_enough_ago
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.rules import Rules
from reengagement.stats import Rate
from reengagement.tables import campaign, notification


@dataclass(frozen=True)
class Matured:
    """Notifications sent at least 72 hours ago and clicked within these; campaigns whose window is over."""

    sent: int
    clicked: int
    campaigns: int
    returned: int

    @property
    def click_rate(self) -> Rate:
        """Return clicked within 72 hours of sent."""
        return Rate(self.clicked, self.sent)

    @property
    def return_rate(self) -> Rate:
        """Return returned of campaigns."""
        return Rate(self.returned, self.campaigns)


def window_ends_at(rules: Rules) -> ColumnElement[datetime]:
    """Return until when a return counts; an older system's campaigns have the rules' window."""
    return func.coalesce(campaign.c.window_ends_at, campaign.c.started_at + rules.window)


def matured(connection: Connection, rules: Rules, now: datetime, period: Period = ALL_TIME) -> Matured:
    """Return the counts of what was sent or opened in the period and has had its time at `now`."""
    sent, clicked = connection.execute(
        select(func.count(), func.count().filter(CLICKED_SOON))
        .select_from(notification)
        .where(sent_long_enough_ago(CLICK_WITHIN, now), period.holds(SENT_AT))
    ).one()
    campaigns, returned = connection.execute(
        select(func.count(), func.count(campaign.c.first_return_at))
        .select_from(campaign)
        .where(window_ends_at(rules) <= now, period.holds(campaign.c.started_at))
    ).one()
    return Matured(sent, clicked, campaigns, returned)
