"""All campaigns, filtered and a page at a time: by keyset, so that a page in the middle costs no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, tuple_

from reengagement.host import Host
from reengagement.metrics.campaigns import STATUS, RecentCampaign, described
from reengagement.metrics.people import meant_by
from reengagement.metrics.period import ALL_TIME, Period
from reengagement.tables import CLOSED_REASONS, campaign

STATUSES = ("active", *CLOSED_REASONS)

COUNTED = 100_000
"""Campaigns are counted up to here; more are *more than* that."""


@dataclass(frozen=True)
class Wanted:
    """Which campaigns: None and the empty text are no condition. `user` is an id, or a part of a name."""

    status: str | None = None
    level: int | None = None
    period: Period = ALL_TIME
    user: str = ""

    def condition(self, host: Host) -> ColumnElement[bool]:
        """Return what a campaign must fulfil."""
        conditions: list[ColumnElement[bool]] = [self.period.holds(campaign.c.started_at)]
        if self.status is not None:
            conditions.append(STATUS.in_([self.status]))
        if self.level is not None:
            conditions.append(campaign.c.current_level == self.level)
        if self.user.strip():
            conditions.append(campaign.c.user_id.in_(meant_by(host, self.user)))
        return and_(*conditions)


@dataclass(frozen=True)
class Place:
    """A campaign in the list, by what the list is sorted by."""

    started_at: datetime
    id: str

    @property
    def key(self) -> Any:
        """Return the place as SQL compares it."""
        return tuple_(self.started_at, self.id)


@dataclass(frozen=True)
class Page:
    """Some campaigns, newest first; whether there are newer ones before them and older ones after."""

    rows: Sequence[RecentCampaign]
    has_newer: bool
    has_older: bool


PLACE = tuple_(campaign.c.started_at, campaign.c.id)


def page_of_campaigns(
    connection: Connection,
    host: Host,
    wanted: Wanted,
    *,
    after: Place | None = None,
    before: Place | None = None,
    size: int = 50,
) -> Page:
    """Return the campaigns that follow `after` in the list, or that stand before `before`; else the first.

    One more than the page is read: so it is known whether the list goes on.
    """
    among = select(campaign.c.id, campaign.c.started_at).where(wanted.condition(host))
    if before is not None:
        found = _first(connection, among.where(before.key < PLACE), size + 1, newest_first=False)
        kept, has_newer, has_older = found[:size][::-1], len(found) > size, True
    else:
        older = among.where(after.key > PLACE) if after is not None else among
        found = _first(connection, older, size + 1, newest_first=True)
        kept, has_newer, has_older = found[:size], after is not None, len(found) > size
    return Page(described(connection, host, kept), has_newer, has_older)


def _first(connection: Connection, among: Select[Any], count: int, *, newest_first: bool) -> list[str]:
    """Return the ids of the first of them in this order."""
    started_at, id_ = campaign.c.started_at, campaign.c.id
    order = (started_at.desc(), id_.desc()) if newest_first else (started_at, id_)
    return list(connection.execute(among.order_by(*order).limit(count)).scalars())


def count_campaigns(connection: Connection, host: Host, wanted: Wanted, at_most: int = COUNTED) -> int:
    """Return how many campaigns are wanted, `at_most` + 1 where there are more."""
    few = select(campaign.c.id).where(wanted.condition(host)).limit(at_most + 1).subquery("few")
    return connection.execute(select(func.count()).select_from(few)).scalar_one()
