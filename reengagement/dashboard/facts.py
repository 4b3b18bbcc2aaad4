"""Small facts beside each other, each with its definition one hover away."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

NARROWEST = 150
"""Pixels: two facts beside each other on a phone."""

Fact = tuple[str, str, str]
"""What it is called, the fact, its definition. The fact may be a stranger's text: it is shown as it is."""


def show(facts: Iterable[Fact], key: str) -> None:
    """Show the facts as a grid."""
    grid = st.grid(4, min_column_width=NARROWEST, key=key)
    for label, text, definition in facts:
        with grid.container(border=True, height="stretch", gap="xxsmall"):
            st.caption(label, help=definition)
            st.text(text)
