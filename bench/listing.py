"""How long the list of campaigns, a story and an explanation take with a long history."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import datetime

import click
from sqlalchemy import Connection, Engine, func, select

from bench import product
from bench.overview import fill, timed
from reengagement import database, explaining, host, metrics
from reengagement.host import Host
from reengagement.metrics import Place, Wanted
from reengagement.settings import Settings, parse
from reengagement.tables import campaign


def middle(connection: Connection) -> Place:
    """Return the campaign in the middle of the list."""
    count = connection.execute(select(func.count()).select_from(campaign)).scalar_one()
    place = select(campaign.c.started_at, campaign.c.id).order_by(campaign.c.started_at, campaign.c.id)
    row = connection.execute(place.offset(count // 2).limit(1)).one()
    return Place(row.started_at, row.id)


def reads(
    connection: Connection, seen: Host, settings: Settings, now: datetime
) -> dict[str, Callable[[], object]]:
    """Return what is timed, by its name."""
    place = middle(connection)

    def page(wanted: Wanted, after: Place | None = None) -> Callable[[], object]:
        return lambda: metrics.page_of_campaigns(connection, seen, wanted, after=after)

    def count(wanted: Wanted) -> Callable[[], object]:
        return lambda: metrics.count_campaigns(connection, seen, wanted)

    def explain() -> object:
        with connection.begin_nested() as savepoint:
            found = explaining.explain(connection, settings, "user-12", now)
            savepoint.rollback()
        return found

    return {
        "the first page": page(Wanted()),
        "a page in the middle": page(Wanted(), place),
        "in the middle, active at level 1": page(Wanted(status="active", level=1), place),
        "of one user, by name": page(Wanted(user="user 12345")),
        "of nobody": page(Wanted(status="opted_out")),
        "count of all": count(Wanted()),
        "count of the active": count(Wanted(status="active")),
        "count of one user's": count(Wanted(user="user 12345")),
        "a story": lambda: metrics.story_of(connection, seen, place.id),
        "people by a part of their name": lambda: metrics.find_people(connection, seen, "r 1234", 21),
        "why this user": explain,
    }


def measure(engine: Engine, settings: Settings, times: int) -> dict[str, list[float]]:
    """Return the milliseconds that each read takes, `times` times."""
    with engine.connect() as connection:
        seen = host.connect(settings.host, connection)
        now = database.clock(connection)
        return {name: timed(read, times) for name, read in reads(connection, seen, settings, now).items()}


@click.command()
@click.option("--campaigns", default=100_000, show_default=True)
@click.option("--times", default=15, show_default=True, help="How often each is read.")
def main(campaigns: int, times: int) -> None:
    """Fill a year of campaigns and time what the pages of campaigns read."""
    with product.empty_database("reengagement_listing") as url:
        settings = parse({"DATABASE_URL": url})
        engine = database.engine_of(settings)
        fill(engine, campaigns)
        click.echo(f"{campaigns} campaigns, {2 * campaigns} notifications; milliseconds")
        for name, took in measure(engine, settings, times).items():
            click.echo(f"{name:<34} median {statistics.median(took):6.1f}   worst {max(took):6.1f}")
        engine.dispose()
