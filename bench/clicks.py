"""How many clicks a second are counted, once each, beside a route that does one INSERT and nothing else.

By the routes alone; and while someone opens page after page of the dashboard: by the whole web process, which
shows those pages too, and by the routes in a process of their own.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import click
from sqlalchemy import text

from bench import product
from reengagement import database, references
from reengagement.dashboard import navigation
from tests import browser

SECRET = "s" * 32
CONNECTIONS = 64
LINK = re.compile(r"/session/sign-in\?token=\S+")
LOOK_SECONDS = 2.0
CLICKED = 'SELECT count(*) FROM "ReengagementNotification" WHERE clicked'


@dataclass(frozen=True)
class Served:
    """What a server did: answers of 204, the seconds they took, and its own CPU seconds."""

    counted: int
    wall: float
    cpu: float


@dataclass
class Running:
    """A server of its own: its port, and its CPU seconds once it has ended."""

    process: subprocess.Popen[str]
    port: int
    cpu: float = 0.0

    def link(self) -> str:
        """Return the link to sign in that it prints."""
        assert self.process.stdout is not None
        found = next(filter(None, map(LINK.search, self.process.stdout)))
        return f"http://localhost:{self.port}{found.group()}"


@contextmanager
def server(which: str, url: str, core: int = 0) -> Iterator[Running]:
    """Run a server on one core."""
    environment = {**os.environ, "DATABASE_URL": url, "REENGAGEMENT_SECRET": SECRET}
    command = [sys.executable, "-m", "bench.click_server", which]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        running = Running(process, int(process.stdout.readline()))
        if hasattr(os, "sched_setaffinity"):
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                os.sched_setaffinity(int(thread), {core})
        before = _cpu_of(process.pid)
        yield running
        running.cpu = _cpu_of(process.pid) - before
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
    with server(which, url) as running:
        return _measure(running, paths)


def _measure(running: Running, paths: Sequence[str]) -> Served:
    asyncio.run(_post_all(running.port, paths[:200], 8))  # what is loaded at the first request is no click's
    started, before = time.monotonic(), _cpu_of(running.process.pid)
    good = asyncio.run(_post_all(running.port, paths[200:], CONNECTIONS))
    return Served(good, time.monotonic() - started, _cpu_of(running.process.pid) - before)


@contextmanager
def dashboard(url: str, core: int = 0) -> Iterator[tuple[Running, list[float]]]:
    """Run the web process while someone opens its pages; yield the seconds that each takes to open too."""
    opened: list[float] = []
    over, ready = threading.Event(), threading.Event()
    with server("dashboard", url, core) as running:
        visitor = threading.Thread(target=_open_pages, args=(running, opened, ready, over))
        visitor.start()
        try:
            ready.wait(120)
            opened.clear()
            yield running, opened
        finally:
            over.set()
            visitor.join()


def _open_pages(running: Running, opened: list[float], ready: threading.Event, over: threading.Event) -> None:
    """Sign in and open one page after another, looking at each for LOOK_SECONDS, until it is over."""
    with browser.running() as chromium:
        page = chromium.new_page(locale="en-GB")
        page.goto(running.link())
        while not over.is_set():
            for name in ("", *navigation.names()[1:]):
                started = time.monotonic()
                page.goto(f"http://localhost:{running.port}/{name}")
                page.get_by_test_id("stMain").get_by_role("heading").first.wait_for(timeout=120_000)
                opened.append(time.monotonic() - started)
                if over.wait(LOOK_SECONDS):
                    break
            ready.set()


@click.command()
@click.option("--clicks", default=20_000, show_default=True, help="Clicks on so many notifications.")
def main(clicks: int) -> None:
    """Compare our route with a bare one, in turns, each server on one core."""
    with product.empty_database("reengagement_clicks") as url:
        engine = database.make_engine(url)
        product.fill(engine, "https://push.example.org", [{"p256dh": "", "auth": ""}], 3 * clicks)
        product.execute(url, "CREATE TABLE bare_click (reference text NOT NULL)")
        with engine.connect() as connection:
            until = database.clock(connection) + timedelta(days=1)
        paths = [
            f"/reengagement/click/{references.make(SECRET, f'campaign-{n}-1', until)}"
            for n in range(1, 3 * clicks + 1)
        ]
        first, second, third = paths[:clicks], paths[clicks : 2 * clicks], paths[2 * clicks :]
        click.echo(f"{'':<10}{'clicks':>8}{'a second':>10}{'a CPU-second':>14}")
        bare = _line("bare", measure("bare", url, first))
        ours = _line("ours", measure("ours", url, first))
        _line("again", measure("ours", url, first))
        with dashboard(url) as (web, opened):
            together = _line("together", _measure(web, second))
        with dashboard(url, core=1) as (_web, opened_apart):
            apart = _line("apart", measure("ours", url, third))
        click.echo(f"\nours is {ours / bare:.1f} × the bare route.")
        click.echo(f"together is the whole web process, {together / bare:.1f} ×, while {_used(opened)}")
        click.echo(f"apart is the routes alone beside it, {apart / bare:.1f} ×, while {_used(opened_apart)}.")
        with engine.connect() as connection:
            counted = connection.execute(text(CLICKED)).scalar_one()
        engine.dispose()
        click.echo(f"Counted: {counted} of {3 * clicks}, each once, though a third were reported twice.")
        if counted != 3 * clicks:
            raise click.ClickException("clicks were lost, or counted for what nobody pressed")


def _used(opened: Sequence[float]) -> str:
    """Return how the dashboard was used meanwhile."""
    took = sum(opened) / max(1, len(opened))
    return f"someone looked at {len(opened)} pages for {LOOK_SECONDS:.0f} s each; they opened in {took:.1f} s"


def _line(which: str, done: Served) -> float:
    """Print what a server did; return its clicks a second."""
    a_second = done.counted / done.wall
    click.echo(f"{which:<10}{done.counted:>8}{a_second:>10.0f}{done.counted / done.cpu:>14.0f}")
    return a_second
