"""Everything dies, again and again, while reminders leave; at the end each must be accounted for.

reminders fall due in waves ─► consumers (killed, stopped) ─► push services (hanging, resetting, away)
                                 │ PostgreSQL, Redis (restarted)
then calm, until nothing is open, and the account: what the database says against what was accepted
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from bench import accounts, product, servers, unreliable
from bench.accounts import Promise
from bench.fleet import STOP_SECONDS, Fleet, faketime, fleet
from bench.unreliable import CALM, MOODS, PushService
from reengagement import database, pause
from reengagement.delivery.draining import LANES, POSTED_AT_ONCE
from reengagement.demo import phone
from reengagement.settings import default_data_dir
from reengagement.tables import OPEN_STATES
from reengagement.vapid import make_vapid_keys
from tests import debian

T = TypeVar("T")

WORKERS = 2
CLOCKS = (0.0, 3600.0, -3600.0)
WAVE_SECONDS = 3.0
LEFT_FOR_WAVES = 0.9
RETURNING = 5
"""Users who come back at each wave, and as many who opt out, before or while they are reminded."""
PAUSE_SECONDS = 6.0
LATER = "> clock_timestamp() AT TIME ZONE 'UTC'"
PAUSE_WORKS_WITHIN = 2.0
START_SECONDS = 60.0
SETTLING_SECONDS = 420.0
"""A lease of `posting` (90 s), one of `claimed` (2 minutes), a tick, and the retries."""
FAULTS = {
    "kill -9 a worker": 8,
    "kill -9 a consumer": 3,
    "SIGTERM to a consumer": 2,
    "PostgreSQL stopped fast": 1,
    "PostgreSQL stopped as in a crash": 1,
    "Redis killed": 2,
    "push services": 8,
}
"""How often each, of so many faults together."""
EVERY_SECONDS = 3.0
"""Between two faults, on average."""


def patiently(what: Callable[[], T], seconds: float = 60) -> T:
    """Return what `what` returns, however often the database is restarted meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return what()
        except DBAPIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


@dataclass
class Product:
    """The product's database: reminders that wait to fall due, users who come back."""

    engine: Engine
    users: int
    chance: random.Random

    def prepare(self, origins: list[str], deliveries: int) -> None:
        """Write `deliveries` reminders-to-a-phone: three users in four have one phone, the others two."""
        keys = [phone.subscription_of(origins[0], f"user-{n}")[1] for n in range(100)]
        product.fill(self.engine, origins[0], keys, self.users)
        self._write(
            """INSERT INTO "PushSubscription" (id, "userId", endpoint, keys, "createdAt", "updatedAt")
               SELECT 'second-' || n, 'user-' || n, endpoint || '-second', keys, "createdAt", "updatedAt"
               FROM generate_series(1, :more) n JOIN "PushSubscription" ON id = 'subscription-' || n""",
            more=deliveries - self.users,
        )
        self._write(
            """UPDATE "PushSubscription" SET endpoint =
               replace(endpoint, :first, (CAST(:all AS text[]))[1 + abs(hashtext(id)) % :many])""",
            first=origins[0],
            all=origins,
            many=len(origins),
        )
        self._write('UPDATE "ReengagementNotification" SET "runId" = NULL')

    def _write(self, statement: str, **values: Any) -> int:
        def write() -> int:
            with self.engine.begin() as connection:
                return connection.execute(text(statement), values).rowcount

        return patiently(write)

    def release(self, many: int) -> None:
        """Let `many` more reminders fall due."""
        self._write(
            """UPDATE "ReengagementNotification" SET "runId" = 1 WHERE id IN (
                   SELECT id FROM "ReengagementNotification" WHERE "runId" IS NULL
                   ORDER BY random() LIMIT :many)""",
            many=many,
        )

    def live(self) -> None:
        """Let a few users take a step, and a few opt out."""
        users = [f"user-{self.chance.randint(1, self.users)}" for _ in range(2 * RETURNING)]
        at = "date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC')"
        self._write(
            f"""INSERT INTO "UserStep"
                    (id, "userTrainingId", "dayNumber", "stepIndex", status, "createdAt", "updatedAt")
                SELECT gen_random_uuid()::text, replace(id, 'user', 'training'), 1, 1, 'COMPLETED', {at}, {at}
                FROM unnest(CAST(:users AS text[])) id""",
            users=users[:RETURNING],
        )
        self._write(
            f"""INSERT INTO "ReengagementOptOut" ("userId", "createdAt")
                SELECT DISTINCT id, {at} FROM unnest(CAST(:users AS text[])) id ON CONFLICT DO NOTHING""",
            users=users[RETURNING:],
        )

    def pull_forward(self) -> None:
        """Let retries be due now, and push services' pauses be over; leases run out by themselves."""
        self.end_pauses()
        self._write(
            f"""UPDATE "ReengagementDelivery" SET "nextAttemptAt" = "nextAttemptAt" - interval '1 hour'
                WHERE state = 'queued' AND "nextAttemptAt" {LATER}"""
        )

    def end_pauses(self) -> None:
        """Let the pauses of push services be over."""
        self._write(
            f"""UPDATE "ReengagementPushOrigin" SET "pausedUntil" = "pausedUntil" - interval '1 hour'
                WHERE "pausedUntil" {LATER}"""
        )

    def pause(self, *, on: bool) -> None:
        def switch() -> None:
            with self.engine.begin() as connection:
                now = database.clock(connection)
                pause.pause(connection, by="chaos", now=now) if on else pause.resume(
                    connection, by="chaos", now=now
                )

        patiently(switch)

    def consumers_alive(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text('SELECT count(*) FROM "ReengagementConsumer"')).scalar_one())

    def is_posting(self) -> bool:
        query = "SELECT EXISTS (SELECT 1 FROM \"ReengagementDelivery\" WHERE state = 'posting')"
        with self.engine.connect() as connection:
            return bool(connection.execute(text(query)).scalar_one())


