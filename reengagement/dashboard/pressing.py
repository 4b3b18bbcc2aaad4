"""A press does its deed once, and what came of it is said.

Two habits of Streamlit 1.67 stand against that. A press in the very moment in which a part of the page
refreshes itself arrives twice, with the refresh and by itself. And whatever the visitor does next breaks a
callback off as soon as it touches the session's state: between a deed and the keeping of its answer, the
deed was done and nobody was told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

DOUBLE_CLICK_SECONDS = 2.0
"""The same press this soon after its deed is the same press."""

LAST = "last_press"
"""Key of the session's state."""


@dataclass
class Kept:
    """What is kept for a visitor, as the answer to a press. To set it doesn't touch the session's state."""

    what: Any = None


@dataclass
class _Last:
    """The last press whose deed was done, and when (seconds of the monotonic clock)."""

    what: tuple[Callable[..., None], tuple[Any, ...]] | None = None
    ended: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


def button(label: str, deed: Callable[..., None], args: tuple[Any, ...] = (), **looks: Any) -> None:
    """Show a button that does `deed(*args)`, once for each press; `looks` are those of `st.button`.

    For whatever writes. Equal deed and `args` are the same press, so what tells two apart belongs there.
    """
    st.session_state.setdefault(LAST, _Last())
    st.button(label, on_click=_do, args=(deed, args), **looks)


def _do(deed: Callable[..., None], args: tuple[Any, ...]) -> None:
    last: _Last = st.session_state.setdefault(LAST, _Last())
    with last.lock:
        if last.what == (deed, args) and time.monotonic() - last.ended < DOUBLE_CLICK_SECONDS:
            return
        deed(*args)
        last.what, last.ended = (deed, args), time.monotonic()


def wait_for_deed() -> None:
    """Wait until the deed of a press is done, where one is under way: the page is to show what came of it."""
    last: _Last | None = st.session_state.get(LAST)
    if last is not None:
        with last.lock:
            pass


def kept(key: str) -> Kept:
    """Return what is kept under `key`. A deed takes it before it begins, and sets it when it has ended."""
    found: Kept = st.session_state.setdefault(key, Kept())
    return found


def heard(key: str) -> Any:
    """Return what is kept under `key` once: after that it is None."""
    found = kept(key)
    said, found.what = found.what, None
    return said
