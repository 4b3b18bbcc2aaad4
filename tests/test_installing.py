"""`make` on a machine that lacks something says what to install, in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def make(tmp_path: Path, python: str) -> str:
    """Run the installation with a program that stands for Python; it must fail. Return what it says."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{python}\n")
    program.chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci" / "venv", "stamp"],
        cwd=tmp_path,
        env={"PYTHON": str(program), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not (tmp_path / ".venv").exists()
    return done.stderr


def test_a_python_that_is_too_old_is_told_apart_from_none(tmp_path: Path) -> None:
    assert "Python 3.11, 3.12, 3.13 or 3.14 is needed" in make(tmp_path, "exit 1")


def test_a_missing_venv_module_is_named_with_its_package(tmp_path: Path) -> None:
    lacking = f'case "$2" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"'
    said = make(tmp_path, lacking)
    assert "its venv module is missing" in said
    assert f"python{sys.version_info.major}.{sys.version_info.minor}-venv" in said or "brew" in said


def test_ci_runs_the_checks_and_the_tests() -> None:
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert script[0] == "#!/usr/bin/env bash"
    assert script[1] == "set -euo pipefail"
    assert script[-2:] == ["make check", "make test"]
