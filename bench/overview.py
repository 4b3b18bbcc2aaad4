"""How long the overview's data takes with a long history: what its first view reads, on a warm server."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy import Engine, make_url, text

from bench import product
from reengagement import alerts, database
from reengagement.dashboard import data, figures, warming
from reengagement.dashboard.period import Chosen
from reengagement.rules import Rules
from reengagement.settings import Settings, parse

DAYS = 365
WARM_AFTER_SECONDS = 3.0
_STATEMENTS = (
    """INSERT INTO "User" (id, username, email, password, role, "createdAt", "updatedAt")
       SELECT 'user-' || n, 'user ' || n, NULL, '', 'USER', :now, :now FROM generate_series(1, :many) n""",
    """INSERT INTO "ReengagementCampaign" (id, "userId", "lastActivityDate", "campaignStartDate",
           "isActive", returned, "firstReturnAt", "currentLevel", "createdAt", "updatedAt", "runId", ordinal,
           "closedReason", "windowEndsAt")
       SELECT 'campaign-' || n, 'user-' || n, at - interval '5 days', at, n % 12 = 0, back,
              CASE WHEN back THEN at + interval '4 days' END, n % 4 + 1, at, at, 1, 1,
              CASE WHEN n % 12 = 0 THEN NULL WHEN back THEN 'returned' ELSE 'exhausted' END,
              at + interval '32 days'
       FROM (SELECT n, n % 3 = 1 AS back,
                    CAST(:now AS timestamp) - n * interval '1 day' * CAST(:days AS float) / :many AS at
             FROM generate_series(1, :many) n) one""",
    """INSERT INTO "ReengagementNotification" (id, "campaignId", level, "messageType", "variantId", title,
           body, url, "createdAt", "runId", "queuedAt", "expiresAt", "fannedOutAt", "subscriptionCount",
           "settledAt", sent, "sentAt", clicked, "clickedAt", outcome)
       SELECT 'campaign-' || n || '-' || level, 'campaign-' || n, level,
              (ARRAY['emotional', 'educational', 'motivational', 'mixed'])[n % 4 + 1], 'bench-' || n % 25,
              'Рекс скучает по занятиям',
              'Пять минут сегодня, и навык вернётся. Начните с того, что уже получалось.', '/trainings',
              at, 1, at, at + interval '1 day', at, n % 5, at,
              n % 5 > 0, CASE WHEN n % 5 > 0 THEN at END,
              n % 10 = 1, CASE WHEN n % 10 = 1 THEN at + interval '1 hour' END,
              CASE WHEN n % 5 > 0 THEN 'sent' ELSE 'unreachable' END
       FROM (SELECT n, level,
                    CAST(:now AS timestamp) - n * interval '1 day' * CAST(:days AS float) / :many
                        + (level - 1) * interval '7 days' AS at
             FROM generate_series(1, :many) n, generate_series(1, 2) level) one""",
)


def fill(engine: Engine, campaigns: int) -> None:
    """Write a year of so many campaigns with two reminders each; a tenth clicked, a third returned."""
    with engine.begin() as connection:
        values = {"now": database.clock(connection), "many": campaigns, "days": DAYS}
        for statement in _STATEMENTS:
            connection.execute(text(statement), values)
    with database.autocommit(engine) as connection:
        connection.execute(text("VACUUM ANALYZE"))


def timed(read: Callable[[], object], times: int) -> list[float]:
    """Return how many milliseconds each of `times` calls takes, after one that warms up."""
    read()
    return [milliseconds(read) for _ in range(times)]


def read_ahead(settings: Settings, view: Callable[[], None]) -> list[float]:
    """Return how many milliseconds a view takes each second of a minute in which a web process keeps warm."""
    with warming.keeping_warm(settings):
        time.sleep(WARM_AFTER_SECONDS)
        found = []
        for _ in range(60):
            time.sleep(1)
            found.append(milliseconds(view))
    return found


def milliseconds(read: Callable[[], object]) -> float:
    """Return how many milliseconds a call takes."""
    started = time.perf_counter()
    read()
    return 1000 * (time.perf_counter() - started)


def computed(read: Callable[[], object], times: int, backend: int) -> float:
    """Return how many milliseconds of CPU the server's process needs for one of `times` calls (Linux)."""
    before = _cpu_seconds(backend)
    for _ in range(times):
        read()
    return 1000 * (_cpu_seconds(backend) - before) / times


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@click.command()
@click.option("--campaigns", default=100_000, show_default=True)
@click.option("--times", default=15, show_default=True, help="How often each page is read.")
@click.option("--parallel", is_flag=True, help="With parallel workers, as PostgreSQL comes; no CPU then.")
def main(campaigns: int, times: int, parallel: bool) -> None:
    """Fill a year of campaigns and time all that a view of the overview reads.

    On a machine that is busy with other things, look at the CPU: of the server's one process for it.
    """
    with product.empty_database("reengagement_overview") as url:
        settings = parse({"DATABASE_URL": url})
        if not parallel:
            alone = f"ALTER DATABASE {make_url(url).database} SET max_parallel_workers_per_gather = 0"
            product.execute(url, alone)
        engine = database.engine_of(settings)
        fill(engine, campaigns)
        click.echo(f"{campaigns} campaigns, {2 * campaigns} notifications; milliseconds, all reads of a view")
        with engine.connect() as connection:
            today = database.clock(connection).date()
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        for name, chosen in (
            ("all time", Chosen()),
            ("365 days", Chosen(days=365)),
            ("30 days beside the 30 before", Chosen(days=30, compare=True)),
            ("own dates: a week", Chosen(dates=(today - timedelta(days=70), today - timedelta(days=64)))),
        ):

            def again(chosen: Chosen = chosen) -> None:
                found = data.overview(settings, chosen)
                data.live(settings, found.period, found.before)
                data.state(settings)

            def view(again: Callable[[], None] = again) -> None:
                figures.kept.clear()
                again()

            _tell(name, timed(view, times), None if parallel else computed(view, times, backend))
            if chosen == Chosen():
                _tell("all time, again within 15 s", timed(again, times))
                _tell("all time, figures read ahead", read_ahead(settings, again))
        _tell("notices, every two seconds", timed(lambda: data.state(settings), times))
        with engine.connect() as connection:
            now = database.clock(connection)
            _tell("rates of alerts", timed(lambda: alerts.rates(connection, Rules(), now), times))
        engine.dispose()


def _tell(name: str, took: list[float], cpu: float | None = None) -> None:
    of_cpu = "" if cpu is None else f"   CPU {cpu:6.0f}"
    click.echo(f"{name:<30} median {statistics.median(took):6.1f}   worst {max(took):6.1f}{of_cpu}")
