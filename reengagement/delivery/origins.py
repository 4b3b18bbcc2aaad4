"""Push services as a whole: pauses, and the breaker for what is our own fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Text, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from reengagement.arrays import any_of
from reengagement.breaker import PROBING, REFUSALS_IN_A_ROW, REFUSED, SILENT, THROTTLED
from reengagement.tables import push_origin
from reengagement.webpush import Answer

BREAKER_PAUSE = timedelta(minutes=15)
THROTTLES_AT_ONCE = 3
STOPPED = "stopped"
"""Why a request was given up that our own end cut short: it says nothing of the push service."""
ACCEPTED_TO = timedelta(minutes=1)
"""How exactly is kept when an origin last accepted: workers needn't wait for each other's note of it."""
SILENCE_PAUSE = timedelta(minutes=2)
"""How long an origin waits that has let REFUSALS_IN_A_ROW requests in a row time out or break off."""
PROBE_TAKES = timedelta(minutes=2)
"""While one delivery tries whether an origin accepts again, the others wait."""


@dataclass
class _Heard:
    accepted: int = 0
    refused: int = 0
    lost: int = 0
    throttled: int = 0
    longest_wait: float = 0.0


@dataclass(frozen=True)
class Standing:
    """What a batch of answers told of the origins."""

    broken: Mapping[str, datetime] = field(default_factory=dict)
    """Origins whose breaker is open, and until when: their refusals aren't outcomes."""


def meet(connection: Connection, origins: Iterable[str], now: datetime) -> None:
    """Note push services that weren't known yet."""
    rows = [{"origin": origin, "updated_at": now} for origin in sorted(set(origins))]
    if rows:
        known = [push_origin.c.origin]
        connection.execute(insert(push_origin).on_conflict_do_nothing(index_elements=known), rows)


def grant(connection: Connection, rate: int, limit: int, now: datetime) -> dict[str, int]:
    """Return how many deliveries each push service may be given now, `limit` at most.

    None while it is paused. One, as a probe, where the breaker was open and its pause is over: only an
    acceptance closes it. With a `rate` (a second, all workers together), what a token bucket of one
    second's worth holds; the rows stay locked until `take`.
    """
    query = select(push_origin).order_by(push_origin.c.origin)
    granted: dict[str, int] = {}
    for row in connection.execute(query.with_for_update() if rate else query).all():
        if row.paused_until is not None and row.paused_until > now:
            continue
        if row.refusals >= REFUSALS_IN_A_ROW:
            granted[row.origin] = int(_may_probe(connection, row.origin, now))
        elif rate:
            granted[row.origin] = min(limit, _refill(connection, row, rate, now))
        else:
            granted[row.origin] = limit
    return {origin: number for origin, number in granted.items() if number}


def _may_probe(connection: Connection, origin: str, now: datetime) -> bool:
    """Take the right to probe, by a compare-and-set: one worker gets it, none once it has closed."""
    free = or_(push_origin.c.paused_until.is_(None), push_origin.c.paused_until <= now)
    taken = connection.execute(
        update(push_origin)
        .where(push_origin.c.origin == origin, free, push_origin.c.refusals >= REFUSALS_IN_A_ROW)
        .values(paused_until=now + PROBE_TAKES, reason=PROBING, updated_at=now)
    )
    return taken.rowcount == 1


def _refill(connection: Connection, row: Row[Any], rate: int, now: datetime) -> int:
    seconds = (now - row.allowance_at).total_seconds() if row.allowance_at else 1.0
    allowance = min(float(rate), (row.allowance or 0.0) + rate * max(0.0, seconds))
    connection.execute(
        update(push_origin)
        .where(push_origin.c.origin == row.origin)
        .values(allowance=allowance, allowance_at=now)
    )
    return int(allowance)


def take(connection: Connection, rate: int, taken: Mapping[str, int]) -> None:
    """Take from the buckets what was claimed of each service."""
    if rate:
        for origin, number in sorted(taken.items()):
            connection.execute(
                update(push_origin)
                .where(push_origin.c.origin == origin)
                .values(allowance=push_origin.c.allowance - number)
            )


def hear(connection: Connection, answers: Iterable[tuple[str, Answer]], now: datetime) -> Standing:
    """Take note of `(origin, answer)` pairs: origins that throttle pause, those that refuse break.

    Several 429 at once pause the origin as long as it asked. REFUSALS_IN_A_ROW refusals without an
    acceptance pause it for BREAKER_PAUSE; only an acceptance closes the breaker again. As many requests
    without an answer pause it for SILENCE_PAUSE: each would be one more delivery of unknown fate.
    """
    heard: dict[str, _Heard] = {}
    for origin, answer in answers:
        one = heard.setdefault(origin, _Heard())
        one.accepted += answer.outcome == "accepted"
        one.refused += answer.refused
        one.lost += answer.outcome == "unknown" and answer.reason != STOPPED
        if answer.status in (429, 406) and answer.outcome == "retry":
            one.throttled += 1
            one.longest_wait = max(one.longest_wait, answer.retry_after or 0.0)
    standing = _standing(connection, heard)
    refusals = {origin: row.refusals for origin, row in standing.items()}
    broken: dict[str, datetime] = {}
    for origin, one in sorted(heard.items()):
        streak = 0 if one.accepted else refusals.get(origin, 0) + one.refused + one.lost
        if one.refused and streak >= REFUSALS_IN_A_ROW:
            broken[origin] = now + BREAKER_PAUSE
            _note(connection, origin, streak, broken[origin], REFUSED, now)
        elif one.lost and streak >= REFUSALS_IN_A_ROW:
            _note(connection, origin, streak, now + SILENCE_PAUSE, SILENT, now)
        elif one.throttled >= THROTTLES_AT_ONCE:
            _note(connection, origin, streak, now + timedelta(seconds=one.longest_wait), THROTTLED, now)
        elif streak != refusals.get(origin, 0):
            _note(connection, origin, streak, None, None, now)
        if one.accepted and _is_news(standing.get(origin), now):
            _note_acceptance(connection, origin, now)
    return Standing(broken)


def _standing(connection: Connection, origins: Iterable[str]) -> dict[str, Row[Any]]:
    rows = connection.execute(select(push_origin).where(push_origin.c.origin == any_of(Text, origins)))
    return {row.origin: row for row in rows}


def _is_news(row: Row[Any] | None, now: datetime) -> bool:
    return row is None or row.accepted_at is None or now - row.accepted_at >= ACCEPTED_TO


def _note_acceptance(connection: Connection, origin: str, now: datetime) -> None:
    connection.execute(
        update(push_origin).where(push_origin.c.origin == origin).values(accepted_at=now, updated_at=now)
    )


def _note(
    connection: Connection,
    origin: str,
    refusals: int,
    paused_until: datetime | None,
    reason: str | None,
    now: datetime,
) -> None:
    values = {"refusals": refusals, "paused_until": paused_until, "reason": reason, "updated_at": now}
    connection.execute(
        insert(push_origin)
        .values(origin=origin, **values)
        .on_conflict_do_update(index_elements=[push_origin.c.origin], set_=values)
    )
