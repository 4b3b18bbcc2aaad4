"""What is started beside a running demo works on that demo's database."""

from __future__ import annotations

import os
from typing import get_args

import click

from reengagement import settings
from reengagement.demo.fill import Sample
from reengagement.demo.place import Place


def take_its_environment(what: str) -> None:
    """Put the environment of the demo that is running into ours, and say so; without one ours stays.

    `what` is what is being started. Raises SettingsError.
    """
    given = settings.load()
    for sample in sorted(get_args(Sample)):
        place = Place.of(given, sample)
        if place.is_held():
            os.environ.update(place.saved())
            click.echo(f"{what}, beside the demo in {place.folder}")
            return
