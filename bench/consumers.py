"""More consumers, more reminders a second, until the cores end: each in a working folder of its own."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
from sqlalchemy import Engine, text

from bench import product
from bench.fleet import fleet
from bench.send import set_latency, sink
from reengagement import database
from reengagement.demo import phone
from reengagement.vapid import make_vapid_keys

START_SECONDS = 60.0
LONGEST_SECONDS = 600.0


def _one(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def _wait(engine: Engine, query: str, seconds: float) -> None:
    """Wait until `query` gives a true number."""
    deadline = time.monotonic() + seconds
    while not _one(engine, query):
        if time.monotonic() > deadline:
            raise click.ClickException(f"not within {seconds:.0f} s: {query}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Measured:
    """Reminders a second of the clock, and the CPU seconds of each consumer with its worker."""

    per_second: float
    cpu: tuple[float, ...]


def measure(messages: int, consumers: int, folder: Path, origin: str) -> Measured:
    """Return how fast so many consumers of one worker each send what falls due at once."""
    private_key, _ = make_vapid_keys()
    keys = [phone.subscription_of(origin, f"user-{n}")[1] for n in range(1_000)]
    with product.empty_database("reengagement_consumers") as url:
        engine = database.make_engine(url)
        environment = {
            "DATABASE_URL": url,
            "VAPID_PRIVATE_KEY": private_key,
            "VAPID_SUBJECT": "mailto:bench@example.org",
            "REENGAGEMENT_PUSH_ORIGINS": origin,
        }
        product.fill(engine, origin, keys, messages)
        product.execute(url, 'UPDATE "ReengagementNotification" SET "runId" = NULL', "VACUUM ANALYZE")
        os.environ["SSL_CERT_FILE"] = str(folder / "authority.pem")
        with fleet(folder / f"{consumers}", environment, consumers, workers=1) as running:
            alive = f'SELECT (count(*) = {consumers})::int FROM "ReengagementConsumer"'
            _wait(engine, alive, START_SECONDS)
            before = [machine.cpu_seconds() for machine in running.machines]
            product.execute(url, 'UPDATE "ReengagementNotification" SET "runId" = 1')
            _wait(engine, 'SELECT count(*) FROM (SELECT 1 FROM "ReengagementDelivery" LIMIT 1) one', 60)
            began = time.monotonic()
            done = f'SELECT (count(*) = {messages})::int FROM "ReengagementNotification" WHERE sent'
            _wait(engine, done, LONGEST_SECONDS)
            took = time.monotonic() - began
            after = [machine.cpu_seconds() for machine in running.machines]
        engine.dispose()
    return Measured(messages / took, tuple(b - a for a, b in zip(before, after, strict=True)))


@click.command()
@click.option("--messages", default=20_000, show_default=True, help="Reminders that fall due at once.")
@click.option("--most", default=4, show_default=True, help="Consumers, at most; each has one worker.")
@click.option("--latency", default=300, show_default=True, help="Milliseconds until a push service answers.")
def main(messages: int, most: int, latency: int) -> None:
    """Measure 1, 2, … consumers on one database, each in a working folder of its own."""
    click.echo(
        f"{messages} reminders that fall due at once, {latency} ms until the answer, {os.cpu_count()} cores, "
        "on which PostgreSQL and the push service run too.\n"
        f"{'consumers':>9}{'a second':>10}{'x one':>7}   CPU seconds of each"
    )
    one = 0.0
    for consumers in range(1, most + 1):
        with tempfile.TemporaryDirectory() as name, sink(Path(name)) as origin:
            set_latency(origin, Path(name), latency)
            found = measure(messages, consumers, Path(name), origin)
        one = one or found.per_second
        shares = "  ".join(f"{each:.1f}" for each in found.cpu)
        click.echo(f"{consumers:>9}{found.per_second:>10.0f}{found.per_second / one:>7.2f}   {shares}")
