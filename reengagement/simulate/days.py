"""The loop over days: run, drain, reactions, people's steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, func, or_, select, text, update

from reengagement import collecting, delivery, migrations, planner, rules, tables, variants
from reengagement.database import floor_to_milliseconds
from reengagement.demo.population import Person, make_people
from reengagement.demo.sample import create_host_tables
from reengagement.errors import ReengagementError
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.simulate.behaviour import Behaviour
from reengagement.simulate.crowd import Crowd
from reengagement.simulate.haste import without_waiting_for_the_disk
from reengagement.simulate.postal import Postal
from reengagement.simulate.product import Product, milliseconds, moment
from reengagement.simulate.reactions import Reactions, Reminder
from reengagement.tables import campaign, notification

STARTED_BY = "simulation"
ORIGIN = "https://push.invalid"
"""Where simulated phones are if nothing else is said: nowhere, so that none is ever posted to in earnest."""
DUE_SHARES = (0.012, 0.005, 0.003, 0.002)
"""By level, the users whose reminder falls due between the last run and the end of the simulation."""
DAYS_BETWEEN_ANALYZE = 30
MOST_DRAINS_A_DAY = 12

_DOG_VARIANTS = frozenset(one.id for one in variants.first_texts() if "dogName" in one.placeholders)

Progress = Callable[[int, int], None]


class NotEmpty(ReengagementError):
    """The database has users already; a simulation fills an empty one only."""


@dataclass(frozen=True)
class Simulated:
    """What came of it; `seconds` is the time that it took."""

    users: int
    steps: int
    campaigns: int
    sent: int
    clicked: int
    returned: int
    seconds: float


def simulate(
    engine: Engine,
    settings: Settings,
    *,
    users: int = 2_000,
    days: int = 365,
    until: datetime,
    seed: int = 1,
    behaviour: Behaviour | None = None,
    origin: str = ORIGIN,
    progress: Progress = lambda day, of: None,
) -> Simulated:
    """Fill an empty, migrated database with a product's last `days` days up to `until` (naive UTC).

    The last scheduled run is that of the local date of `until`; some users are due since then. The
    same arguments give the same history. Raises NotEmpty, NotMigrated, SettingsError.
    """
    started = time.monotonic()
    until = floor_to_milliseconds(until)
    with collecting.rarely(), without_waiting_for_the_disk(engine), engine.connect() as connection:
        in_force = _prepare(connection, settings, seed)
        runs_at = run_times(in_force, until, days)
        with connection.begin():
            _set(connection, "installed_at", runs_at[0].isoformat())
        year = _Year(engine, connection, settings, in_force, runs_at, until, users, seed, behaviour, origin)
        for day in range(len(runs_at)):
            year.live(day)
            progress(day + 1, len(runs_at))
        with connection.begin():
            _date_runs(connection)
            return _summary(connection, users, year.steps, time.monotonic() - started)


def _prepare(connection: Connection, settings: Settings, seed: int) -> Rules:
    """Make sure that the product is there and empty, fix the salt of choices, and return the rules."""
    with connection.begin():
        migrations.check_migrated(connection)
        if connection.execute(select(func.to_regclass('"User"'))).scalar_one() is None:
            create_host_tables(connection)
        people = connection.execute(text('SELECT EXISTS (SELECT FROM "User")')).scalar_one()
        if people or connection.execute(select(campaign.c.id).limit(1)).first():
            raise NotEmpty(
                "This database has users or campaigns already. A simulation writes invented people, "
                "so it needs an empty one: set DATABASE_URL or REENGAGEMENT_DATA_DIR to another."
            )
        _set(connection, "salt", f"simulation {seed}")
        return rules.in_force(connection, settings.rules).rules


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(update(tables.setting).where(tables.setting.c.name == name).values(value=value))


def run_times(in_force: Rules, until: datetime, days: int) -> list[datetime]:
    """Return when the runs of the last `days` days took place, `until`'s own local date included.

    Today's is at its hour if that is past, else at midnight: the date has its run, and something may
    fall due after it.
    """
    local = in_force.local(until)
    dates = [local.date() - timedelta(days=back) for back in range(days - 1, 0, -1)]
    times = [datetime.combine(date, in_force.run_at, in_force.zone) for date in dates]
    today = datetime.combine(local.date(), in_force.run_at, in_force.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    times.append(today if today < local - timedelta(minutes=1) else midnight)
    return [one.astimezone(UTC).replace(tzinfo=None) for one in times]


class _Year:
    """Everything that lives from day to day."""

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        settings: Settings,
        in_force: Rules,
        runs_at: Sequence[datetime],
        until: datetime,
        users: int,
        seed: int,
        behaviour: Behaviour | None,
        origin: str,
    ) -> None:
        self.engine, self.connection, self.settings = engine, connection, settings
        self.in_force, self.runs_at, self.until = in_force, runs_at, until
        self.people: Sequence[Person] = make_people(users, seed)
        self.user_ids = [one.id for one in self.people]
        self.number_of = {one.id: number for number, one in enumerate(self.people)}
        behaviour = behaviour or Behaviour()
        begin = milliseconds(runs_at[0])
        self.crowd = Crowd(users, begin, milliseconds(until), behaviour, seed)
        self.postal = Postal(behaviour, seed, runs_at[0])
        self.product = Product(self.people, behaviour, origin, seed, self.postal.add_phone)
        self.product.open_courses(connection)
        self.reactions = Reactions(self.crowd, behaviour)
        self.pins = self._plan_pins()
        self.steps = 0

    def _plan_pins(self) -> list[int]:
        """Return when the last steps are of those who will be due between the last run and `until`."""
        end, since = milliseconds(self.until), milliseconds(self.runs_at[-1])
        times = []
        for days, share in zip(self.in_force.level_days, DUE_SHARES, strict=True):
            count = max(1, round(share * len(self.people)))
            due = self.crowd.chance.integers(since + 1, max(end, since + 1) + 1, count)
            times += [int(at) - milliseconds(moment(0) + timedelta(days=days)) for at in due]
        return sorted(times)

    def live(self, day: int) -> None:
        """Live one day, from its run to the next one's, and write it down."""
        begin = self.runs_at[day]
        end = self.runs_at[day + 1] if day + 1 < len(self.runs_at) else self.until
        on_time = self.in_force.local(begin).time() >= self.in_force.run_at
        report = planner.run(
            self.engine,
            self.settings,
            kind="scheduled" if on_time else "manual",
            started_by=STARTED_BY,
            now=begin,
        )
        if report.scheduled_notifications:
            self._drain(begin, end)
            with self.connection.begin():
                self.reactions.receive(list(self._reminders(report.run_id)))
        self._practise(begin, end)
        self.product.write(self.connection)
        self.reactions.write(self.connection, milliseconds(end), self.user_ids)
        if day % DAYS_BETWEEN_ANALYZE == DAYS_BETWEEN_ANALYZE // 2:
            with self.connection.begin():
                self.connection.exec_driver_sql("ANALYZE")

    def _drain(self, begin: datetime, end: datetime) -> None:
        """Send what is due, then what is to be tried again, each at its time."""
        self.postal.now = begin + timedelta(seconds=2)
        for _ in range(MOST_DRAINS_A_DAY):
            delivery.drain(
                self.engine,
                self.settings,
                post=self.postal.post,
                clock=lambda connection: self.postal.now,
                lanes=1,
            )
            with self.connection.begin():
                again_at = self.connection.execute(
                    select(func.min(tables.delivery.c.next_attempt_at)).where(
                        tables.delivery.c.state == "queued"
                    )
                ).scalar_one()
            if again_at is None or again_at >= end:
                return
            self.postal.now = again_at + timedelta(seconds=1)

    def _reminders(self, run_id: int) -> Iterator[Reminder]:
        """Yield the run's notifications that left or may have left."""
        rows = self.connection.execute(
            select(notification, campaign.c.user_id)
            .join(campaign, campaign.c.id == notification.c.campaign_id)
            .where(
                notification.c.run_id == run_id,
                or_(notification.c.sent, notification.c.outcome == "unknown"),
            )
            .order_by(notification.c.id)
        )
        for row in rows.mappings():
            yield Reminder(
                id=row[notification.c.id],
                user=self.number_of[row[campaign.c.user_id]],
                level=row[notification.c.level],
                message_type=row[notification.c.message_type],
                variant_id=row[notification.c.variant_id],
                with_dog=row[notification.c.variant_id] in _DOG_VARIANTS,
                lost=not row[notification.c.sent],
                at=row[notification.c.sent_at] or row[notification.c.settled_at],
            )

    def _practise(self, begin: datetime, end: datetime) -> None:
        """People join, practise and come back; those who are to be due at the end stop for good."""
        first, last = milliseconds(begin), milliseconds(end)
        is_last_day = end == self.until
        for user in self.crowd.newcomers(first, last):
            self.product.join(user, moment(int(self.crowd.joins_at[user])))
        today = [at for at in self.pins if first <= at < last]
        sessions = self.crowd.pin(today) if today else []
        full_day = milliseconds(begin + timedelta(days=1)) if is_last_day else last
        sessions += self.crowd.live(first, full_day, weekend=self.in_force.local(begin).weekday() >= 5)
        for session in sessions:
            if session.at < last:
                self.steps += self.product.practise(session, milliseconds(self.until))
                if session.comes_back:
                    self._maybe_new_phone(session.user, moment(session.at))

    def _maybe_new_phone(self, user: int, at: datetime) -> None:
        """Who had reminders allowed on a phone that is gone may allow them again."""
        endpoints = self.product.endpoints[user]
        lost = endpoints and not any(self.postal.is_alive(one) for one in endpoints)
        if lost and self.crowd.chance.random() < self.crowd.behaviour.new_phone:
            self.product.subscribe(user, at)


def _date_runs(connection: Connection) -> None:
    """Date the runs when they would have taken place: a run's own times come from the database's clock.

    A midnight's run counts as its day's scheduled one, or a consumer would make that at its hour and
    leave nothing for the first press of the button.
    """
    run = tables.run
    connection.execute(
        update(run)
        .where(run.c.started_by == STARTED_BY)
        .values(
            kind="scheduled",
            started_at=run.c.now,
            finished_at=run.c.now + (run.c.finished_at - run.c.started_at),
        )
    )


def _summary(connection: Connection, users: int, steps: int, seconds: float) -> Simulated:
    sent, clicked = connection.execute(
        select(
            func.count().filter(notification.c.sent),
            func.count().filter(notification.c.clicked),
        ).select_from(notification)
    ).one()
    campaigns, returned = connection.execute(
        select(func.count(), func.count().filter(campaign.c.returned)).select_from(campaign)
    ).one()
    return Simulated(users, steps, campaigns, sent, clicked, returned, round(seconds, 1))
