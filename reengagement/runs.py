"""The run's row: who or what started it, how far it came, how it ended (E3), and when one is due (E1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, func, insert, select, update

from reengagement import auditing
from reengagement.database import clock
from reengagement.errors import ReengagementError
from reengagement.rules import Rules
from reengagement.tables import run, setting

Kind = Literal["scheduled", "manual"]

LOCK = 0x52554E
"""The advisory lock that a run holds while it works. Free beside a row `running`: that run crashed."""

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
ON_TIME = timedelta(minutes=10)


class NotDue(ReengagementError):
    """No scheduled run is to be made now: today's is done, or it is too early or too late in the day."""


@dataclass(frozen=True)
class Outcome:
    """What a run did. `counts` has eligible and held-back users by reason."""

    new_campaigns: int
    scheduled_notifications: int
    closed_campaigns: int
    counts: Mapping[str, Any]


def take_lock(connection: Connection) -> bool:
    """Take the lock of runs until the transaction ends; tell whether it was free."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(LOCK))).scalar_one())


def begin(
    journal: Connection, *, kind: Kind, started_by: str, now: datetime, rules: Rules, got_lock: bool
) -> int:
    """Write the row of a run that begins, or that met another, and return its id; a run by hand is noted.

    `journal` commits by itself. Only who holds the lock writes `running`, so that a row `running`
    without the lock held is a run that crashed: those are marked first.
    """
    if got_lock:
        _mark_crashed(journal)
    started_at = clock(journal)
    run_id: int = journal.execute(
        insert(run)
        .values(
            kind=kind,
            started_by=started_by,
            now=now,
            local_date=rules.local(now).date(),
            started_at=started_at,
            finished_at=None if got_lock else started_at,
            state="running" if got_lock else "already_running",
            rules=rules.model_dump(mode="json"),
        )
        .returning(run.c.id)
    ).scalar_one()
    if kind == "manual":
        auditing.note(journal, started_by, "run", started_at, run=run_id)
    return run_id


def note_stage(journal: Connection, run_id: int, stage: str) -> None:
    """Write how far the run has come."""
    journal.execute(update(run).where(run.c.id == run_id, run.c.state == "running").values(stage=stage))


def fail(journal: Connection, run_id: int, error: str) -> None:
    """Mark the run failed, with the error."""
    journal.execute(
        update(run)
        .where(run.c.id == run_id, run.c.state == "running")
        .values(state="failed", error=error, finished_at=clock(journal))
    )


def finish(connection: Connection, run_id: int, outcome: Outcome) -> None:
    """Mark the run done: the last statement of the transaction that did the work."""
    connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.state == "running")
        .values(
            state="done",
            stage=None,
            finished_at=clock(connection),
            new_campaigns=outcome.new_campaigns,
            scheduled_notifications=outcome.scheduled_notifications,
            closed_campaigns=outcome.closed_campaigns,
            counts=dict(outcome.counts),
        )
    )


def _mark_crashed(journal: Connection) -> None:
    journal.execute(
        update(run)
        .where(run.c.state == "running")
        .values(
            state="crashed",
            finished_at=clock(journal),
            error="The process that ran it ended; nothing of it was written.",
        )
    )


def notice_crashes(engine: Engine) -> None:
    """Mark runs as crashed whose row says `running` while nobody holds the lock.

    The lock is tried only where there is such a row: a run that starts meanwhile would be refused.
    """
    with engine.begin() as connection:
        running = connection.execute(select(run.c.id).where(run.c.state == "running")).first()
        if running and take_lock(connection):
            _mark_crashed(connection)


def check_due(connection: Connection, rules: Rules, now: datetime) -> None:
    """Raise NotDue unless a scheduled run may be made at `now`; a few minutes early count as on time."""
    local = rules.local(now)
    early = now < scheduled_for(rules, now) - ON_TIME
    if early or local.time() > rules.run_until:
        raise NotDue(
            f"It is {local:%H:%M} in {rules.timezone}; the scheduled run is made between "
            f"{rules.run_at:%H:%M} and {rules.run_until:%H:%M}. Run by hand with: plan"
        )
    done = select(run.c.id).where(
        run.c.kind == "scheduled", run.c.state == "done", run.c.local_date == local.date()
    )
    if connection.execute(done).first():
        raise NotDue(f"The scheduled run of {local.date()} is done already. Run by hand with: plan")


def is_due(connection: Connection, rules: Rules, now: datetime) -> bool:
    """Tell whether the day's scheduled run should start now (E1).

    1. The local time is between `run_at` and `run_until`: a catch-up at night would wake people.
    2. `run_at` of today is after the installation.
    3. No scheduled run of today is done or running, and a failed one was 1, then 5, then 30 minutes ago.
    """
    local = rules.local(now)
    if not rules.run_at <= local.time() <= rules.run_until:
        return False
    installed_at = datetime.fromisoformat(
        connection.execute(select(setting.c.value).where(setting.c.name == "installed_at")).scalar_one()
    )
    if installed_at > scheduled_for(rules, now):
        return False
    rows = connection.execute(
        select(run.c.state, run.c.finished_at)
        .where(run.c.kind == "scheduled", run.c.local_date == local.date(), run.c.state != "already_running")
        .order_by(run.c.id)
    ).all()
    return _may_try_again([(row.state, row.finished_at) for row in rows], now)


def _may_try_again(tries: list[tuple[str, datetime | None]], now: datetime) -> bool:
    if any(state in ("done", "running") for state, _ in tries) or len(tries) > len(RETRY_AFTER):
        return False
    ended_at = tries[-1][1] if tries else None
    return ended_at is None or now >= ended_at + RETRY_AFTER[len(tries) - 1]


def scheduled_for(rules: Rules, now: datetime) -> datetime:
    """Return `run_at` of the local date of `now`, naive UTC."""
    local = rules.local(now)
    at = local.replace(hour=rules.run_at.hour, minute=rules.run_at.minute, second=0, microsecond=0)
    return now - (local - at)


def next_run(connection: Connection, rules: Rules, now: datetime, after: datetime) -> datetime:
    """Return when the first scheduled run comes that plans for `after` or later: `now` if one is due."""
    if after <= now and is_due(connection, rules, now):
        return now
    since = max(now, after)
    same_day = scheduled_for(rules, since)
    return same_day if same_day >= since else scheduled_for(rules, since + timedelta(days=1))


def planning_time(rules: Rules, now: datetime) -> datetime:
    """Return the time that a scheduled run plans for: `run_at` itself if it started about then.

    A run three days later starts seconds earlier or later; a gap of three days must not become four.
    """
    on_time = scheduled_for(rules, now)
    return on_time if abs(now - on_time) <= ON_TIME else now
