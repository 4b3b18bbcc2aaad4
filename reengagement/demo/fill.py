"""Fills an empty database with the demo's sample product, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.dialects.postgresql import insert

from reengagement import migrations, simulate
from reengagement.database import clock
from reengagement.demo import sample as host
from reengagement.settings import Settings
from reengagement.tables import setting

Sample = Literal["year", "document"]
Progress = Callable[[str], None]

YEAR = timedelta(days=365)
USERS = 2_000
DAYS_BETWEEN_WORDS = 30

MARK = "demo_sample"
"""The setting that says which sample the database holds, and whether filling it came to its end."""


def fill(engine: Engine, settings: Settings, sample: Sample, progress: Progress = lambda words: None) -> None:
    """Migrate the database and put the sample product into it; one that holds users is left alone.

    What an interrupted fill left behind is thrown away first. Subscriptions lead to the first of the
    setting's push origins. Raises DatabaseUnreachable, SettingsError.
    """
    migrations.migrate(engine)
    with engine.begin() as connection:
        mark = connection.execute(select(setting.c.value).where(setting.c.name == MARK)).scalar_one_or_none()
        if mark is None and _has_users(connection):
            progress("The database holds a product already; nothing was added.")
            return
        if mark and mark["done"]:
            progress(f"The sample product is there already: {mark['sample']}.")
            return
        if mark:
            progress("An earlier start was interrupted; the sample is made afresh.")
            _clear(connection)
        elif not _has_product(connection):
            host.create_host_tables(connection)
        _mark(connection, sample, done=False)
    _FILL[sample](engine, settings, progress)
    with engine.begin() as connection:
        _mark(connection, sample, done=True)


def _fill_document(engine: Engine, settings: Settings, progress: Progress) -> None:
    with engine.begin() as connection:
        host.document_people(connection, clock(connection), origin=_origin(settings))
    progress("Five users and an administrator, as in the test guide.")


def _fill_year(engine: Engine, settings: Settings, progress: Progress) -> None:
    with engine.connect() as connection:
        now = clock(connection)
    progress(f"A year of a product with {USERS} users is being made, day by day; a minute or two.")
    done = simulate.simulate(
        engine,
        settings,
        users=USERS,
        days=YEAR.days,
        until=now,
        origin=_origin(settings),
        progress=lambda day, of: progress(f"Day {day} of {of}") if day % DAYS_BETWEEN_WORDS == 0 else None,
    )
    with engine.begin() as connection:
        host.create_admin(connection, now - YEAR)
    progress(f"{done.campaigns} campaigns, {done.sent} reminders, {done.returned} returns; {done.seconds} s.")


_FILL: dict[Sample, Callable[[Engine, Settings, Progress], None]] = {
    "document": _fill_document,
    "year": _fill_year,
}


def _origin(settings: Settings) -> str:
    return settings.push_origins[0] if settings.push_origins else simulate.ORIGIN


def _has_product(connection: Connection) -> bool:
    found = text("SELECT to_regclass('\"User\"') IS NOT NULL")
    return bool(connection.execute(found).scalar_one())


def _has_users(connection: Connection) -> bool:
    users = text('SELECT EXISTS (SELECT FROM "User")')
    return _has_product(connection) and bool(connection.execute(users).scalar_one())


def _clear(connection: Connection) -> None:
    """Empty the product, and what was planned for its users. Only ever a half-made sample of ours."""
    connection.execute(text('TRUNCATE "User", "Course", "ReengagementCampaign" CASCADE'))
    connection.execute(text('TRUNCATE "ReengagementRun", "ReengagementOptOut" RESTART IDENTITY'))
    connection.execute(text('TRUNCATE "ReengagementStrike", "ReengagementPushOrigin"'))


def _mark(connection: Connection, sample: Sample, *, done: bool) -> None:
    value = {"sample": sample, "done": done}
    row = {"value": value, "updated_at": clock(connection), "updated_by": "demo"}
    connection.execute(
        insert(setting)
        .values(name=MARK, **row)
        .on_conflict_do_update(index_elements=[setting.c.name], set_=row)
    )
