"""The planner: one pipeline that a dry run shows and a run writes, so that the two can't disagree.

closing → opening = inactive − (active − closing) → due = (active − closing) ∪ opening → composed
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, TableClause, func, select

from reengagement import audience, campaigns, composing, host, migrations, pause, rules, runs
from reengagement.database import autocommit, clock, floor_to_milliseconds
from reengagement.errors import AlreadyRunning
from reengagement.host import Host
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.tables import setting

log = logging.getLogger(__name__)

STAGES = ("activity", "closing", "opening", "due", "composing", "writing")
Progress = Callable[[str], None]

WORK_MEM = "128MB"
"""For the run's few large sorts and hashes; with jit off it saved 15 % at a million users."""


@dataclass(frozen=True)
class RunReport:
    """What a run did. `inactive` is how many users are inactive, `held_back` how many of them got no
    campaign, by reason (`audience.HELD_BACK`); `paused` tells that sending is paused."""

    run_id: int
    now: datetime
    new_campaigns: int
    scheduled_notifications: int
    closed_campaigns: int
    inactive: int
    held_back: Mapping[str, int]
    paused: bool


@dataclass(frozen=True)
class PlannedReminder:
    """One reminder that a run would write. `days` are whole days since the last activity."""

    user_id: str
    level: int
    days: int
    message_type: str
    variant_id: str
    title: str
    body: str


@dataclass(frozen=True)
class Plan:
    """What a run would do now."""

    now: datetime
    new_campaigns: int
    closed_campaigns: int
    reminders: tuple[PlannedReminder, ...]
    inactive: int
    held_back: Mapping[str, int]
    paused: bool


@dataclass(frozen=True)
class _Staged:
    activity: TableClause
    closing: TableClause
    opening: TableClause
    moved: TableClause
    late: TableClause
    due: TableClause
    composed: TableClause
    salt: str
    counts: Mapping[str, Any]


def run(
    engine: Engine,
    settings: Settings,
    *,
    kind: runs.Kind = "manual",
    started_by: str,
    now: datetime | None = None,
    progress: Progress = lambda stage: None,
) -> RunReport:
    """Run the planner once and return what it did; `now` (naive UTC) is PostgreSQL's time if not given.

    1. Take the lock of runs; without it the row says *already running*.
    2. Stage what closes, opens, is due, and its texts.
    3. Write it, briefly, and mark the row done, in the same transaction.

    Raises AlreadyRunning, runs.NotDue (a scheduled run), NotMigrated,
    HostError, SettingsError; every failure after step 1 is in the run's row.
    """
    with engine.begin() as work, autocommit(engine) as journal:
        migrations.check_migrated(work)
        in_force = rules.in_force(work, settings.rules).rules
        at = floor_to_milliseconds(now) if now else clock(work)
        got_lock = runs.take_lock(work)
        if kind == "scheduled":
            runs.check_due(work, in_force, at)
            at = runs.planning_time(in_force, at)
        run_id = runs.begin(
            journal, kind=kind, started_by=started_by, now=at, rules=in_force, got_lock=got_lock
        )
        if not got_lock:
            raise AlreadyRunning("Another run of the planner is under way; wait for it to end.")
        try:
            report = _carry_out(work, journal, settings, in_force, at, run_id, progress)
        except BaseException as error:
            work.rollback()
            runs.fail(journal, run_id, f"{type(error).__name__}: {error}")
            raise
    log.info("run done", extra={"run": run_id})
    return report


def _carry_out(
    work: Connection,
    journal: Connection,
    settings: Settings,
    in_force: Rules,
    now: datetime,
    run_id: int,
    progress: Progress,
) -> RunReport:
    def tell(stage: str) -> None:
        runs.note_stage(journal, run_id, stage)
        progress(stage)

    campaigns.repair(work, in_force, now)
    seen = host.connect(settings.host, work)
    staged = _stage(work, seen, in_force, now, run_id, tell)
    tell("writing")
    outcome = _write(work, staged, in_force, now, run_id)
    runs.finish(work, run_id, outcome)
    return RunReport(
        run_id=run_id,
        now=now,
        new_campaigns=outcome.new_campaigns,
        scheduled_notifications=outcome.scheduled_notifications,
        closed_campaigns=outcome.closed_campaigns,
        inactive=staged.counts["inactive"],
        held_back=staged.counts["held_back"],
        paused=pause.since(work) is not None,
    )


