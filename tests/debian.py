"""Debian's packages that tests and trials need, where apt-get can be used without a password."""

from __future__ import annotations

import os
import shutil
import subprocess

import click


def install(packages: list[str], why: str) -> None:
    """Install packages and say why; where that can't be done, whoever needs it says so."""
    apt = _apt()
    if apt is None:
        return
    click.echo(f"Installing {' and '.join(packages)} with apt-get: {why}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        subprocess.run([*apt, *words], env=environment, check=False)


def _apt() -> list[str] | None:
    """Return how to call apt-get, None if it can't be."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    if shutil.which("sudo") and not subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
        return ["sudo", "-n", "apt-get"]
    return None
