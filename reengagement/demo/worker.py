"""`make worker`: the Procfile's consumer; beside a running demo it is that demo's."""

from __future__ import annotations

import os
from typing import get_args

import click

from reengagement import settings
from reengagement.demo.fill import Sample
from reengagement.demo.launcher import procfile
from reengagement.demo.place import PROJECT, Place
from reengagement.errors import ReengagementError


def main() -> None:
    """Become the consumer, with the environment of the demo that is running, else with our own."""
    try:
        given = settings.load()
        places = [Place.of(given, sample) for sample in sorted(get_args(Sample))]
        for place in places:
            if place.is_held():
                os.environ.update(place.saved())
                click.echo(f"The consumer of the demo in {place.folder}")
                break
        command = procfile()["worker"]
    except ReengagementError as error:
        raise SystemExit(f"reengagement: {error}") from None
    os.chdir(PROJECT)
    os.execvp("sh", ["sh", "-c", command])


if __name__ == "__main__":
    main()
