"""`make demo`: one command up, Ctrl-C down, nothing left behind; and whose database it may touch."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy import Engine, text

from reengagement import embedded
from reengagement.demo import ownership, sample
from reengagement.demo.fill import fill
from reengagement.demo.place import PROJECT, DemoError, Place
from reengagement.settings import parse
from tests import folders

SECONDS_TO_START = 60
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("REENGAGEMENT_", "VAPID_")) and name not in ("DATABASE_URL", "REDIS_URL")
}


@pytest.fixture
def demo_dir() -> Iterator[Path]:
    """A data folder that an unprivileged account can reach."""
    parent = Path(tempfile.mkdtemp(prefix="reengagement-demo-", dir=folders.in_memory()))
    parent.chmod(0o711)
    yield parent / "data"
    shutil.rmtree(parent)


class Demo:
    """A demo that was started as a shell would start it, and what it has said."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.said = ""
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reengagement", "demo", "--sample", "document", *options],
            cwd=PROJECT,
            env=CLEAN | {"REENGAGEMENT_DATA_DIR": str(data_dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, words: str) -> str:
        """Read until a line has the words; return the line."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            self.said += line
            if words in line:
                return line
        raise AssertionError(f"the demo ended without {words!r}:\n{self.said}")

    def end(self, number: int = signal.SIGINT) -> int:
        """Signal the demo's group, as a terminal does; return its exit status."""
        os.killpg(self.process.pid, number)
        rest, _ = self.process.communicate(timeout=30)
        self.said += rest
        return self.process.returncode

    def groups(self) -> list[int]:
        return [int(pid) for pid in re.findall(r"started \(pid=(\d+)\)", self.said)]

    def left(self) -> list[int]:
        """Return the groups and the servers that still run."""
        listing = subprocess.run(
            ["ps", "-axww", "-o", "pid=,pgid=,args="], capture_output=True, text=True
        ).stdout
        rows = [line.split(maxsplit=2) for line in listing.splitlines()]
        return [
            int(pid)
            for pid, group, *args in rows
            if int(group) in self.groups() or f"{self.data_dir}/" in " ".join(args)
        ]


@contextmanager
def demo(data_dir: Path, *options: str) -> Iterator[Demo]:
    """Yield a demo that is up; end it if the test hasn't."""
    one = Demo(data_dir, *options)
    try:
        one.wait_for("Ctrl-C stops everything")
        yield one
    finally:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)


def page(address: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10) as answer:
        return str(answer.read().decode())


def link_in(said: str) -> str:
    found = re.search(r"Dashboard: (\S+)", said)
    assert found
    return found.group(1)


def environment_of(data_dir: Path) -> dict[str, str]:
    return Place.of(parse({"REENGAGEMENT_DATA_DIR": str(data_dir)}), "document").saved()


@contextmanager
def database_of(data_dir: Path) -> Iterator[psycopg.Connection]:
    """Yield a connection to the demo's database; afterwards this process is no user of it."""
    folder = data_dir / "demo" / "document"
    with psycopg.connect(embedded.ensure_running(folder), autocommit=True) as connection:
        yield connection
    embedded.stop(folder)


def count(connection: psycopg.Connection, table: LiteralString, condition: LiteralString = "true") -> int:
    row = connection.execute(f'SELECT count(*) FROM "{table}" WHERE {condition}').fetchone()
    assert row is not None
    return int(row[0])


RENAME = """UPDATE "User" SET username = 'Переименована' WHERE id = (SELECT min(id) FROM "User")"""
RENAMED = "username = 'Переименована'"


def test_it_starts_a_consumer_joins_and_ctrl_c_leaves_nothing(demo_dir: Path) -> None:
    with demo(demo_dir) as one:
        environment = environment_of(demo_dir)
        assert "streamlit" in page(link_in(one.said)).lower()
        assert page(environment["REENGAGEMENT_PUBLIC_URL"] + "/_stcore/health") == "ok"
        assert "<html" in page(environment["REENGAGEMENT_PHONE_URL"])
        assert len(one.groups()) == 2, "the web and the push service; no consumer until asked"

        other = Demo(demo_dir)
        said, _ = other.process.communicate(timeout=SECONDS_TO_START)
        assert (other.process.returncode, "is running already" in said) == (1, True)

        with worker(demo_dir), database_of(demo_dir) as connection:
            deadline = time.monotonic() + 20
            while not count(connection, "ReengagementConsumer") and time.monotonic() < deadline:
                time.sleep(0.1)
            assert count(connection, "ReengagementConsumer") == 1

        assert one.end() == 0
        assert one.left() == []


