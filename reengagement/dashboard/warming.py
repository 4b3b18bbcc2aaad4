"""The figures of all time are read ahead, so that whoever opens the overview doesn't wait for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from reengagement.dashboard import data
from reengagement.errors import ReengagementError
from reengagement.settings import Settings

EVERY_SECONDS = 12.0
"""Soon enough: figures are kept for 15."""

MOST_SECONDS = 1.2
"""Where reading takes longer it would keep the database busy for more than a tenth of the time."""

LATER_SECONDS = 600.0

log = logging.getLogger(__name__)


@contextmanager
def keeping_warm(settings: Settings, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Read the figures of all time ahead, in a thread of its own, until the block ends."""
    ended = Event()
    thread = Thread(target=_keep_warm, args=(settings, every_seconds, ended), name="figures", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _keep_warm(settings: Settings, every_seconds: float, ended: Event) -> None:
    wait = 0.0
    while not ended.wait(wait):
        took = _read(settings)
        wait = LATER_SECONDS if took > MOST_SECONDS else max(0.0, every_seconds - took)


def _read(settings: Settings) -> float:
    """Read the figures; return how many seconds that took. Where it can't be done, whoever looks is told."""
    started = time.perf_counter()
    try:
        data.read_ahead(settings)
    except ReengagementError as error:
        log.info("the overview's figures aren't read ahead: %s", error)
    return time.perf_counter() - started
