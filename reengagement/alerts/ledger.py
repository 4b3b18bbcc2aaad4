"""The rows of alerts: opened and closed as conditions come and go, claimed before people are told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from reengagement.alerts.conditions import Condition
from reengagement.tables import alert, run, setting

RATES_EVERY = timedelta(minutes=15)
TRIES = 10
TELLING_TAKES = timedelta(minutes=2)
"""Whoever tells has so long; if it was killed meanwhile, another tells, perhaps for the second time."""
PATIENCE: Mapping[str, timedelta] = {"no_consumer": timedelta(minutes=5)}
"""How long a kind must have been open before people are told: a consumer may just be restarting."""
LOOKED = "alerts_looked_at"
_LOCK = 0x414C455254


@dataclass(frozen=True)
class Alert:
    """One row: what was amiss, from when to when, and how telling went. Times are naive UTC."""

    id: int
    kind: str
    subject: str
    details: Mapping[str, Any]
    sure: bool
    opened_at: datetime
    closed_at: datetime | None
    told_at: datetime | None
    told_to: Sequence[str]
    tries: int
    tell_error: Sequence[Mapping[str, Any]] | None


_COLUMNS = [alert.c[name].label(name) for name in Alert.__dataclass_fields__]


def take_lock(connection: Connection) -> bool:
    """Take the lock of looking until the transaction ends; tell whether it was free."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())


def may_look_at_rates(connection: Connection, now: datetime) -> bool:
    """Tell whether the rates are due for a look, and note it: every 15 minutes, and after each run."""
    ran_since = (
        select(run.c.id)
        .where(run.c.finished_at > setting.c.updated_at, run.c.state != "already_running")
        .exists()
    )
    noted = insert(setting).values(name=LOOKED, value=now.isoformat(), updated_at=now, updated_by="alerts")
    return bool(
        connection.execute(
            noted.on_conflict_do_update(
                index_elements=[setting.c.name],
                set_={"value": noted.excluded.value, "updated_at": now},
                where=or_(setting.c.updated_at <= now - RATES_EVERY, ran_since),
            ).returning(setting.c.name)
        ).first()
    )


def update_rows(
    connection: Connection, found: Collection[Condition], looked_at: Collection[str], now: datetime
) -> None:
    """Open an alert for each condition that has none, and close those whose condition has gone.

    Only kinds that were `looked_at` are closed. An alert that is open gets the newest figures, and is sure
    once it has been.
    """
    _close(connection, found, looked_at, now)
    if not found:
        return
    rows = [
        {
            "kind": one.kind,
            "subject": one.subject,
            "details": dict(one.details),
            "sure": one.sure,
            "opened_at": now,
        }
        for one in found
    ]
    opened = insert(alert).values(rows)
    new = opened.excluded
    changed = or_(alert.c.details != new.details, new.sure & ~alert.c.sure)
    connection.execute(
        opened.on_conflict_do_update(
            index_elements=[alert.c.kind, alert.c.subject],
            index_where=alert.c.closed_at.is_(None),
            set_={"details": new.details, "sure": alert.c.sure | new.sure},
            where=changed,
        )
    )


def _close(
    connection: Connection, found: Collection[Condition], looked_at: Collection[str], now: datetime
) -> None:
    still = [(one.kind, one.subject) for one in found]
    gone = and_(alert.c.closed_at.is_(None), alert.c.kind.in_(looked_at))
    if still:
        gone = gone & tuple_(alert.c.kind, alert.c.subject).not_in(still)
    connection.execute(update(alert).where(gone).values(closed_at=now))


def to_tell(connection: Connection, now: datetime) -> list[int]:
    """Return the alerts that people should be told of now, oldest first."""
    return list(connection.execute(select(alert.c.id).where(_untold(now)).order_by(alert.c.id)).scalars())


def claim(connection: Connection, alert_id: int, now: datetime) -> Alert | None:
    """Take the right to tell of an alert, by a compare-and-set: one teller gets it, the others None."""
    row = connection.execute(
        update(alert)
        .where(alert.c.id == alert_id, _untold(now))
        .values(tries=alert.c.tries + 1, next_try_at=now + TELLING_TAKES)
        .returning(*_COLUMNS)
    ).one_or_none()
    return Alert(**row._mapping) if row else None


def settle(
    connection: Connection,
    claimed: Alert,
    told_to: Sequence[str],
    failures: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Note who has been told; where someone hasn't, the next try comes later each time: 1, 2, 4 … minutes."""
    connection.execute(
        update(alert)
        .where(alert.c.id == claimed.id, alert.c.tries == claimed.tries)
        .values(
            told_to=[*told_to],
            told_at=None if failures else now,
            tell_error=[*failures] or None,
            next_try_at=now + timedelta(minutes=2 ** (claimed.tries - 1)) if failures else None,
        )
    )


def _untold(now: datetime) -> Any:
    patient = [
        and_(alert.c.kind == kind, alert.c.opened_at > now - patience) for kind, patience in PATIENCE.items()
    ]
    return and_(
        alert.c.closed_at.is_(None),
        alert.c.sure,
        alert.c.told_at.is_(None),
        alert.c.tries < TRIES,
        or_(alert.c.next_try_at.is_(None), alert.c.next_try_at <= now),
        ~or_(*patient),
    )


def open_alerts(connection: Connection) -> list[Alert]:
    """Return the alerts that are open, oldest first."""
    rows = connection.execute(select(*_COLUMNS).where(alert.c.closed_at.is_(None)).order_by(alert.c.id))
    return [Alert(**row._mapping) for row in rows]


def history(connection: Connection, limit: int = 100) -> list[Alert]:
    """Return the alerts that have closed, newest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(alert.c.closed_at.is_not(None))
        .order_by(alert.c.opened_at.desc(), alert.c.id.desc())
        .limit(limit)
    )
    return [Alert(**row._mapping) for row in rows]
