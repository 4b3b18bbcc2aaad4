"""Where a demo keeps its things, and the environment that its processes share."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from reengagement import embedded
from reengagement.errors import ReengagementError
from reengagement.settings import Settings
from reengagement.vapid import make_vapid_keys

PROJECT = Path(__file__).parent.parent.parent
"""The clone: Procfile, tasks.py and streamlit_app.py lie there."""

LOOPBACK = "127.0.0.1"
FIRST_WEB_PORT, FIRST_PUSH_PORT = 8501, 8601
PORTS_TRIED = 50
SUBJECT = "mailto:demo@example.org"


class DemoError(ReengagementError):
    """The demo can't start here."""


@dataclass(frozen=True)
class Place:
    """The folder of one sample's demo."""

    folder: Path

    @classmethod
    def of(cls, settings: Settings, sample: str) -> Place:
        """Return the place of a sample: each has a folder, and with it an embedded database, of its own."""
        return cls(settings.data_dir.expanduser().absolute() / "demo" / sample)

    @property
    def environment_file(self) -> Path:
        """What the demo's processes have in their environment; `make worker` reads it. Holds a secret."""
        return self.folder / "demo.env"

    @property
    def arrivals_file(self) -> Path:
        """What the demo's phones were sent."""
        return self.folder / "arrivals.json"

    @property
    def _lock(self) -> Path:
        return self.folder / "demo.lock"

    def make(self) -> None:
        """Make the folder and those above it that are ours, each in reach of the database's account."""
        for folder in (self.folder.parent.parent, self.folder.parent, self.folder):
            embedded.make_folder(folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the place as ours alone. Raises DemoError if a demo is running here."""
        self.make()
        with self._lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DemoError(
                    f"This demo is running already, in {self.folder}. Ctrl-C in its terminal stops it."
                ) from None
            yield

    def is_held(self) -> bool:
        """Return whether a demo is running here."""
        if not self._lock.exists():
            return False
        with self._lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def saved(self) -> dict[str, str]:
        """Return the environment that was written last; empty at first."""
        return {name: value or "" for name, value in dotenv_values(self.environment_file).items()}

    def environment(self, settings: Settings) -> dict[str, str]:
        """Return what the demo's processes have in their environment, and write it for `make worker`.

        Ports stay what they were, where they are free. An empty variable counts as not set, and so hides
        what a `.env` says: the demo's key pair is its own, and no real one is ever used.
        """
        saved = self.saved()
        web = _free_port(_port_of(saved.get("REENGAGEMENT_PUBLIC_URL"), FIRST_WEB_PORT))
        push = _free_port(_port_of(saved.get("REENGAGEMENT_PUSH_ORIGINS"), FIRST_PUSH_PORT))
        phones = f"http://{LOOPBACK}:{push}"
        environment = {
            "DATABASE_URL": settings.database_url or "",
            "REDIS_URL": settings.redis_url or "",
            "VAPID_PRIVATE_KEY": saved.get("VAPID_PRIVATE_KEY") or make_vapid_keys()[0],
            "VAPID_SUBJECT": SUBJECT,
            "REENGAGEMENT_DATA_DIR": str(self.folder),
            "REENGAGEMENT_DEMO": "1",
            "REENGAGEMENT_HOST": "",
            "REENGAGEMENT_PUBLIC_URL": f"http://localhost:{web}",
            "REENGAGEMENT_SITE_URL": phones,
            "REENGAGEMENT_PUSH_ORIGINS": phones,
            "REENGAGEMENT_PHONE_URL": phones,
            "STREAMLIT_SERVER_PORT": str(web),
        }
        self._write(environment)
        return environment

    def _write(self, environment: Mapping[str, str]) -> None:
        text = "".join(f"{name}='{value}'\n" for name, value in environment.items())
        descriptor = os.open(self.environment_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)


def _port_of(url: str | None, otherwise: int) -> int:
    return int(url.rpartition(":")[2]) if url else otherwise


def _free_port(first: int) -> int:
    """Return the first port of loopback that is free, from `first` on. Raises DemoError."""
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise DemoError(f"The ports from {first} to {first + PORTS_TRIED - 1} of {LOOPBACK} are all taken.")
