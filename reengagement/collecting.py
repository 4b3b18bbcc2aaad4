"""Python's garbage collector during work that makes many short-lived objects and no cycles to speak of."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (100_000, 50, 50)
CONNECTIONS = 200
"""So many connections that failed are worth a look: it takes 20 ms, and they hold 60 MB."""


class Debris:
    """What connections that failed leave: cycles of a few objects, which hold OpenSSL's memory unseen.

    Python counts objects, not bytes, and would look when a gigabyte is held.
    """

    def __init__(self) -> None:
        self._connections = 0

    def add(self, connections: int) -> None:
        """Count connections that failed; free what they left once there are CONNECTIONS of them."""
        self._connections += connections
        if self._connections >= CONNECTIONS:
            self._connections = 0
            gc.collect()


@contextmanager
def rarely() -> Iterator[None]:
    """Let Python look for cycles less often meanwhile: a drain takes a tenth less time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
