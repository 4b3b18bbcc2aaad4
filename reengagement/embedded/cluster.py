"""The data folder of the embedded PostgreSQL: whose it is, how it is made, how the server is called."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from reengagement.errors import EmbeddedDatabaseError

if TYPE_CHECKING:
    from reengagement.embedded.binaries import Binaries

ROLE = DATABASE = "reengagement"
PORT = 5432
"""Only part of the socket's name: nothing listens on TCP."""

LONGEST_SOCKET_PATH = 103
"""macOS allows 104 bytes with the closing zero, Linux 108."""
SMALL_SHARED_MEMORY = 1 << 30
LARGEST_LOG = 5 << 20

SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Account:
    """An existing unprivileged account that PostgreSQL runs as, since it refuses to run as root."""

    name: str
    uid: int
    gid: int


def account_of(folder: Path) -> Account | None:
    """Return the account to run as: None (ourselves) unless we are root.

    As root: whose the cluster in `folder` is, else `postgres`, else `nobody`; no account is ever made.
    """
    if os.geteuid() != 0:
        return None
    data = folder / "data"
    owner = data.stat().st_uid if data.exists() else None
    entries = {entry.pw_uid if owner else entry.pw_name: entry for entry in pwd.getpwall()}
    for key in [owner] if owner else ["postgres", "nobody"]:
        if key in entries:
            entry = entries[key]
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedDatabaseError(
        "PostgreSQL refuses to run as root, and here is no account to run it as, such as `postgres` or "
        "`nobody`: run as another user, or name a database in DATABASE_URL."
    )


@dataclass(frozen=True)
class Cluster:
    """The paths below one data folder, and who PostgreSQL runs as (None: ourselves)."""

    folder: Path
    account: Account | None = None

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What PostgreSQL and its supervisor say."""
        return self.folder / "postgresql.log"

    @property
    def users_lock(self) -> Path:
        """Locked, shared, by every process that uses the database."""
        return self.folder / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Locked by the supervisor for its life."""
        return self.folder / "supervisor.lock"

    @property
    def socket_folder(self) -> Path:
        """A folder for the socket: below ours, or where that path is too long, a short one in /tmp."""
        inside = self.folder / "run"
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}.lock")) <= LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(f"/tmp/reengagement-{os.geteuid()}-{digest}")

    def make_folder(self) -> None:
        """Make the data folder; the account may pass through it, others see nothing in it."""
        if not self.folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o711 if self.account else 0o700)
        elif self.account and not any(self.folder.iterdir()):
            self.folder.chmod(0o711)  # empty, so it was made for us, as `mktemp -d` does

    def create(self, binaries: Binaries) -> None:
        """Make what a start needs: the cluster unless it exists, the socket's folder, the rules of entry.

        Raises EmbeddedDatabaseError if the cluster is of another major version.
        """
        self._own(self.socket_folder)
        self._check_reachable()
        if self.data.exists():
            _check_version(self.data, binaries.major)
        else:
            self._initialise(binaries)
        owner = pwd.getpwuid(os.geteuid()).pw_name
        entry = "".join(f'owner "{name}" {ROLE}\n' for name in sorted({owner, "root"}))
        _write_readable(self.folder / "pg_hba.conf", "local all all peer map=owner\n")
        _write_readable(self.folder / "pg_ident.conf", entry)

    def open_log(self) -> BinaryIO:
        """Return the log, opened to append; a large one is put aside first."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        return os.fdopen(os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb")

    def end_of_log(self) -> str:
        """Return the last lines of the log, in one line."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(lines[-5:]) or "(empty)"

    def _initialise(self, binaries: Binaries) -> None:
        making = self.folder / "making"
        shutil.rmtree(making, ignore_errors=True)
        self._own(making)
        try:
            staged = making / "data"
            options = ["--encoding=UTF8", "--auth=peer", f"--username={ROLE}", "--no-instructions"]
            self._tool(binaries.folder / "initdb", "-D", staged, *options, *_locale(binaries.major))
            self._tool(
                binaries.folder / "postgres",
                "--single",
                "-D",
                staged,
                "postgres",
                says=f"CREATE DATABASE {DATABASE}\n",
            )
            os.rename(staged, self.data)  # so that a folder named `data` is always complete
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _own(self, path: Path) -> None:
        """Make `path` the account's, mode 0700. What somebody else made (/tmp is everybody's) is refused."""
        owner = self.account.uid if self.account else os.geteuid()
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
                raise EmbeddedDatabaseError(f"{path} belongs to somebody else: remove it.") from None
        if self.account:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

    def _check_reachable(self) -> None:
        """Raise EmbeddedDatabaseError unless the account can enter: parents are never opened for it."""
        entered = [f"{folder}/." for folder in (self.folder, self.socket_folder)]  # not listed: 0711 will do
        if self.account and self._run("/bin/ls", "-d", *entered).returncode:
            raise EmbeddedDatabaseError(
                f"The account {self.account.name!r}, as which PostgreSQL runs, can't enter {self.folder}: "
                "name a folder that it can, such as /var/lib/reengagement, in REENGAGEMENT_DATA_DIR."
            )

    def _tool(self, *command: Path | str, says: str = "") -> None:
        done = self._run(*command, says=says)
        if done.returncode or "ERROR" in done.stderr:
            raise EmbeddedDatabaseError(f"{Path(command[0]).name} failed: {' '.join(done.stderr.split())}")

    def _run(self, *command: Path | str, says: str = "") -> subprocess.CompletedProcess[str]:
        as_account: dict[str, Any] = {}
        if self.account:
            as_account = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return subprocess.run(
            command,
            input=says,
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            **as_account,
        )


def _locale(major: int) -> list[str]:
    """Return initdb's options for the casing of every alphabet (Cyrillic ILIKE), the same on every system."""
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=en_US.UTF-8", "--lc-messages=C"]


def _check_version(data: Path, major: int) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(major):
        raise EmbeddedDatabaseError(
            f"The data in {data} is of PostgreSQL {found}, and the programs here are of PostgreSQL {major}. "
            f"Dump it with PostgreSQL {found} and restore it into a new folder (REENGAGEMENT_DATA_DIR), "
            f"or run PostgreSQL {found} yourself and name it in DATABASE_URL."
        )


def _write_readable(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o644)


def server_command(cluster: Cluster, binaries: Binaries) -> list[str]:
    """Return the command of the server in the foreground."""
    settings = {
        **SERVER_SETTINGS,
        "port": str(PORT),
        "unix_socket_directories": f'"{cluster.socket_folder}"',
        "hba_file": str(cluster.folder / "pg_hba.conf"),
        "ident_file": str(cluster.folder / "pg_ident.conf"),
        "dynamic_shared_memory_type": _shared_memory(),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries.folder / "postgres"), "-D", str(cluster.data), *options]


def _shared_memory() -> str:
    """Return where parallel workers share memory: containers have 64 MB in /dev/shm, too little for a run."""
    try:
        space = os.statvfs("/dev/shm")
    except FileNotFoundError:  # macOS
        return "posix"
    return "posix" if space.f_frsize * space.f_bavail > SMALL_SHARED_MEMORY else "mmap"
