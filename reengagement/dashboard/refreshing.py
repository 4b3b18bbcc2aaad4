"""Parts of a page that refresh by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def show(part: Callable[..., None], every_seconds: float, *args: Any) -> None:
    """Show a part of the page and refresh it every so many seconds.

    In a container of its own: where a refresh follows a drawing of the whole page at once, Streamlit 1.67
    sends that drawing without the part, takes the part off, and moves what follows into its place; the
    refresh then draws over it. Within the container nothing follows.
    """
    with st.container():
        st.fragment(part, run_every=every_seconds)(*args)
