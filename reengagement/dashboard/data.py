"""What a page reads, all of it in one read-only snapshot of the database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from reengagement import host, metrics, migrations, pause, rules, runs
from reengagement.alerts import Condition
from reengagement.dashboard import amiss, figures
from reengagement.dashboard.figures import Figures
from reengagement.dashboard.period import Chosen
from reengagement.database import clock, engine_of
from reengagement.errors import DatabaseUnreachable
from reengagement.metrics import (
    Consumer,
    LastRun,
    Period,
    RecentCampaign,
    Totals,
    Waiting,
)
from reengagement.rules import Rules
from reengagement.settings import Settings


@dataclass(frozen=True)
class State:
    """Whether reminders leave: what every page says above all else."""

    rules: Rules
    waiting: Waiting
    consumers: Sequence[Consumer]
    paused_since: datetime | None
    amiss: Sequence[Condition]


@dataclass(frozen=True)
class Live:
    """What changes on the overview while one looks; `before` is the period to compare with."""

    totals: Totals
    before: Totals | None
    last_run: LastRun | None


@dataclass(frozen=True)
class Overview:
    """The rest of the overview. `seconds` is how long the database took; `period` the totals are about."""

    now: datetime
    rules: Rules
    period: Period
    before: Period | None
    figures: Figures
    campaigns: Sequence[RecentCampaign]
    last_run: LastRun | None
    seconds: float


def overview(settings: Settings, chosen: Chosen) -> Overview:
    """Return what the overview shows of the period chosen. Raises ReengagementError."""
    started = time.perf_counter()
    with snapshot(settings) as connection:
        now = clock(connection)
        in_force = rules.in_force(connection, settings.rules).rules
        period = chosen.of(now, in_force.zone)
        last_run = metrics.last_run(connection)
        return Overview(
            now=now,
            rules=in_force,
            period=period,
            before=chosen.before(now, in_force.zone),
            figures=figures.of(connection, settings, in_force, now, period, last_run),
            campaigns=metrics.recent_campaigns(connection, host.connect(settings.host, connection)),
            last_run=last_run,
            seconds=time.perf_counter() - started,
        )


def read_ahead(settings: Settings) -> None:
    """Read what an overview of all time takes longest for, before anyone asks. Raises ReengagementError."""
    with snapshot(settings) as connection:
        in_force = rules.in_force(connection, settings.rules).rules
        figures.read_ahead(connection, settings, in_force, clock(connection), metrics.last_run(connection))


def state(settings: Settings) -> State:
    """Return whether reminders leave, and what is amiss. Raises ReengagementError."""
    with snapshot(settings) as connection:
        in_force = rules.in_force(connection, settings.rules).rules
        now = clock(connection)
        return State(
            rules=in_force,
            waiting=metrics.waiting(connection),
            consumers=metrics.consumers_alive(connection, now),
            paused_since=pause.since(connection),
            amiss=amiss.conditions(connection, settings, in_force, now),
        )


def live(settings: Settings, period: Period, before: Period | None) -> Live:
    """Return what the overview reads again every few seconds. Raises ReengagementError.

    A run that crashed would say *running* for ever where no consumer looks after it: so look here.
    """
    with snapshot(settings) as connection:
        found = Live(
            totals=metrics.totals(connection, period),
            before=metrics.totals(connection, before) if before else None,
            last_run=metrics.last_run(connection),
        )
    if found.last_run and found.last_run.state == "running":
        with errors_in_words():
            runs.notice_crashes(engine_of(settings))
    return found


@contextmanager
def snapshot(settings: Settings) -> Iterator[Connection]:
    """Yield a connection that sees one moment of the database and can't change it.

    Raises ReengagementError, also where the driver's own error says that the database is away.
    """
    with errors_in_words(), engine_of(settings).connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        _check_migrated(connection)
        yield connection


_migrated: set[Engine] = set()


def _check_migrated(connection: Connection) -> None:
    """Raise NotMigrated; ask once a process, since the answer stays true and costs more than a page."""
    if connection.engine not in _migrated:
        migrations.check_migrated(connection)
        _migrated.add(connection.engine)


@contextmanager
def scratch(settings: Settings) -> Iterator[Connection]:
    """Yield a connection that sees one moment of the database, and of whose work nothing is kept.

    For what works in temporary tables, which a read-only transaction can't make. Raises ReengagementError.
    """
    with errors_in_words(), engine_of(settings).connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        _check_migrated(connection)
        yield connection


@contextmanager
def transaction(settings: Settings) -> Iterator[Connection]:
    """Yield a connection whose work is committed at the end. Raises ReengagementError."""
    with errors_in_words(), engine_of(settings).begin() as connection:
        yield connection


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn an error of the driver into a ReengagementError: its first line, never the statement."""
    try:
        yield
    except DBAPIError as error:
        first_line = str(error.orig).strip().partition("\n")[0]
        raise DatabaseUnreachable(f"The database does not answer as it should: {first_line}") from error
