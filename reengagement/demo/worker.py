"""`make worker`: the Procfile's consumer; beside a running demo it is that demo's."""

from __future__ import annotations

import os

from reengagement.demo import beside
from reengagement.demo.launcher import procfile
from reengagement.demo.place import PROJECT
from reengagement.errors import ReengagementError


def main() -> None:
    """Become the consumer, with the environment of the demo that is running, else with our own."""
    try:
        beside.take_its_environment("The consumer")
        command = procfile()["worker"]
    except ReengagementError as error:
        raise SystemExit(f"reengagement: {error}") from None
    os.chdir(PROJECT)
    os.execvp("sh", ["sh", "-c", command])


if __name__ == "__main__":
    main()
