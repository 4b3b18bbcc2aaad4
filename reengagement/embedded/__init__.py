"""A real PostgreSQL for those who have none: started on first use, stopped when its last user has gone.

    ensure_running() ──► start.lock (one at a time): initdb, then the supervisor
                     ──► users.lock, shared, held until this process ends, however it ends
    supervisor       ──► supervisor.lock for its life; stops PostgreSQL once it gets users.lock to itself

Locks are `flock`s, which the kernel drops with their process: a SIGKILL leaves none behind. Connections go
through a unix socket and are let in by `peer`: the kernel says who connects, so there is no password.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from reengagement.embedded import supervisor
from reengagement.embedded.binaries import find
from reengagement.embedded.cluster import DATABASE, PORT, ROLE, Cluster, account_of, server_command
from reengagement.errors import EmbeddedDatabaseError

__all__ = ["ensure_running", "in_use", "make_folder", "stop"]

START_SECONDS = 120
"""How long a start may take; a recovery after a crash of the machine is the slowest."""

_joined: dict[Path, int] = {}
"""Data folder -> descriptor of the shared lock that makes this process a user. Forked children inherit it."""


def ensure_running(data_dir: Path) -> str:
    """Return the URL of the embedded PostgreSQL of `data_dir`, having created or started it where needed.

    This process counts as a user of it until it ends. Safe to call often, from many processes at once.
    Raises EmbeddedDatabaseError with what to do.
    """
    folder = data_dir.expanduser().absolute()
    cluster = Cluster(folder)
    if folder in _joined and _is_held(cluster.supervisor_lock):
        return _url(cluster)
    try:
        return _join(folder)
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedDatabaseError(
            f"The embedded PostgreSQL can't use {folder}: {error}. "
            "Name another folder in REENGAGEMENT_DATA_DIR, or a database in DATABASE_URL."
        ) from error


def make_folder(data_dir: Path) -> None:
    """Make a data folder that the account which PostgreSQL runs as can pass through, others not look into."""
    folder = data_dir.expanduser().absolute()
    Cluster(folder, account_of(folder)).make_folder()


def in_use(data_dir: Path) -> bool:
    """Return whether any process uses the embedded PostgreSQL of `data_dir`."""
    users = Cluster(data_dir.expanduser().absolute()).users_lock
    return users.exists() and _is_held(users)


def stop(data_dir: Path) -> None:
    """Make this process no user any more; unless there are others, PostgreSQL has stopped on return."""
    cluster = Cluster(data_dir.expanduser().absolute())
    if cluster.folder in _joined:
        os.close(_joined.pop(cluster.folder))
    while cluster.supervisor_lock.exists() and _is_held(cluster.supervisor_lock):
        users = _open(cluster.users_lock)
        others = not _try(users, fcntl.LOCK_EX) and _try(users, fcntl.LOCK_SH)  # a supervisor's is exclusive
        os.close(users)
        if others:
            return
        time.sleep(0.05)


def _join(folder: Path) -> str:
    cluster = Cluster(folder, account_of(folder))
    cluster.make_folder()
    if folder not in _joined:
        _joined[folder] = _shared(cluster.users_lock)
    try:
        _start_unless_running(cluster)
        _wait_until_ready(cluster)
    except BaseException:
        os.close(_joined.pop(folder))
        raise
    return _url(cluster)


def _url(cluster: Cluster) -> str:
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(cluster.socket_folder))}&port={PORT}"


def _start_unless_running(cluster: Cluster) -> None:
    with _exclusive(cluster.folder / "start.lock"):
        life = _open(cluster.supervisor_lock)
        try:
            if _try(life, fcntl.LOCK_EX):
                binaries = find(cluster.account)
                cluster.create(binaries)
                _start_supervisor(cluster, server_command(cluster, binaries), life)
        finally:
            os.close(life)


def _start_supervisor(cluster: Cluster, command: list[str], life: int) -> None:
    """Start the supervisor, detached from us, and hand it the lock that says that it lives."""
    task = {
        "command": command,
        "data": str(cluster.data),
        "users": str(cluster.users_lock),
        "account": cluster.account and [cluster.account.uid, cluster.account.gid],
        "life": life,
        "short_lived": None if cluster.socket_folder.parent == cluster.folder else str(cluster.socket_folder),
    }
    with cluster.open_log() as log:
        subprocess.run(
            [sys.executable, "-I", "-S", str(Path(supervisor.__file__)), json.dumps(task)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=[life],
            start_new_session=True,
            check=True,
        )


def _wait_until_ready(cluster: Cluster) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(_url(cluster), connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            hopeless = "authentication failed" in str(error) or not _is_held(cluster.supervisor_lock)
            if hopeless or time.monotonic() > deadline:
                raise EmbeddedDatabaseError(
                    f"The embedded PostgreSQL in {cluster.folder} doesn't answer: "
                    f"{' '.join(str(error).split())}. The end of {cluster.log}: {cluster.end_of_log()}"
                ) from None
        time.sleep(0.03)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _shared(path: Path) -> int:
    """Return a descriptor holding a shared lock; waits while a supervisor is stopping PostgreSQL."""
    descriptor = _open(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_held(path: Path) -> bool:
    """Return whether another descriptor holds a lock on `path`."""
    descriptor = _open(path)
    try:
        return not _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
