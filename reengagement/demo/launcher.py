"""`make demo`: from nothing to a page in the browser, and back to nothing with Ctrl-C."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from honcho.environ import parse_procfile
from sqlalchemy import Connection, Engine

from reengagement import database, devices, embedded, sessions, settings
from reengagement.demo import ownership, phone
from reengagement.demo.fill import Sample, fill
from reengagement.demo.place import PROJECT, DemoError, Place
from reengagement.demo.processes import Together
from reengagement.settings import Settings
from reengagement.vapid import public_key_of


def launch(sample: Sample, reset: bool) -> int:
    """Run the demo until Ctrl-C; return an exit status.

    1. Take the sample's place, with `reset` an empty one.
    2. Settle ports and keys; start PostgreSQL, unless DATABASE_URL names one.
    3. Migrate, and fill the database with the sample, unless it is there.
    4. Start web, consumer and push service; once the page answers, say where it is.
    5. At the end, wait until the embedded PostgreSQL has stopped.

    Raises ReengagementError with what to do.
    """
    given = settings.load()
    place = Place.of(given, sample)
    with place.held():
        if reset:
            _throw_away(given, place)
        environment = place.environment(given)
        os.environ.update(environment)
        settings.load.cache_clear()
        current = settings.load()
        try:
            engine = _filled(current, sample)
            together = Together(
                f"{current.public_url}/_stcore/health", lambda: _say_where(engine, current, sample)
            )
            _say("Starting the processes")
            return together.run(_commands(sample, current, place))
        finally:
            if current.database_url is None:
                embedded.stop(place.folder)


def _say(words: str) -> None:
    click.secho(f"==> {words}", bold=True)


def _throw_away(given: Settings, place: Place) -> None:
    _say("Throwing the demo's data away")
    if given.database_url:
        found = ownership.throw_away(database.make_engine(given.database_url))
    elif embedded.in_use(place.folder):
        raise DemoError(f"Some process still uses the database in {place.folder}: stop it (make worker?).")
    else:
        found = (place.folder / "data").exists()
        shutil.rmtree(place.folder / "data", ignore_errors=True)
    for file in (place.environment_file, place.arrivals_file):
        file.unlink(missing_ok=True)
    click.echo("Done." if found else "There was none.")


def _filled(current: Settings, sample: Sample) -> Engine:
    """Return an engine on the sample's database. Raises ReengagementError."""
    where = "the one that DATABASE_URL names" if current.database_url else f"in {current.data_dir}"
    _say(f"PostgreSQL: {where}")
    engine = database.engine_of(current)
    database.check_reachable(engine)
    ownership.refuse_foreign(engine)
    _say("The sample product")
    fill(engine, current, sample, click.echo)
    with engine.begin() as connection:
        ownership.move_phones(connection, current.push_origins[0])
        _add_device(connection, current.push_origins[0])
    return engine


def _add_device(connection: Connection, origin: str) -> None:
    """Give whoever presses the demo's button a phone of their own, so that texts can be tried at once."""
    if all(one.push_service != origin for one in devices.of(connection, sessions.DEMO)):
        endpoint, keys = phone.subscription_of(origin, sessions.DEMO)
        devices.add(connection, sessions.DEMO, endpoint, keys, database.clock(connection))


def _commands(sample: Sample, current: Settings, place: Place) -> dict[str, str]:
    """Return the commands of the Procfile, and the push service's. The document's demo has no consumer."""
    commands = dict(procfile())
    if sample == "document":
        del commands["worker"]
    words = [
        *(sys.executable, "-m", "reengagement.demo.push_service"),
        *("--port", current.push_origins[0].rpartition(":")[2]),
        *("--data", str(place.arrivals_file)),
        *("--vapid-public-key", public_key_of(current.vapid_private_key or "")),
        *("--dashboard", current.public_url),
    ]
    return {**commands, "push": f"exec {shlex.join(words)}"}


def procfile() -> Mapping[str, str]:
    """Return the Procfile's commands; the virtual environment's programs are put on the path."""
    file = PROJECT / "Procfile"
    if not file.exists():
        raise DemoError(f"The demo runs from a clone of the project, and {PROJECT} is none.")
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    commands: Mapping[str, str] = parse_procfile(file.read_text()).processes
    return {name: f"exec {command}" for name, command in commands.items()}


def _say_where(engine: Engine, current: Settings, sample: Sample) -> None:
    with engine.begin() as connection:
        link = sessions.new_link(connection, current, database.clock(connection), sessions.DEMO)
    lines = [
        "The demo is running.",
        f"  Dashboard: {link}",
        f"             (signs in once; later {current.public_url} and the button there)",
        f"  Phones:    {current.phone_url}",
    ]
    if sample == "document":
        lines.append("  Consumer:  none yet; `make worker` in another terminal starts it")
    click.secho("\n" + "\n".join([*lines, "  Ctrl-C stops everything."]) + "\n", bold=True)