@dataclass
class Chaos:
    """The faults, and what they were."""

    product: Product
    fleet: Fleet
    service: PushService
    redis: servers.Redis
    folder: Path
    chance: random.Random
    began: float = field(default_factory=time.monotonic)
    moods: list[unreliable.Mood] = field(default_factory=list)
    databases_restarted: int = 0
    posted_in_pause: int = 0

    def say(self, what: str) -> None:
        """Print what happens, and how the deliveries stand."""
        standing = patiently(lambda: accounts.states(self.product.engine))
        shown = "  ".join(f"{state} {count}" for state, count in sorted(standing.items()) if count)
        click.echo(f"{time.monotonic() - self.began:5.0f} s  {what:<46} {shown}")

    def deck(self, seconds: float) -> list[str]:
        """Return the faults of so many seconds, in random order; each kind at least once."""
        cards = [name for name, often in FAULTS.items() for _ in range(often)]
        many = max(len(FAULTS), round(seconds / EVERY_SECONDS))
        drawn = [*FAULTS, *self.chance.choices(cards, k=many - len(FAULTS))]
        self.chance.shuffle(drawn)
        return drawn

    def do(self, fault: str) -> None:
        """Let one thing go wrong; what kills waits until something is being posted."""
        if fault.startswith(("kill", "PostgreSQL", "SIGTERM")):
            self._wait_for_posting()
        happened: str | None = None
        match fault:
            case "kill -9 a worker":
                happened = self.fleet.kill_worker()
            case "kill -9 a consumer":
                happened = self.fleet.kill_consumer()
            case "SIGTERM to a consumer":
                happened = self.fleet.stop_one()
            case "PostgreSQL stopped fast" | "PostgreSQL stopped as in a crash":
                how = servers.FAST if fault.endswith("fast") else servers.IMMEDIATE
                servers.restart_postgresql(self.folder, how)
                self.databases_restarted += 1
            case "Redis killed":
                self.redis.restart(away=self.chance.uniform(0, 3))
            case _:
                happened = self._change_mood()
        self.say(f"{fault}: {happened}" if happened else fault)

    def _change_mood(self) -> str:
        """Let the push services answer otherwise; each mood comes once before any comes again."""
        self.moods = self.moods or self.chance.sample(MOODS, len(MOODS))
        mood = self.moods.pop()
        self.service.be(mood)
        self.product.end_pauses()  # two minutes, or fifteen, in which nothing could go wrong
        return mood.name

    def _wait_for_posting(self, seconds: float = 2.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not patiently(self.product.is_posting):
            time.sleep(0.02)

    def wait_for_consumers(self) -> None:
        """Wait for the first heartbeat of each."""
        deadline = time.monotonic() + START_SECONDS
        while self.product.consumers_alive() < len(self.fleet.machines):
            if time.monotonic() > deadline:
                raise click.ClickException(f"no heartbeat: {self.fleet.machines[0].log.read_text()[-2000:]}")
            time.sleep(0.1)

    def pause(self) -> None:
        """Pause all sending for a while, and count what is posted when the pause should have taken effect."""
        self.product.pause(on=True)
        self.say("paused")
        time.sleep(PAUSE_WORKS_WITHIN)
        before = self.service.requests
        time.sleep(PAUSE_SECONDS - PAUSE_WORKS_WITHIN)
        self.posted_in_pause += self.service.requests - before
        self.product.pause(on=False)
        self.say("resumed")

    def rage(self, seconds: float, notifications: int) -> None:
        """Let reminders fall due in waves, and things go wrong, for so many seconds."""
        deck = self.deck(seconds)
        waves = max(1, int(seconds * LEFT_FOR_WAVES / WAVE_SECONDS))
        paused, released, done = False, 0, 0
        self.began = time.monotonic()
        while (elapsed := time.monotonic() - self.began) < seconds:
            self.fleet.tend()
            while released < waves and elapsed >= released * WAVE_SECONDS:
                self.product.release(-(-notifications // waves))
                self.product.live()
                released += 1
            if not paused and elapsed > seconds / 2:
                paused = True
                self.pause()
            if done < len(deck) and elapsed >= done * seconds / len(deck):
                self.do(deck[done])
                done += 1
            time.sleep(0.1)
        for fault in deck[done:]:
            self.do(fault)
        self.product.release(notifications)

    def settle(self) -> None:
        """Wait, in calm, until every delivery is final, or for as long as that may take."""
        self.service.be(CALM)
        self.say("calm")
        deadline, spoken = time.monotonic() + SETTLING_SECONDS, time.monotonic()
        while time.monotonic() < deadline:
            self.fleet.tend()
            self.product.pull_forward()
            standing = patiently(lambda: accounts.states(self.product.engine))
            if not sum(standing[state] for state in ("waiting", *OPEN_STATES)):
                break
            if time.monotonic() - spoken > 10:
                spoken = time.monotonic()
                self.say("settling")
            time.sleep(1)
        self.say("settled")

    def account(self, expected: int) -> list[Promise]:
        """Return what was promised, and what was found."""
        unknown = accounts.unknown_by_reason(self.product.engine)
        group = POSTED_AT_ONCE * LANES
        ended = self.fleet.consumers_killed + self.fleet.consumers_stopped
        cut_off = self.databases_restarted * len(self.fleet.machines)
        unheard = sum(count for reason, count in unknown.items() if reason not in ("worker_lost", "stopped"))
        return [
            *accounts.audit(self.product.engine, self.service.accepted, expected),
            Promise("requests in a pause, 2 s after it began", self.posted_in_pause),
            Promise("workers that outlived their consumer", len(self.fleet.orphans())),
            Promise(
                "slowest end after SIGTERM, whole seconds", round(self.fleet.slowest_stop), int(STOP_SECONDS)
            ),
            Promise("unknown: no answer came (at most: answers withheld)", unheard, self.service.withheld),
            Promise(
                "unknown: the worker was killed, stopped or cut off (group × lanes × so many)",
                unknown["worker_lost"] + unknown["stopped"],
                group * (self.fleet.workers_killed + WORKERS * (ended + cut_off)),
            ),
        ]


def report(chaos: Chaos, promises: list[Promise]) -> bool:
    """Print the account; tell whether every promise was kept."""
    gone = patiently(lambda: accounts.states(chaos.product.engine))
    click.echo(
        f"\nDeliveries: {', '.join(f'{count} {state}' for state, count in gone.most_common() if count)}"
    )
    unknown = patiently(lambda: accounts.unknown_by_reason(chaos.product.engine))
    click.echo(f"Unknown, by reason: {dict(unknown)}")
    click.echo(f"The push services answered: {dict(chaos.service.answers.most_common())}")
    click.echo(
        f"Killed: {chaos.fleet.workers_killed} workers, {chaos.fleet.consumers_killed} consumers; "
        f"stopped: {chaos.fleet.consumers_stopped} consumers; "
        f"PostgreSQL restarted {chaos.databases_restarted} times\n"
    )
    for promise in promises:
        mark = "ok    " if promise.is_kept else "BROKEN"
        click.echo(f"{mark} {promise.name:<78}{promise.found:>7}  of at most {promise.most}")
    return all(promise.is_kept for promise in promises)


@contextmanager
def everything(consumers: int, deliveries: int, seed: int, *, appendonly: bool) -> Iterator[Chaos]:
    """Yield a chaos on servers of its own, with its consumers running; none is left at the end."""
    folder = default_data_dir().with_name("reengagement-chaos")
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        service = stack.enter_context(unreliable.running(seed))
        redis = stack.enter_context(servers.own_redis(work, appendonly=appendonly))
        url = stack.enter_context(product.empty_database("reengagement_chaos", folder))
        engine = database.make_engine(url)
        stack.callback(engine.dispose)
        private_key, _ = make_vapid_keys()
        environment = {
            "DATABASE_URL": url,
            "REDIS_URL": redis.url,
            "VAPID_PRIVATE_KEY": private_key,
            "VAPID_SUBJECT": "mailto:chaos@example.org",
            "REENGAGEMENT_PUSH_ORIGINS": ",".join(service.origins),
        }
        own = Product(engine, deliveries * 3 // 4, random.Random(seed))
        own.prepare(service.origins, deliveries)
        running = stack.enter_context(
            fleet(work, environment, consumers, workers=WORKERS, clocks=CLOCKS, seed=seed)
        )
        yield Chaos(own, running, service, redis, folder, random.Random(seed))


def run(
    deliveries: int, seconds: float, seed: int, consumers: int, *, appendonly: bool, logs: Path | None = None
) -> bool:
    """Rage, settle, account; tell whether every promise was kept."""
    with everything(consumers, deliveries, seed, appendonly=appendonly) as chaos:
        chaos.wait_for_consumers()
        chaos.rage(seconds, chaos.product.users)
        chaos.settle()
        chaos.fleet.stop()
        if logs is not None:
            for machine in chaos.fleet.machines:
                shutil.copy(machine.log, logs / f"{machine.folder.name}.log")
        return report(chaos, chaos.account(deliveries))


@click.command()
@click.option("--deliveries", default=20_000, show_default=True, help="Reminders, each to one phone.")
@click.option("--seconds", default=180.0, show_default=True, help="How long things go wrong.")
@click.option("--consumers", default=3, show_default=True, help="Consumers, with two workers each.")
@click.option("--seed", default=1, show_default=True, help="Which faults, when, and which answers.")
@click.option("--aof", "appendonly", is_flag=True, help="Redis keeps its data when killed.")
@click.option("--logs", type=click.Path(path_type=Path, exists=True), help="Copy the consumers' logs there.")
def main(
    deliveries: int, seconds: float, consumers: int, seed: int, appendonly: bool, logs: Path | None
) -> None:
    """Kill consumers, workers, PostgreSQL, Redis and push services while reminders leave; account for all."""
    click.echo(
        f"{deliveries} deliveries, {consumers} consumers of {WORKERS} workers, {seconds:.0f} s, seed {seed}, "
        f"Redis {'with' if appendonly else 'without'} its append-only file."
    )
    if faketime() is None:
        debian.install(["libfaketime"], "the clocks of the workers shall be an hour apart")
    if faketime() is None:
        click.echo("SKIPPED: workers' clocks an hour apart, since libfaketime isn't installed (apt-get).")
    else:
        click.echo("Of three consumers one has the true time, one is an hour fast, one an hour slow.")
    if not run(deliveries, seconds, seed, consumers, appendonly=appendonly, logs=logs):
        raise click.ClickException("a promise was broken")
    click.echo("\nNothing lost, nothing twice.")
