"""Links from one page to another, whatever the pages are called where they are shown."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

KEY = "pages"


def remember(pages: Mapping[str, st.Page]) -> None:
    """Keep the pages of this visit by their names: a link needs the very object that is navigated by."""
    st.session_state[KEY] = dict(pages)


def show(name: str, label: str | None = None, query: Mapping[str, str] | None = None) -> None:
    """Show a link to the page `name`, by its title or `label`; nothing where there is no such page.

    `query` is what stands in its address. The label is Markdown.
    """
    page = _page(name)
    if page is not None:
        st.page_link(
            page,
            label=label,
            icon=":material/arrow_forward:",
            width="content",
            query_params=dict(query) if query else None,
        )


def _page(name: str) -> st.Page | None:
    page: st.Page | None = st.session_state.get(KEY, {}).get(name)
    return page
