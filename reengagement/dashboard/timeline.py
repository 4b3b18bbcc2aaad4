"""A time line: what happened when, one below the other."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

LINE = "list-style: none; margin: 0; padding: 0 0 0 .4rem"
ITEM = "position: relative; padding: 0 0 1rem 1.4rem; border-left: 2px solid {line}; overflow-wrap: anywhere"
DOT = (
    "position: absolute; left: -7px; top: .35rem; width: 12px; height: 12px; border-radius: 50%; "
    "background: {fill}; border: 2px solid {edge}; box-sizing: border-box"
)
WHEN = "font-size: .85rem; opacity: .75"

GREY = "#8b95a3"
BLUE = "#2b7bba"
GREEN = "#2f8f5b"
ORANGE = "#d97706"


@dataclass(frozen=True)
class Moment:
    """One entry: when, what, and the dot's colour; one that lies ahead has an empty dot."""

    when: str
    what: str
    colour: str = GREY
    ahead: bool = False


def show(moments: Sequence[Moment]) -> None:
    """Show the moments in the order given; their texts are shown as they are."""
    st.html(f'<ol style="{LINE}">{"".join(map(_item, moments))}</ol>')


def _item(moment: Moment) -> str:
    dot = DOT.format(fill="transparent" if moment.ahead else moment.colour, edge=moment.colour)
    line = ITEM.format(line="rgba(128, 128, 128, .35)")
    return (
        f'<li style="{line}"><span aria-hidden="true" style="{dot}"></span>'
        f'<div style="{WHEN}">{html.escape(moment.when)}</div><div>{html.escape(moment.what)}</div></li>'
    )