def _stage(
    work: Connection, seen: Host, in_force: Rules, now: datetime, run_id: int, tell: Progress
) -> _Staged:
    """Stage what a run would do; nothing of ours is changed."""
    work.exec_driver_sql(f"SET LOCAL work_mem = '{WORK_MEM}'")
    work.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")  # stages differ from run to run
    salt = work.execute(select(setting.c.value).where(setting.c.name == "salt")).scalar_one()
    tell("activity")
    activity = audience.stage_activity(work, seen, in_force, now)
    tell("closing")
    closing = campaigns.stage_closing(work, seen, in_force, now, activity)
    late = campaigns.stage_late_returns(work, seen, in_force, now, activity)
    moved = campaigns.stage_moved(work, activity, closing)
    tell("opening")
    inactive = audience.stage_inactive(work, seen, in_force, now, activity, closing)
    opening = campaigns.stage_opening(work, in_force, run_id, salt, inactive)
    tell("due")
    due = campaigns.stage_due(work, seen, in_force, now, activity=activity, closing=closing, opening=opening)
    tell("composing")
    composed, left_out = composing.compose(work, seen, in_force, now, salt=salt, activity=activity, due=due)
    by_reason = audience.count_by_reason(work, inactive)
    counts = {
        "inactive": sum(by_reason.values()),
        "held_back": {reason: users for reason, users in by_reason.items() if reason},
        "left_out": left_out,
        "closed": _count_by(work, closing),
    }
    return _Staged(activity, closing, opening, moved, late, due, composed, salt, counts)


def _count_by(work: Connection, closing: TableClause) -> dict[str, int]:
    rows = work.execute(select(closing.c.reason, func.count().label("n")).group_by(closing.c.reason))
    return {row.reason: row.n for row in rows}


def _write(work: Connection, staged: _Staged, in_force: Rules, now: datetime, run_id: int) -> runs.Outcome:
    campaigns.lock(work, staged.closing, staged.moved, staged.late)
    closed = campaigns.close(work, staged.closing, now)
    opened = campaigns.open_staged(work, in_force, now, run_id, staged.salt, staged.opening)
    campaigns.follow_moved(work, in_force, now, staged.moved)
    campaigns.record_late_returns(work, now, staged.late)
    scheduled = composing.write(work, in_force, now, run_id)
    return runs.Outcome(opened, scheduled, closed, staged.counts)


def dry_run(engine: Engine, settings: Settings, *, now: datetime | None = None) -> Plan:
    """Return what a run at `now` would do, and change nothing. Raises as `run` does."""
    with engine.connect() as work, work.begin() as transaction:
        migrations.check_migrated(work)
        in_force = rules.in_force(work, settings.rules).rules
        at = floor_to_milliseconds(now) if now else clock(work)
        seen = host.connect(settings.host, work)
        staged = _stage(work, seen, in_force, at, 0, lambda stage: None)
        plan = Plan(
            now=at,
            new_campaigns=_count(work, staged.opening),
            closed_campaigns=_count(work, staged.closing),
            reminders=_planned(work, staged, in_force, at),
            inactive=staged.counts["inactive"],
            held_back=staged.counts["held_back"],
            paused=pause.since(work) is not None,
        )
        transaction.rollback()
    return plan


def _count(work: Connection, staged: TableClause) -> int:
    return work.execute(select(func.count()).select_from(staged)).scalar_one()


def _planned(
    work: Connection, staged: _Staged, in_force: Rules, now: datetime
) -> tuple[PlannedReminder, ...]:
    due, composed = staged.due, staged.composed
    rows = work.execute(
        select(
            due.c.user_id,
            due.c.level,
            due.c.last_activity_at,
            composed.c.message_type,
            composed.c.variant_id,
            composed.c.title,
            composed.c.body,
        )
        .join(composed, composed.c.campaign_id == due.c.campaign_id)
        .order_by(due.c.level, due.c.user_id)
    )
    return tuple(
        PlannedReminder(
            user_id=row.user_id,
            level=row.level,
            days=(now - row.last_activity_at).days,
            message_type=row.message_type,
            variant_id=row.variant_id,
            title=row.title,
            body=row.body,
        )
        for row in rows
    )
