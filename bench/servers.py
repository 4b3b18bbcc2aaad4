"""PostgreSQL and Redis of our own, to be restarted at will."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from reengagement.embedded.supervisor import end_with_parent
from tests import redis_server

FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT
"""PostgreSQL's own meanings: connections are cut and all is written; or all is dropped, as in a crash."""


def restart_postgresql(folder: Path, how: signal.Signals) -> None:
    """End the embedded PostgreSQL of `folder`; its supervisor starts it again."""
    os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), how)


class Redis:
    """A Redis on a port that it keeps. Without `appendonly` a restart loses its data."""

    def __init__(self, folder: Path, *, appendonly: bool) -> None:
        self._folder, self._appendonly = folder, appendonly
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def _start(self) -> None:
        options = {
            "port": self._port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
            "logfile": self._folder / "redis.log",
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [redis_server.program(), *words],
            preexec_fn=end_with_parent if sys.platform == "linux" else None,
        )
        deadline = time.monotonic() + 10
        with redis.Redis(port=self._port) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)

    def restart(self, away: float = 0.0) -> None:
        """Kill it and start it again after `away` seconds."""
        self.stop(signal.SIGKILL)
        time.sleep(away)
        self._start()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)
        self._process.wait(10)


@contextmanager
def own_redis(folder: Path, *, appendonly: bool) -> Iterator[Redis]:
    """Run a Redis until the context ends."""
    server = Redis(folder, appendonly=appendonly)
    try:
        yield server
    finally:
        server.stop()
