"""How many clicks a second are counted, once each, beside a route that does one INSERT and nothing else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import click
from sqlalchemy import text

from bench import product
from reengagement import database, references

SECRET = "s" * 32
CONNECTIONS = 64
CLICKED = 'SELECT count(*) FROM "ReengagementNotification" WHERE clicked'


@dataclass(frozen=True)
class Served:
    """What a server did: answers of 204, the seconds they took, and its own CPU seconds."""

    counted: int
    wall: float
    cpu: float


@contextmanager
def server(which: str, url: str) -> Iterator[tuple[int, list[float]]]:
    """Run a server on one core; yield its port, and a list that will hold its CPU seconds."""
    environment = {**os.environ, "DATABASE_URL": url, "REENGAGEMENT_SECRET": SECRET}
    command = [sys.executable, "-m", "bench.click_server", which]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    spent: list[float] = []
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        if hasattr(os, "sched_setaffinity"):
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                os.sched_setaffinity(int(thread), {0})
        before = _cpu_of(process.pid)
        yield port, spent
        spent.append(_cpu_of(process.pid) - before)
    finally:
        process.terminate()
        process.wait()


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process, all threads (Linux)."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _post_all(port: int, paths: Sequence[str], connections: int) -> int:
    """Post each path once, over so many connections that stay open; return how many were answered by 204."""
    rest = iter(paths)

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        good = 0
        for path in rest:
            writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            good += head.startswith(b"HTTP/1.1 204")
        writer.close()
        return good

    return sum(await asyncio.gather(*(one() for _ in range(connections))))


def measure(which: str, url: str, paths: Sequence[str]) -> Served:
    """Return what the server made of the paths."""
    with server(which, url) as (port, spent):
        asyncio.run(_post_all(port, paths[:200], 8))  # what is loaded at the first request is no click's
        started = time.monotonic()
        good = asyncio.run(_post_all(port, paths[200:], CONNECTIONS))
        wall = time.monotonic() - started
    return Served(good, wall, spent[0])


@click.command()
@click.option("--clicks", default=20_000, show_default=True, help="Notifications, each clicked once.")
def main(clicks: int) -> None:
    """Compare our route with a bare one, in turns, each server on one core."""
    with product.empty_database("reengagement_clicks") as url:
        engine = database.make_engine(url)
        product.fill(engine, "https://push.example.org", [{"p256dh": "", "auth": ""}], clicks)
        product.execute(url, "CREATE TABLE bare_click (reference text NOT NULL)")
        with engine.connect() as connection:
            until = database.clock(connection) + timedelta(days=1)
        paths = [
            f"/reengagement/click/{references.make(SECRET, f'campaign-{n}-1', until)}"
            for n in range(1, clicks + 1)
        ]
        click.echo(f"{'':<6}{'clicks':>8}{'a second':>10}{'a CPU-second':>14}")
        rates = {}
        for which in ("bare", "ours"):
            done = measure(which, url, paths)
            rates[which] = done.counted / done.wall
            click.echo(f"{which:<6}{done.counted:>8}{rates[which]:>10.0f}{done.counted / done.cpu:>14.0f}")
        again = measure("ours", url, paths)
        with engine.connect() as connection:
            counted = connection.execute(text(CLICKED)).scalar_one()
        click.echo(f"{'again':<6}{again.counted:>8}{again.counted / again.wall:>10.0f}")
        click.echo(f"\nours is {rates['ours'] / rates['bare']:.1f} × the bare route.")
        click.echo(f"Counted: {counted} of {clicks}, each once, though each was reported twice.")
        engine.dispose()
        if counted != clicks:
            raise click.ClickException("clicks were lost, or counted for what nobody pressed")
