"""Real parts for every test: a PostgreSQL of the wheel, migrated once; clones where a test commits."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, Engine, make_url, text, update

from reengagement import database, embedded, migrations, sessions, tables
from reengagement.demo import sample
from reengagement.settings import Settings, parse
from tests import folders, redis_server
from tests.dashboards import settings_of, sign_in
from tests.people import People

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
"""Tests type `huey_consumer` as anyone would, whether or not the virtual environment is activated."""

TEMPLATE = "reengagement_template"

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONGEST = (
    "test_look", "test_dashboard_in_browser", "test_demo", "test_doors_in_browser",
    "test_chaos", "test_devices", "test_mounted", "test_embedded",
)  # fmt: skip
"""Files that wait for browsers and processes. They begin, or the last of them would be waited for alone."""
NOW = datetime(2026, 3, 20, 5, 0)
"""08:00 in Moscow, on a Friday."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, each whole."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A folder for this session's PostgreSQL: short, since a socket's path has 107 bytes."""
    parent = folders.in_memory() or ("/var/lib" if os.geteuid() == 0 else None)
    folder = Path(tempfile.mkdtemp(prefix="re-test-", dir=parent))
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster_url(data_dir: Path) -> str:
    """The address of an empty database of the embedded PostgreSQL; it needn't survive a power cut."""
    url = embedded.ensure_running(data_dir)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _execute(url, f"ALTER SYSTEM SET {setting} = off")
    _execute(url, "SELECT pg_reload_conf()")
    return url


def database_named(url: str, name: str) -> str:
    """Return the address of another database of the same cluster."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _execute(url: str, statement: str) -> None:
    engine = database.make_engine(url)
    with database.autocommit(engine) as connection:
        connection.execute(text(statement))
    engine.dispose()


class Clones:
    """Copies of the migrated database, each made while the test before it runs."""

    def __init__(self, cluster_url: str) -> None:
        self._cluster_url = cluster_url
        self._numbers = itertools.count()
        self._aside = ThreadPoolExecutor(1)
        self._next = self._aside.submit(self._make)

    def _make(self) -> str:
        name = f"clone_{next(self._numbers)}"
        cheaper = "FILE_COPY" if folders.in_memory() else "WAL_LOG"  # by half
        _execute(self._cluster_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY {cheaper}")
        return name

    def take(self) -> str:
        """Return the name of a copy that nobody has used."""
        name = self._next.result()
        self._next = self._aside.submit(self._make)
        return name

    def drop(self, name: str) -> None:
        """Drop a copy, whoever is still connected."""
        self._aside.submit(_execute, self._cluster_url, f"DROP DATABASE {name} WITH (FORCE)")

    def wait(self) -> None:
        """Wait until nothing is being copied or dropped."""
        self._aside.submit(int).result()

    def close(self) -> None:
        """Wait for what is under way."""
        self._aside.shutdown()


@pytest.fixture(scope="session")
def clones(cluster_url: str) -> Iterator[Clones]:
    """Copies of a migrated database with the host's empty tables."""
    _execute(cluster_url, f"CREATE DATABASE {TEMPLATE}")
    engine = database.make_engine(database_named(cluster_url, TEMPLATE))
    with engine.begin() as connection:
        sample.create_host_tables(connection)
    migrations.migrate(engine)
    with engine.begin() as connection:  # a new one each time would let chance decide whether a test passes
        salt = update(tables.setting).where(tables.setting.c.name == "salt")
        connection.execute(salt.values(value="of the tests"))
    engine.dispose()  # a database with a connection can't be copied
    clones = Clones(cluster_url)
    yield clones
    clones.close()


@pytest.fixture(scope="session")
def database_url(cluster_url: str, clones: Clones) -> str:
    """The address of a migrated database with the host's empty tables; nobody commits to it."""
    return database_named(cluster_url, clones.take())


@pytest.fixture
def clone_url(cluster_url: str, clones: Clones) -> Iterator[str]:
    """The address of a database of this test's own."""
    name = clones.take()
    yield database_named(cluster_url, name)
    clones.drop(name)


@pytest.fixture
def engine(clone_url: str) -> Iterator[Engine]:
    """An engine on a database of this test's own, for code that commits."""
    engine = database.make_engine(clone_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(clone_url: str) -> Settings:
    """The settings of an installation on this test's own database."""
    return parse({"DATABASE_URL": clone_url})


@pytest.fixture(scope="session")
def shared_engine(database_url: str) -> Iterator[Engine]:
    """An engine on the database that all tests share."""
    engine = database.make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(shared_engine: Engine) -> Iterator[Connection]:
    """A connection whose work is rolled back; a commit within it ends a savepoint only."""
    with shared_engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a real Redis."""
    with redis_server.running() as url:
        yield url


@pytest.fixture
def now() -> datetime:
    """The time at which tests take place, unless they say otherwise."""
    return NOW


@pytest.fixture
def people(engine: Engine) -> People:
    """Users of the host, in this test's own database."""
    return People(engine, NOW)


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch, clone_url: str) -> Iterator[Settings]:
    """The settings of a dashboard in this process, on this test's own database."""
    with settings_of(monkeypatch, DATABASE_URL=clone_url) as current:
        yield current


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch, dashboard: Settings, engine: Engine) -> sessions.Session:
    """Someone who is signed in at that dashboard."""
    return sign_in(monkeypatch, engine)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser."""
    from tests import browser  # brings Playwright

    with browser.running() as found:
        yield found
