"""What the rules of alerts look at, read from the database."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from sqlalchemy import Connection, func, select

from reengagement import metrics, pause
from reengagement.alerts.conditions import (
    STRUCK_SHARE,
    STRUCK_USERS,
    STRUCK_WITHIN,
    Origin,
    Rates,
    Signs,
    Struck,
    is_below,
    is_surely_below,
)
from reengagement.breaker import REFUSALS_IN_A_ROW
from reengagement.metrics import lately
from reengagement.rules import Rules
from reengagement.tables import alert, campaign, delivery, push_origin, run, setting, strike


def signs(connection: Connection, rules: Rules, now: datetime, *, rates: Rates | None = None) -> Signs:
    """Return all signs but the rates, which cost more and are handed in: a few small queries."""
    open_alerts = connection.execute(
        select(alert.c.kind, alert.c.subject, alert.c.told_at).where(alert.c.closed_at.is_(None))
    ).all()
    last_done = connection.execute(
        select(run.c.finished_at, run.c.counts)
        .where(run.c.state == "done")
        .order_by(run.c.id.desc())
        .limit(1)
    ).first()
    return Signs(
        now=now,
        rules=rules,
        installed_at=_installed_at(connection),
        consumers=len(metrics.consumers_alive(connection, now)),
        last_run=metrics.last_run(connection),
        tries=_tries(connection, rules, now),
        last_done_at=last_done.finished_at if last_done else None,
        last_counts=last_done.counts if last_done else None,
        newest_campaign_at=connection.execute(select(func.max(campaign.c.started_at))).scalar(),
        paused_since=pause.since(connection),
        waiting=metrics.waiting(connection),
        origins=_origins(connection),
        struck=_struck(connection, now),
        rates=rates,
        open=frozenset((row.kind, row.subject) for row in open_alerts),
        told=frozenset((row.kind, row.subject) for row in open_alerts if row.told_at),
    )


def rates(connection: Connection, rules: Rules, now: datetime) -> Rates:
    """Return the two rates of late, with what moved where one lies below its threshold."""
    clicks = lately.clicks_lately(connection, now)
    returns = lately.returns_lately(connection, rules, now)
    clicks_low = _low(clicks, rules.click_rate_threshold)
    returns_low = _low(returns, rules.return_rate_threshold)
    return Rates(
        clicks,
        returns,
        tuple(lately.click_moves(connection, now)) if clicks_low else (),
        tuple(lately.return_moves(connection, rules, now)) if returns_low else (),
    )


def _low(rate: lately.Lately, threshold: float) -> bool:
    return is_below(rate, threshold) or is_surely_below(rate, threshold)


def _installed_at(connection: Connection) -> datetime:
    value = connection.execute(select(setting.c.value).where(setting.c.name == "installed_at")).scalar_one()
    return datetime.fromisoformat(value)


def _tries(connection: Connection, rules: Rules, now: datetime) -> tuple[str, ...]:
    today = rules.local(now).date()
    rows = connection.execute(
        select(run.c.state)
        .where(run.c.kind == "scheduled", run.c.local_date == today, run.c.state != "already_running")
        .order_by(run.c.id)
    )
    return tuple(rows.scalars())


def _origins(connection: Connection) -> tuple[Origin, ...]:
    rows = connection.execute(
        select(push_origin.c.origin, push_origin.c.reason, push_origin.c.refusals)
        .where(push_origin.c.refusals >= REFUSALS_IN_A_ROW)
        .order_by(push_origin.c.origin)
    )
    return tuple(Origin(*row) for row in rows)


def _struck(connection: Connection, now: datetime) -> tuple[Struck, ...]:
    """Return the push services with many strikes; what they accepted is counted as far as it matters."""
    since = now - STRUCK_WITHIN
    rows = connection.execute(
        select(strike.c.push_service, strike.c.status_code, func.count().label("n"))
        .where(strike.c.updated_at > since)
        .group_by(strike.c.push_service, strike.c.status_code)
        .order_by(strike.c.push_service, strike.c.status_code)
    )
    by_origin: dict[str, dict[int, int]] = {}
    for row in rows:
        by_origin.setdefault(row.push_service, {})[row.status_code] = row.n
    many = {origin: n for origin, by in by_origin.items() if (n := sum(by.values())) >= STRUCK_USERS}
    return tuple(
        Struck(origin, by_origin[origin], _accepted(connection, origin, since, ceil(n / STRUCK_SHARE)))
        for origin, n in many.items()
    )


def _accepted(connection: Connection, origin: str, since: datetime, at_most: int) -> int:
    accepted = (
        select(delivery.c.id)
        .where(
            delivery.c.settled_at > since, delivery.c.push_service == origin, delivery.c.state == "accepted"
        )
        .limit(at_most)
    )
    return connection.execute(select(func.count()).select_from(accepted.subquery())).scalar_one()
