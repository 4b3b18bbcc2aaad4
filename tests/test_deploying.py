"""The units and the compose file run what the Procfile runs, and leave a consumer the time that it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reengagement.delivery.draining import STOP_SECONDS

ROOT = Path(__file__).parent.parent
UNITS = {name: ROOT / f"deploy/reengagement-{name}.service" for name in ("consumer", "web")}
COMPOSE = (ROOT / "deploy/compose.yaml").read_text()
PROCFILE = dict(re.findall(r"^(\w+): (.*)$", (ROOT / "Procfile").read_text(), re.M))
PROCFILE["consumer"] = PROCFILE.pop("worker")


def unit(name: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", UNITS[name].read_text(), re.M))


def plain(command: str) -> str:
    """Return the command without its folder and without how long it may take to end."""
    return re.sub(r" -t \d+", "", command.removeprefix("/srv/reengagement/.venv/bin/"))


@pytest.mark.parametrize("name", UNITS)
def test_units_and_containers_run_what_the_procfile_runs(name):
    in_compose = re.search(rf"^  {name}:\n(?:.*\n)*?    command: (.*)$", COMPOSE, re.M)
    assert in_compose
    assert plain(unit(name)["ExecStart"]) == plain(in_compose[1]) == plain(PROCFILE[name])


@pytest.mark.parametrize("name", UNITS)
def test_units_start_again_whatever_ended_them_and_end_by_sigterm(name):
    found = unit(name)
    assert (found["Restart"], found["StartLimitIntervalSec"]) == ("always", "0")
    assert (found["KillSignal"], found["KillMode"]) == ("SIGTERM", "mixed")


def test_a_consumer_may_take_longer_to_end_than_it_does():
    command = unit("consumer")["ExecStart"]
    (its_own,) = re.findall(r" -t (\d+)", command)
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", COMPOSE)
    assert "-g TERM" in command
    assert 2 * STOP_SECONDS < int(its_own) < min(int(unit("consumer")["TimeoutStopSec"]), int(grace))