@contextmanager
def worker(data_dir: Path) -> Iterator[None]:
    """Run `make worker`'s consumer; it ends well when asked to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reengagement.demo.worker"],
        cwd=PROJECT,
        env=CLEAN | {"REENGAGEMENT_DATA_DIR": str(data_dir)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        status = process.wait(15)
    assert status == 0


@pytest.mark.long
def test_it_keeps_its_data_leaves_taken_ports_alone_and_starts_afresh_when_told(demo_dir: Path) -> None:
    with demo(demo_dir) as one:
        before = environment_of(demo_dir)
        with database_of(demo_dir) as connection:
            connection.execute(RENAME)
        one.end(signal.SIGHUP)
        assert one.left() == [], "a closed terminal ends it too"
    push = before["REENGAGEMENT_PUSH_ORIGINS"]
    with socket.create_server(("127.0.0.1", int(push.rpartition(":")[2]))):
        began = time.monotonic()
        with demo(demo_dir) as again:
            assert time.monotonic() - began < 20
            after = environment_of(demo_dir)
            assert after["VAPID_PRIVATE_KEY"] == before["VAPID_PRIVATE_KEY"]
            assert after["REENGAGEMENT_PUSH_ORIGINS"] != push
            with database_of(demo_dir) as connection:
                assert count(connection, "User", RENAMED) == 1
                endpoints = connection.execute('SELECT endpoint FROM "PushSubscription"').fetchall()
            assert endpoints
            assert all(one.startswith(f"{after['REENGAGEMENT_PUSH_ORIGINS']}/push/") for (one,) in endpoints)
            if sys.platform == "linux":  # no other system tells a child that its parent was killed
                again.process.kill()
                again.process.wait()
                deadline = time.monotonic() + 20
                while again.left() and time.monotonic() < deadline:
                    time.sleep(0.1)
                assert again.left() == [], "a killed launcher takes its processes with it"
    with demo(demo_dir, "--reset"), database_of(demo_dir) as connection:
        assert count(connection, "User", RENAMED) == 0


def test_grandchildren_that_ignore_the_signal_are_gone_as_well() -> None:
    program = """
from reengagement.demo.processes import Together
stubborn = "sh -c 'trap \\"\\" TERM INT; sleep 987 & echo $!; sleep 987'"
raise SystemExit(Together("http://127.0.0.1:9/", print).run({"a": stubborn, "b": "sleep 0.5; exit 7"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT, timeout=30, check=False
    )
    assert done.returncode == 7, "the first to end decides"
    grandchild = re.search(r"a +\| (\d+)", done.stdout)
    assert grandchild, done.stdout
    state = subprocess.run(["ps", "-o", "stat=", "-p", grandchild.group(1)], capture_output=True, text=True)
    assert state.stdout[:1] in ("", "Z"), "dead, if init hasn't yet taken notice"


def test_what_the_demo_keeps_is_for_its_owner_alone(demo_dir: Path) -> None:
    place = Place.of(parse({"REENGAGEMENT_DATA_DIR": str(demo_dir)}), "year")
    with place.held():
        place.environment(parse({}))
        assert place.environment_file.stat().st_mode & 0o777 == 0o600


def test_keys_of_a_real_installation_are_never_used(demo_dir: Path) -> None:
    given = parse({"REENGAGEMENT_DATA_DIR": str(demo_dir), "VAPID_PRIVATE_KEY": "real"})
    place = Place.of(given, "year")
    with place.held():
        environment = place.environment(given)
    assert environment["VAPID_PRIVATE_KEY"] not in ("", "real")


def test_a_database_with_users_of_its_own_is_refused_and_left_as_it_is(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                """INSERT INTO "User" (id, username, password, role, "createdAt", "updatedAt")
                   VALUES ('u1', 'alice', '!', 'USER', '2026-01-01', '2026-01-01')"""
            )
        )
    with pytest.raises(DemoError, match="has users already, and no demo put them there"):
        ownership.refuse_foreign(engine)
    with pytest.raises(DemoError, match="has users already"):
        ownership.throw_away(engine)
    with engine.connect() as connection:
        assert connection.execute(text('SELECT count(*) FROM "User"')).scalar_one() == 1


def test_a_demos_database_is_emptied_and_can_be_filled_again(engine: Engine) -> None:
    settings = parse({"REENGAGEMENT_PUSH_ORIGINS": "http://127.0.0.1:8601"})
    fill(engine, settings, "document")
    ownership.refuse_foreign(engine)
    assert ownership.throw_away(engine)
    with engine.connect() as connection:
        for table in ownership.HOST_TABLES:
            assert connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one() == 0
    fill(engine, settings, "document")
    with engine.connect() as connection:
        assert connection.execute(text('SELECT count(*) FROM "User"')).scalar_one() == 6


def test_an_empty_database_has_nothing_to_throw_away(engine: Engine) -> None:
    assert not ownership.throw_away(engine)


def test_the_list_of_the_samples_tables_is_complete(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA other; SET LOCAL search_path = other"))
        sample.create_host_tables(connection)
        made = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'other'")
        ).scalars()
        assert set(made) == set(ownership.HOST_TABLES)
