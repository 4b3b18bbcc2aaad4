"""Links from one page to another, whatever the pages are called where they are shown."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

KEY = "pages"


def remember(pages: Mapping[str, st.Page]) -> None:
    """Keep the pages of this visit by their names: a link needs the very object that is navigated by."""
    st.session_state[KEY] = dict(pages)


def show(name: str) -> None:
    """Show a link to the page `name`, with its title; nothing where there is no such page."""
    page = st.session_state.get(KEY, {}).get(name)
    if page is not None:
        st.page_link(page, icon=":material/arrow_forward:", width="content")
