"""Filters that live in the page's address, so that a link shows a colleague the same.

The address is the truth: a widget is set from it, and what is picked goes into it before the page is drawn
anew. What can't be read there is as if it weren't there.

A pick is found by what the widget shows now and showed when it was last drawn, not by a callback: where a
part of the page refreshes itself in the moment of a pick, Streamlit 1.67 calls it within the refresh, and
then draws the page by the address that the browser had before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

ANY = ""

DRAWN = "filters_drawn"
"""Key of the session's state."""


@dataclass(frozen=True)
class _Bound:
    """What a widget was set to when it was last drawn, and what puts a pick into the address."""

    said: Any
    keep: Callable[[Any], None]


@dataclass
class _Drawn:
    """The bound widgets of the page that was drawn last, by key."""

    page: str = ""
    widgets: dict[str, _Bound] = field(default_factory=dict)


def catch_up(page: str) -> None:
    """Put what the visitor has picked on the page of this name into the address, before it is drawn."""
    drawn = _drawn()
    if drawn.page != page:
        st.session_state[DRAWN] = _Drawn(page)
        return
    for key, bound in list(drawn.widgets.items()):
        if key in st.session_state and st.session_state[key] != bound.said:
            bound.keep(st.session_state[key])


@contextmanager
def binding(key: str, said: Any, keep: Callable[[Any], None]) -> Iterator[None]:
    """Draw in the body the widget `key`, set to `said`, which the address says; `keep` puts a pick there.

    Outside of fragments: a page is drawn anew with a pick.
    """
    st.session_state[key] = said
    yield
    _drawn().widgets[key] = _Bound(said, keep)


def _drawn() -> _Drawn:
    found: _Drawn = st.session_state.setdefault(DRAWN, _Drawn())
    return found


def value(name: str, allowed: Iterable[str] | None = None) -> str:
    """Return what the address says for `name`, the empty text if nothing or nothing allowed."""
    asked = st.query_params.get(name, "")
    return asked if allowed is None or asked in allowed else ""


def choose(
    name: str,
    label: str,
    options: Sequence[str],
    named: Callable[[str], str],
    *,
    help: str,
    resets: Sequence[str] = (),
    width: int = 200,
) -> str:
    """Show a choice of one of `options`, the first of which is the default; return it.

    `resets` are names in the address that make no sense after a change, as a place in a list.
    """
    said = value(name, options) or options[0]
    with binding(_key(name), said, _keeping(name, options[0], resets)):
        st.selectbox(
            label, options, format_func=named, key=_key(name), help=help, width=width, filter_mode=None
        )
    return said


def write(
    name: str, label: str, *, help: str, placeholder: str, resets: Sequence[str] = (), width: int = 320
) -> str:
    """Show a field for a text, and return it."""
    said = value(name)
    with binding(_key(name), said, _keeping(name, ANY, resets)):
        st.text_input(label, key=_key(name), help=help, placeholder=placeholder, max_chars=200, width=width)
    return said


def _key(name: str) -> str:
    return f"filter_{name}"


def _keeping(name: str, default: str, resets: Sequence[str]) -> Callable[[str], None]:
    return lambda picked: _put({name: "" if picked == default else picked.strip()}, resets)


def change(values: dict[str, str], resets: Sequence[str] = ()) -> None:
    """Put `values` into the address, take the empty ones and `resets` out: a press, which outdoes a pick."""
    for name in (*values, *resets):
        _drawn().widgets.pop(_key(name), None)
    _put(values, resets)


def _put(values: dict[str, str], resets: Sequence[str]) -> None:
    for name in (*resets, *(name for name, text in values.items() if not text)):
        st.query_params.pop(name, None)
    for name, text in values.items():
        if text and value(name) != text:
            st.query_params[name] = text
