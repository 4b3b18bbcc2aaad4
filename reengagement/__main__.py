"""The command line: python -m reengagement."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
from sqlalchemy import Engine

from reengagement import __version__, commands, database, migrations, runs
from reengagement import export as export_module
from reengagement import settings as settings_module
from reengagement.alerts import commands as alert_commands
from reengagement.errors import AlreadyRunning, ReengagementError
from reengagement.settings import Settings

EXIT_ERROR = 1
EXIT_ALREADY_RUNNING = 3

EPILOG = """Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage, 3 another run of the
planner is under way. Settings come from the environment and .env; docs/settings.md lists them."""


def _in_words(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn our errors into one sentence on standard error and an exit code."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except AlreadyRunning as error:
            click.echo(f"reengagement: {error}", err=True)
            sys.exit(EXIT_ALREADY_RUNNING)
        except ReengagementError as error:
            click.echo(f"reengagement: {error}", err=True)
            sys.exit(EXIT_ERROR)

    return wrapped


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


class Moment(click.ParamType[datetime]):
    """An ISO time; without an offset it is UTC. Becomes naive UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time; write one as 2026-03-20T08:00+03:00", param, ctx)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


PROBABILITY = click.FloatRange(0, 1)


def _factors(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    """Return variant ids and factors, written as emotional-1-1=1.5."""
    factors = {}
    for each in given:
        name, _, factor = each.partition("=")
        try:
            factors[name] = float(factor)
        except ValueError:
            raise click.BadParameter(f"{each!r} is no factor; write one as emotional-1-1=1.5") from None
    return factors


at_time = click.option("--now", type=Moment(), help="Act as at this time (ISO; without an offset, UTC).")


def _open() -> tuple[Engine, Settings]:
    settings = settings_module.load()
    return migrations.prepare(settings), settings


def _print(report: Any, text: str, as_json: bool) -> None:
    click.echo(json.dumps(report, ensure_ascii=False, indent=2, default=str) if as_json else text)


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reengagement")
def cli() -> None:
    """Bring a product's inactive users back: find them, remind them by Web Push, see what works."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@cli.command()
@as_json
@_in_words
def migrate(as_json: bool) -> None:
    """Create or upgrade this package's tables; an older system's are adopted, nothing is lost.

    The embedded database migrates itself. The host's own tables are never altered.
    """
    settings = settings_module.load()
    engine = database.engine_of(settings)
    changed = migrations.migrate(engine)
    text = "The database is at the newest schema now." if changed else "Nothing to do: it is the newest."
    _print({"changed": changed, "revision": migrations.newest()}, text, as_json)


@cli.command()
@at_time
@as_json
@_in_words
def inactive(now: datetime | None, as_json: bool) -> None:
    """List the users who have lapsed: days without activity, completed steps, whether a campaign is open."""
    _print(*commands.inactive(*_open(), now), as_json)


@cli.command()
@click.option("--dry-run", is_flag=True, help="Print who would get what, and change nothing.")
@click.option("--scheduled", is_flag=True, help="Be the day's scheduled run: for cron; once a day.")
@at_time
@as_json
@_in_words
def plan(dry_run: bool, scheduled: bool, now: datetime | None, as_json: bool) -> None:
    """Run the planner once: close, open, and write the reminders that are due. Sends nothing itself.

    With --scheduled it shares the day's row with the consumers: if the day's run is done already, or it
    is too early or too late in the day, it says so and ends with 0.
    """
    engine, settings = _open()
    if dry_run:
        _print(*commands.dry_run(engine, settings, now), as_json)
        return
    try:
        _print(*commands.plan(engine, settings, now, scheduled=scheduled), as_json)
    except runs.NotDue as reason:
        _print({"due": False, "reason": str(reason)}, str(reason), as_json)


@cli.command()
@as_json
@_in_words
def deliver(as_json: bool) -> None:
    """Send everything that is due, once, in this process; retries that are due later are left."""
    _print(*commands.deliver(*_open()), as_json)


@cli.command()
@click.option("--check", is_flag=True, help="End with 1 if there is anything to warn of.")
@as_json
@_in_words
def status(check: bool, as_json: bool) -> None:
    """Show the queue, the last run, the consumers, and what should be mended."""
    report, text = commands.status(*_open())
    _print(report, text, as_json)
    if check and report["warnings"]:
        sys.exit(EXIT_ERROR)


@cli.command()
@click.option("--test", is_flag=True, help="Send a test message to everyone who is told of alerts.")
@as_json
@_in_words
def alerts(test: bool, as_json: bool) -> None:
    """Show what is amiss and whether people were told; with --test, tell them that this is a test.

    With --test it ends with 1 if somebody could not be told.
    """
    if not test:
        _print(*alert_commands.show(*_open()), as_json)
        return
    report, text = alert_commands.test(settings_module.load())
    _print(report, text, as_json)
    if not all(attempt["delivered"] for attempt in report):
        sys.exit(EXIT_ERROR)


@cli.command()
@_in_words
def pause() -> None:
    """Pause all sending at once, on every machine; planning goes on, and no reminder expires meanwhile."""
    click.echo(commands.pause_sending(*_open()))


@cli.command()
@_in_words
def resume() -> None:
    """Go on sending what hasn't expired.

    Expiries are moved by the length of the pause, so that nothing is lost by it.
    """
    click.echo(commands.resume_sending(*_open()))


@cli.command()
@as_json
@_in_words
def vapid(as_json: bool) -> None:
    """Make a key pair that identifies you to push services, and tell where to put it.

    Changing the key later makes every existing subscription useless.
    """
    _print(*commands.vapid(), as_json)


@cli.command()
@click.argument("sheet", type=click.Choice(sorted(export_module.SHEETS)))
@click.option(
    "--output", type=click.Path(dir_okay=False, writable=True), help="A file; else standard output."
)
@click.option("--describe", is_flag=True, help="Print what each column means, and read no data.")
@_in_words
def export(sheet: str, output: str | None, describe: bool) -> None:
    """Write all campaigns or all notifications as CSV, the same rows as the dashboard's download.

    Times are UTC. Cells that a spreadsheet would take for a formula have an apostrophe before them.
    """
    wanted = export_module.SHEETS[sheet]
    if describe:
        click.echo(export_module.describe(wanted))
        return
    engine, _settings = _open()
    with click.open_file(output or "-", "w", encoding="utf-8") as file:
        commands.write_export(engine, wanted, file)


@cli.command("sign-in-link")
@_in_words
def sign_in_link() -> None:
    """Print a link that signs in to the dashboard, once, within a day."""
    click.echo(commands.sign_in_link(*_open()))


@cli.command("sign-out")
@click.argument("name", required=False)
@click.option("--everyone", is_flag=True, help="End everyone's sessions, and withdraw unused links.")
@_in_words
def sign_out(name: str | None, everyone: bool) -> None:
    """End the sessions of NAME, as the audit trail writes it, at once; they may sign in again."""
    if (name is None) != everyone:
        raise click.UsageError("Name one person, or say --everyone.")
    click.echo(commands.sign_out(*_open(), name))


@cli.command()
@click.option("--users", default=2000, show_default=True, type=click.IntRange(1), help="How many people.")
@click.option(
    "--days", default=365, show_default=True, type=click.IntRange(1), help="How many days of history."
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same history.")
@click.option("--return-a-day", type=PROBABILITY, help="Coming back by oneself on the first day away.")
@click.option("--return-after-click", type=PROBABILITY, help="Coming back because a reminder was pressed.")
@click.option("--return-after-shown", type=PROBABILITY, help="Coming back because one was merely seen.")
@click.option(
    "--click-factor",
    multiple=True,
    metavar="VARIANT=FACTOR",
    callback=_factors,
    help="Let one text be pressed so many times as often; may be repeated.",
)
@as_json
@_in_words
def simulate(
    users: int, days: int, seed: int, click_factor: dict[str, float], as_json: bool, **effects: float | None
) -> None:
    """Fill an EMPTY host with simulated people and live through their days, with the real planner.

    Refuses a database that has users already: simulated people are never mixed with real ones. Options
    for effects show whether the dashboard finds them; REENGAGEMENT_HOLDOUT_SHARE holds out a share.
    """
    known = {name: value for name, value in effects.items() if value is not None}
    engine, settings = _open()
    report = commands.simulate(
        engine, settings, users, days, seed, {**known, "click_by_variant": click_factor}
    )
    _print(*report, as_json)


@cli.command()
@click.option("--sample", type=click.Choice(["year", "document"]), default="year", show_default=True)
@click.option("--reset", is_flag=True, help="Throw the demo's data away first.")
@_in_words
def demo(sample: Any, reset: bool) -> None:
    """Start everything with a sample product and print where to go; Ctrl-C stops everything.

    year: 2,000 simulated people over a year. document: five users as in the test guide, and no consumer
    until `make worker`.
    """
    from reengagement.demo.launcher import launch

    sys.exit(launch(sample, reset))


if __name__ == "__main__":
    cli(prog_name="python -m reengagement")
