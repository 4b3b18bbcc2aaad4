"""The script that Streamlit executes: language, gate, navigation.

It lies here and not beside `pages/`: with a folder of that name beside it, Streamlit would run a page
directly, past this gate, until the process has called `st.navigation` once.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from reengagement.dashboard import gate, language, navigation, pressing

TITLE = "Reengagement"
ICON = ":material/pets:"
TAB_ICON = Path(__file__).with_name("icon.svg")  # for a Material icon the browser asks another site


def main() -> None:
    """Show the page that the visitor asked for, or the sign-in page."""
    st.set_page_config(page_title=TITLE, page_icon=str(TAB_ICON), layout="wide")
    head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    with head:
        st.markdown(f"**{ICON} {TITLE}**", width="content")
        controls = st.container(horizontal=True, width="content", vertical_alignment="center")
    with controls:
        language.switch()
    words = language.chosen()
    if not gate.is_open():
        st.navigation(_closed_pages(), position="hidden").run()
        return
    with controls:
        pressing.button(words.gettext("Sign out"), gate.sign_out, type="tertiary")
    st.navigation(navigation.scripts(words), position="top").run()


def _closed_pages() -> list[st.Page]:
    """Return the sign-in page for `/` and for the address asked for: a stranger learns of no page."""
    asked_for = urlsplit(st.context.url or "").path.rpartition("/")[2]
    closed = [st.Page(_closed, title=TITLE, default=True)]
    if asked_for:
        closed.append(st.Page(_closed, title=TITLE, url_path=asked_for))
    return closed


def _closed() -> None:
    gate.require_admin()


if __name__ == "__main__":
    main()
