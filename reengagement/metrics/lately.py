"""How the two rates did lately, as alerts look at them, and what moved against the four weeks before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from reengagement.metrics.matured import window_ends_at
from reengagement.metrics.messages import CLICK_WITHIN, CLICKED_SOON, SENT, SENT_AT, sent_long_enough_ago
from reengagement.metrics.period import Period
from reengagement.rules import Rules
from reengagement.stats import Rate
from reengagement.tables import campaign, delivery, notification

SPAN = timedelta(days=28)
"""So many matured days are looked at, and as many before them."""


@dataclass(frozen=True)
class Lately:
    """One rate of late. `plain` has the 28 matured days and all since; `matured` those days alone."""

    plain: Rate
    matured: Rate


@dataclass(frozen=True)
class Move:
    """The matured rate of one level, message type or push service: lately, and in the 28 days before."""

    dimension: str
    value: str
    lately: Rate
    before: Rate


def clicks_lately(connection: Connection, now: datetime) -> Lately:
    """Return the click rate of late: clicks within 72 hours where matured."""
    had_time = sent_long_enough_ago(CLICK_WITHIN, now)
    row = connection.execute(
        select(
            func.count().filter(notification.c.clicked),
            func.count(),
            func.count().filter(had_time & CLICKED_SOON),
            func.count().filter(had_time),
        )
        .select_from(notification)
        .where(SENT, Period(now - CLICK_WITHIN - SPAN, now).holds(SENT_AT))
    ).one()
    return Lately(Rate(row[0], row[1]), Rate(row[2], row[3]))


def returns_lately(connection: Connection, rules: Rules, now: datetime) -> Lately:
    """Return the return rate of late: of campaigns whose window is over where matured."""
    had_time = window_ends_at(rules) <= now
    row = connection.execute(
        select(
            func.count(campaign.c.first_return_at),
            func.count(),
            func.count(campaign.c.first_return_at).filter(had_time),
            func.count().filter(had_time),
        )
        .select_from(campaign)
        .where(Period(now - rules.window - SPAN, now).holds(campaign.c.started_at))
    ).one()
    return Lately(Rate(row[0], row[1]), Rate(row[2], row[3]))


def click_moves(connection: Connection, now: datetime) -> list[Move]:
    """Return the matured click rate by level, message type and push service, lately and before."""
    until = now - CLICK_WITHIN
    recent = (until - SPAN <= SENT_AT).label("recent")
    one = notification.c.id.distinct()
    counts = (func.count(one), func.count(one).filter(CLICKED_SOON))
    matured = SENT & Period(until - 2 * SPAN, until).holds(SENT_AT)
    return _moves(connection, recent, counts, matured)


def return_moves(connection: Connection, rules: Rules, now: datetime) -> list[Move]:
    """Return the matured return rate of campaigns that had a reminder of the level, type or push service."""
    until = now - rules.window
    recent = _recent(campaign.c.started_at, until - SPAN)
    one = campaign.c.id.distinct()
    counts = (func.count(one), func.count(one).filter(campaign.c.first_return_at.is_not(None)))
    matured = SENT & Period(until - 2 * SPAN, until).holds(campaign.c.started_at)
    return _moves(connection, recent, counts, matured)


def _recent(moment: ColumnElement[datetime], since: datetime) -> ColumnElement[bool]:
    """Return whether `moment` lies in the later 28 days; written out, since it is grouped by."""
    return moment >= literal_column(f"timestamp '{since.isoformat()}'")


def _moves(
    connection: Connection,
    recent: ColumnElement[bool],
    counts: tuple[ColumnElement[int], ColumnElement[int]],
    matured: ColumnElement[bool],
) -> list[Move]:
    level, kind = notification.c.level, notification.c.message_type
    dimension = case((func.grouping(level) == 0, "level"), else_="type")
    texts = (
        select(dimension, func.coalesce(cast(level, Text), kind), recent, *counts)
        .join(campaign, campaign.c.id == notification.c.campaign_id)
        .where(matured)
        .group_by(func.grouping_sets(tuple_(level, recent), tuple_(kind, recent)))
    )
    services = (
        select(literal("service"), delivery.c.push_service, recent, *counts)
        .select_from(delivery)
        .join(notification, notification.c.id == delivery.c.notification_id)
        .join(campaign, campaign.c.id == notification.c.campaign_id)
        .where(matured, delivery.c.state == "accepted")
        .group_by(delivery.c.push_service, recent)
    )
    return _paired([*connection.execute(texts), *connection.execute(services)])


def _paired(rows: Iterable[Any]) -> list[Move]:
    rates = {(dimension, value, recent): Rate(hits, n) for dimension, value, recent, n, hits in rows}
    nothing = Rate(0, 0)
    return [
        Move(*name, rates.get((*name, True), nothing), rates.get((*name, False), nothing))
        for name in sorted({(dimension, value) for dimension, value, _ in rates})
    ]
