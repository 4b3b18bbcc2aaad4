"""A reminder as a phone's lock screen shows it."""

from __future__ import annotations

import html

import streamlit as st

CARD = """<div style="border: 1px solid rgba(128, 128, 128, .35); border-radius: 1rem; padding: .75rem 1rem;
background: rgba(128, 128, 128, .08); max-width: 24rem; overflow-wrap: anywhere">
<div style="font-weight: 600">{title}</div><div style="opacity: .85">{body}</div></div>"""


def show(title: str, body: str) -> None:
    """Show a title and a body, which may be anybody's text, as they are."""
    st.html(CARD.format(title=html.escape(title), body=html.escape(body)))
