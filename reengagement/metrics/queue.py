"""The queue: what waits and what became of the last day's deliveries, by push service and by cause (F5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, func, or_, select, true

from reengagement.host import Host
from reengagement.tables import OPEN_STATES, campaign, delivery, notification, push_origin

SPAN = timedelta(days=1)
TROUBLES = ("unknown", "rejected", "gone", "expired", "unsupported", "suppressed")


@dataclass(frozen=True)
class ServiceRow:
    """One push service's deliveries by state: those that are open, and those settled in the last day."""

    push_service: str
    states: Mapping[str, int]


@dataclass(frozen=True)
class Cause:
    """Deliveries that share a state and its reason: settled so in the last day, or waiting for a retry."""

    state: str
    reason: str | None
    deliveries: int
    services: int
    newest_at: datetime


@dataclass(frozen=True)
class Trouble:
    """One delivery of a cause. `name` is None where the host no longer knows the user."""

    id: int
    user_id: str
    name: str | None
    level: int
    push_service: str
    attempts: int
    status_code: int | None
    at: datetime


@dataclass(frozen=True)
class Hour:
    """What was settled in one hour, beginning at `at` (naive UTC)."""

    at: datetime
    accepted: int
    other: int


@dataclass(frozen=True)
class Origin:
    """A push service that is paused, or whose breaker counts refusals."""

    origin: str
    paused_until: datetime | None
    reason: str | None
    refusals: int


def by_service(connection: Connection, now: datetime) -> list[ServiceRow]:
    """Return a row for each push service that has anything open or settled of late."""
    rows = connection.execute(
        select(delivery.c.push_service, delivery.c.state, func.count().label("deliveries"))
        .where(_of_late(now))
        .group_by(delivery.c.push_service, delivery.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.push_service, {})[row.state] = row.deliveries
    return [ServiceRow(service, found[service]) for service in sorted(found)]


def causes(connection: Connection, now: datetime, push_service: str | None = None) -> list[Cause]:
    """Return what went wrong, the most frequent first; what merely waits for its turn is no trouble.

    Of one `push_service`, or of all.
    """
    at = func.max(func.coalesce(delivery.c.settled_at, delivery.c.posted_at, delivery.c.queued_at))
    rows = connection.execute(
        select(
            delivery.c.state,
            delivery.c.reason,
            func.count().label("deliveries"),
            func.count(delivery.c.push_service.distinct()).label("services"),
            at.label("newest_at"),
        )
        .where(_in_trouble(now), _at(push_service))
        .group_by(delivery.c.state, delivery.c.reason)
        .order_by(func.count().desc(), delivery.c.state, delivery.c.reason)
    )
    return [Cause(**row._mapping) for row in rows]


def troubles(
    connection: Connection,
    host: Host,
    now: datetime,
    state: str,
    reason: str | None,
    push_service: str | None = None,
    limit: int = 200,
) -> list[Trouble]:
    """Return the newest deliveries of a cause, at one `push_service` or at all."""
    users = host.users().subquery("users")
    at = func.coalesce(delivery.c.settled_at, delivery.c.posted_at, delivery.c.queued_at)
    newest = (
        select(delivery)
        .where(
            _in_trouble(now),
            _at(push_service),
            delivery.c.state == state,
            delivery.c.reason.is_not_distinct_from(reason),
        )
        .order_by(at.desc(), delivery.c.id.desc())
        .limit(limit)
        .subquery("newest")
    )
    rows = connection.execute(
        select(
            newest.c.id,
            campaign.c.user_id.label("user_id"),
            users.c.name,
            notification.c.level.label("level"),
            newest.c.push_service.label("push_service"),
            newest.c.attempts,
            newest.c.status_code.label("status_code"),
            func.coalesce(newest.c.settled_at, newest.c.posted_at, newest.c.queued_at).label("at"),
        )
        .select_from(
            newest.join(notification, notification.c.id == newest.c.notification_id)
            .join(campaign, campaign.c.id == notification.c.campaign_id)
            .outerjoin(users, users.c.user_id == campaign.c.user_id)
        )
        .order_by(
            func.coalesce(newest.c.settled_at, newest.c.posted_at, newest.c.queued_at).desc(), newest.c.id
        )
    )
    return [Trouble(**row._mapping) for row in rows]


def by_hour(connection: Connection, now: datetime, push_service: str | None = None) -> list[Hour]:
    """Return the last 24 hours, each with what was settled in it, also where nothing was.

    At one `push_service`, or at all.
    """
    hour = func.date_trunc("hour", delivery.c.settled_at).label("hour")
    rows = connection.execute(
        select(
            hour,
            func.count().filter(delivery.c.state == "accepted").label("accepted"),
            func.count().filter(delivery.c.state != "accepted").label("other"),
        )
        .where(delivery.c.settled_at > now - SPAN, _at(push_service))
        .group_by(hour)
    )
    counts = {row.hour: (row.accepted, row.other) for row in rows}
    last = now.replace(minute=0, second=0, microsecond=0)
    hours = [last - timedelta(hours=n) for n in range(23, -1, -1)]
    return [Hour(at, *counts.get(at, (0, 0))) for at in hours]


def troubled_origins(connection: Connection, now: datetime) -> list[Origin]:
    """Return the push services that are paused now, or that have refused us lately."""
    paused = push_origin.c.paused_until > now
    rows = connection.execute(
        select(
            push_origin.c.origin,
            case((paused, push_origin.c.paused_until)).label("paused_until"),
            push_origin.c.reason,
            push_origin.c.refusals,
        )
        .where(or_(paused, push_origin.c.refusals > 0))
        .order_by(push_origin.c.origin)
    )
    return [Origin(**row._mapping) for row in rows]


def _of_late(now: datetime) -> ColumnElement[bool]:
    return or_(delivery.c.state.in_(OPEN_STATES), delivery.c.settled_at > now - SPAN)


def _at(push_service: str | None) -> ColumnElement[bool]:
    return true() if push_service is None else delivery.c.push_service == push_service


def _in_trouble(now: datetime) -> ColumnElement[bool]:
    failed = delivery.c.state.in_(TROUBLES) & (delivery.c.settled_at > now - SPAN)
    waits_for_a_retry = (delivery.c.state == "queued") & (delivery.c.attempts > 0)
    return or_(failed, waits_for_a_retry)
