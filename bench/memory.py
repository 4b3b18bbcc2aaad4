"""Whether a worker's memory stays flat: one process, very many reminders, its resident size all along."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import click
from sqlalchemy import Engine, text

from bench import product, send
from reengagement import database, delivery
from reengagement.settings import parse

EVERY_SECONDS = 15.0
DONE = "SELECT count(*) FROM \"ReengagementDelivery\" WHERE state = 'accepted'"


def resident_megabytes() -> float:
    """Return the resident size of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _watch(engine: Engine, over: threading.Event) -> None:
    while not over.wait(EVERY_SECONDS):
        with database.autocommit(engine) as connection:
            done = connection.execute(text(DONE)).scalar_one()
        click.echo(f"{done:>8} sent  {resident_megabytes():7.1f} MB")


@click.command()
@click.option("--messages", default=200_000, show_default=True)
def main(messages: int) -> None:
    """Send many reminders from one process and print its resident size all along."""
    with (
        tempfile.TemporaryDirectory() as name,
        send.sink(Path(name)) as origin,
        product.empty_database("reengagement_memory") as url,
    ):
        arena = send.Arena(Path(name), origin)
        os.environ["SSL_CERT_FILE"] = str(Path(name) / "authority.pem")
        engine = database.make_engine(url)
        product.fill(engine, origin, arena.keys, messages)
        settings = parse(
            {
                "DATABASE_URL": url,
                "VAPID_PRIVATE_KEY": arena.private_key,
                "VAPID_SUBJECT": send.SUBJECT,
                "REENGAGEMENT_PUSH_ORIGINS": origin,
            }
        )
        click.echo(f"{0:>8} sent  {resident_megabytes():7.1f} MB")
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(engine, over))
        watcher.start()
        try:
            accepted = delivery.drain(engine, settings).accepted
        finally:
            over.set()
            watcher.join()
        click.echo(f"{accepted:>8} sent  {resident_megabytes():7.1f} MB")
        engine.dispose()
