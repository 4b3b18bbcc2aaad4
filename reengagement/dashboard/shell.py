"""The script that Streamlit executes: language, gate, navigation.

It lies here and not beside `pages/`: with a folder of that name beside it, Streamlit would run a page
directly, past this gate, until the process has called `st.navigation` once.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from reengagement.dashboard import gate, language
from reengagement.dashboard.words import Words

PAGES = Path(__file__).resolve().parents[2] / "pages"
ICON = ":material/pets:"


def main() -> None:
    """Show the page that the visitor asked for, or the sign-in page."""
    st.set_page_config(page_title="Reengagement", page_icon=ICON, layout="wide")
    head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    with head:
        st.markdown(f"**{ICON} Reengagement**", width="content")
        controls = st.container(horizontal=True, width="content", vertical_alignment="center")
    with controls:
        language.switch()
    if not gate.is_open():
        st.navigation([st.Page(_closed, title="Reengagement", default=True)], position="hidden").run()
        return
    with controls:
        st.button(language.chosen().gettext("Sign out"), on_click=gate.sign_out, type="tertiary")
    st.navigation(_pages(language.chosen()), position="top").run()


def _closed() -> None:
    """Show a stranger the sign-in page, whatever the address: not even the names of pages."""
    gate.require_admin()


def _pages(words: Words) -> list[StreamlitPage]:
    _ = words.gettext
    return [
        st.Page(PAGES / "overview.py", title=_("Overview"), icon=":material/monitoring:", default=True),
    ]


if __name__ == "__main__":
    main()
