"""Whether a worker's memory stays flat: one process, very many reminders, its resident size all along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from sqlalchemy import Engine, text

from bench import product, send
from reengagement import database

EVERY_SECONDS = 10.0
LOOK_SECONDS = 0.2
DONE = "SELECT count(*) FROM \"ReengagementDelivery\" WHERE state = 'accepted' OR attempts > 0"


def resident_megabytes(process_id: int) -> float:
    """Return the resident size of a process (Linux)."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _watch(process: subprocess.Popen[str], engine: Engine) -> None:
    """Print the size of the worker until it ends, and the largest of it."""
    largest, next_line = 0.0, time.monotonic()
    while process.poll() is None:
        size = resident_megabytes(process.pid)
        largest = max(largest, size)
        if time.monotonic() >= next_line:
            with database.autocommit(engine) as connection:
                done = connection.execute(text(DONE)).scalar_one()
            click.echo(f"{done:>8} posted  {size:7.1f} MB")
            next_line += EVERY_SECONDS
        time.sleep(LOOK_SECONDS)
    click.echo(f" largest         {largest:7.1f} MB")


@click.command()
@click.option("--messages", default=200_000, show_default=True)
@click.option("--unreachable", is_flag=True, help="No connection to the push service succeeds.")
def main(messages: int, unreachable: bool) -> None:
    """Send many reminders from one process and print its resident size all along."""
    with (
        tempfile.TemporaryDirectory() as name,
        send.sink(Path(name)) as origin,
        product.empty_database("reengagement_memory") as url,
    ):
        arena = send.Arena(Path(name), origin)
        engine = database.make_engine(url)
        product.fill(engine, origin, arena.keys, messages)
        # without our authority no certificate of the sink is believed: every handshake fails
        environment = dict(os.environ) if unreachable else arena.environment
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.contestants", "ours", arena.config(messages, url)],
            env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        _watch(process, engine)
        engine.dispose()
        output, _ = process.communicate()
        accepted = json.loads(output.strip().splitlines()[-1])["accepted"] if process.returncode == 0 else 0
        if accepted != (0 if unreachable else messages):
            raise click.ClickException(f"{accepted} of {messages} were accepted")
