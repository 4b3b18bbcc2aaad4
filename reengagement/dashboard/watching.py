"""The web process looks after alerts as well: that no consumer is alive, no consumer can tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from reengagement import alerts
from reengagement.settings import Settings

EVERY_SECONDS = 60.0


@contextmanager
def watching(settings: Settings, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Look after alerts in a thread of its own until the block ends."""
    ended = Event()
    thread = Thread(target=_watch, args=(settings, every_seconds, ended), name="alerts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _watch(settings: Settings, every_seconds: float, ended: Event) -> None:
    while not ended.wait(every_seconds):
        alerts.look_after(settings)
