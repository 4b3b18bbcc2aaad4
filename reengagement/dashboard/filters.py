"""Filters that live in the page's address, so that a link shows a colleague the same.

The address is the truth: a widget is set from it, and a change goes into it before the page is drawn anew.
What can't be read there is as if it weren't there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

ANY = ""


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
    key = f"filter_{name}"
    st.session_state[key] = value(name, options) or options[0]
    chosen: str = st.selectbox(
        label,
        options,
        format_func=named,
        key=key,
        help=help,
        width=width,
        filter_mode=None,
        on_change=_keep,
        args=(name, key, options[0], resets),
    )
    return chosen


def write(
    name: str, label: str, *, help: str, placeholder: str, resets: Sequence[str] = (), width: int = 320
) -> str:
    """Show a field for a text, and return it."""
    key = f"filter_{name}"
    st.session_state[key] = value(name)
    written: str = st.text_input(
        label,
        key=key,
        help=help,
        placeholder=placeholder,
        max_chars=200,
        width=width,
        on_change=_keep,
        args=(name, key, ANY, resets),
    )
    return written


def _keep(name: str, key: str, default: str, resets: Sequence[str]) -> None:
    change({name: "" if st.session_state[key] == default else st.session_state[key].strip()}, resets)


def change(values: dict[str, str], resets: Sequence[str] = ()) -> None:
    """Put `values` into the address, take the empty ones and `resets` out."""
    for name in (*resets, *(name for name, text in values.items() if not text)):
        st.query_params.pop(name, None)
    for name, text in values.items():
        if text:
            st.query_params[name] = text
