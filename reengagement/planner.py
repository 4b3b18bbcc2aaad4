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

from reengagement import audience, campaigns, composing, host, levels, migrations, pause, rules, runs
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
    """One reminder that a run would write. `days` are whole days since the last activity; `name` is None
    where the host doesn't know one."""

    user_id: str
    name: str | None
    level: int
    days: int
    message_type: str
    variant_id: str
    title: str
    body: str


@dataclass(frozen=True)
class Plan:
    """What a run would do at `now`.

    `reminders` may be fewer than would be written, whose numbers are in `by_level`. `held_back` are inactive
    users without a new campaign, by reason (`audience.HELD_BACK`); `kept_back` campaigns without a reminder,
    by reason (`levels.KEPT_BACK`); `without_text` would get one, and no text suits them.
    """

    now: datetime
    new_campaigns: int
    closed_campaigns: int
    reminders: tuple[PlannedReminder, ...]
    by_level: Mapping[int, int]
    inactive: int
    held_back: Mapping[str, int]
    kept_back: Mapping[str, int]
    without_text: int
    paused: bool

    @property
    def scheduled_notifications(self) -> int:
        """Return how many reminders would be written."""
        return sum(self.by_level.values())


@dataclass(frozen=True)
class People:
    """Stages of the people a run looks at: active lately, their campaign ends, inactive, theirs opens."""

    activity: TableClause
    closing: TableClause
    inactive: TableClause
    opening: TableClause


@dataclass(frozen=True)
class _Staged:
    people: People
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
    salt = salt_of(work)
    people = stage_people(work, seen, in_force, now, salt, run_id=run_id, tell=tell)
    late = campaigns.stage_late_returns(work, seen, in_force, now, people.activity)
    moved = campaigns.stage_moved(work, people.activity, people.closing)
    tell("due")
    due = levels.stage_due(work, seen, in_force, now, people.activity, people.closing, people.opening)
    tell("composing")
    composed, left_out = composing.compose(
        work, seen, in_force, now, salt=salt, activity=people.activity, due=due
    )
    by_reason = audience.count_by_reason(work, people.inactive)
    counts = {
        "inactive": sum(by_reason.values()),
        "held_back": {reason: users for reason, users in by_reason.items() if reason},
        "left_out": left_out,
        "closed": _count_by(work, people.closing),
    }
    return _Staged(people, moved, late, due, composed, salt, counts)


def salt_of(connection: Connection) -> str:
    """Return the salt that decides who is held out and who gets which text."""
    salt: str = connection.execute(select(setting.c.value).where(setting.c.name == "salt")).scalar_one()
    return salt


def stage_people(
    work: Connection,
    seen: Host,
    in_force: Rules,
    now: datetime,
    salt: str,
    *,
    run_id: int = 0,
    only: str | None = None,
    tell: Progress = lambda stage: None,
) -> People:
    """Stage whose campaign ends and whose opens; with `only`, of that user, to explain what a run does.

    What a crash left out is repaired first; whoever only shows what a run would do rolls it back.
    """
    campaigns.repair(work, in_force, now, only)
    tell("activity")
    activity = audience.stage_activity(work, seen, in_force, now, only)
    tell("closing")
    closing = campaigns.stage_closing(work, seen, in_force, now, activity, only)
    tell("opening")
    inactive = audience.stage_inactive(work, seen, in_force, now, activity, closing)
    opening = campaigns.stage_opening(work, in_force, run_id, salt, inactive)
    return People(activity, closing, inactive, opening)


def _count_by(work: Connection, closing: TableClause) -> dict[str, int]:
    rows = work.execute(select(closing.c.reason, func.count().label("n")).group_by(closing.c.reason))
    return {row.reason: row.n for row in rows}


def _write(work: Connection, staged: _Staged, in_force: Rules, now: datetime, run_id: int) -> runs.Outcome:
    closing, opening = staged.people.closing, staged.people.opening
    campaigns.lock(work, closing, staged.moved, staged.late)
    closed = campaigns.close(work, closing, now)
    opened = campaigns.open_staged(work, in_force, now, run_id, staged.salt, opening)
    campaigns.follow_moved(work, in_force, now, staged.moved)
    campaigns.record_late_returns(work, now, staged.late)
    scheduled = composing.write(work, in_force, now, run_id)
    return runs.Outcome(opened, scheduled, closed, staged.counts)


def dry_run(
    engine: Engine,
    settings: Settings,
    *,
    now: datetime | None = None,
    at_most: int | None = None,
    progress: Progress = lambda stage: None,
) -> Plan:
    """Return what a run at `now` would do, with `at_most` reminders of each level, and change nothing.

    Raises as `run` does.
    """
    with engine.connect() as work, work.begin() as transaction:
        migrations.check_migrated(work)
        in_force = rules.in_force(work, settings.rules).rules
        at = floor_to_milliseconds(now) if now else clock(work)
        seen = host.connect(settings.host, work)
        staged = _stage(work, seen, in_force, at, 0, progress)
        people = staged.people
        plan = Plan(
            now=at,
            new_campaigns=_count(work, people.opening),
            closed_campaigns=_count(work, people.closing),
            reminders=_planned(work, staged, seen, at, at_most),
            by_level=_count_by_level(work, staged.composed),
            inactive=staged.counts["inactive"],
            held_back=staged.counts["held_back"],
            kept_back=levels.count_kept_back(
                work, seen, in_force, at, people.activity, people.closing, people.opening
            ),
            without_text=sum(staged.counts["left_out"].values()),
            paused=pause.since(work) is not None,
        )
        transaction.rollback()
    return plan


def _count(work: Connection, staged: TableClause) -> int:
    return work.execute(select(func.count()).select_from(staged)).scalar_one()


def _count_by_level(work: Connection, composed: TableClause) -> dict[int, int]:
    rows = work.execute(select(composed.c.level, func.count().label("n")).group_by(composed.c.level))
    return {row.level: row.n for row in rows}


def _planned(
    work: Connection, staged: _Staged, seen: Host, now: datetime, at_most: int | None
) -> tuple[PlannedReminder, ...]:
    """Return the first reminders of each level by user id, all of them without `at_most`."""
    due, composed = staged.due, staged.composed
    place = func.row_number().over(partition_by=due.c.level, order_by=due.c.user_id)
    ranked = (
        select(
            due.c.user_id,
            due.c.level,
            due.c.last_activity_at,
            composed.c.message_type,
            composed.c.variant_id,
            composed.c.title,
            composed.c.body,
            place.label("place"),
        )
        .join(composed, composed.c.campaign_id == due.c.campaign_id)
        .subquery("ranked")
    )
    users = seen.users().subquery("users")
    chosen = select(ranked, users.c.name).outerjoin(users, users.c.user_id == ranked.c.user_id)
    if at_most is not None:
        chosen = chosen.where(ranked.c.place <= at_most)
    return tuple(
        PlannedReminder(
            user_id=row.user_id,
            name=row.name,
            level=row.level,
            days=(now - row.last_activity_at).days,
            message_type=row.message_type,
            variant_id=row.variant_id,
            title=row.title,
            body=row.body,
        )
        for row in work.execute(chosen.order_by(ranked.c.level, ranked.c.user_id))
    )
