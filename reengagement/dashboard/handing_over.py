"""What a page has drawn reaches the browser, also where a part of it refreshes itself right afterwards.

A script's output goes through the server's event loop. If a refresh is asked for after the script's thread
has ended, but before the loop got to its output, Streamlit 1.67 starts a new thread and throws that output
away as one of "a non-current ScriptRunner": the page stays as it was. So the thread waits for the loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_SECONDS = 5.0
"""A loop that is later than this has other troubles."""

_loops: list[asyncio.AbstractEventLoop] = []


@contextmanager
def running_here() -> Iterator[None]:
    """Say that the running event loop is the server's, while the body runs."""
    _loops.append(asyncio.get_running_loop())
    try:
        yield
    finally:
        _loops.pop()


def wait() -> None:
    """Wait until the loop has taken what the script has drawn so far; not in another product's server."""
    if not _loops:
        return
    taken = threading.Event()
    _loops[-1].call_soon_threadsafe(taken.set)
    taken.wait(LONGEST_SECONDS)
