"""Another product's Streamlit dashboard, with pages of its own, that takes ours in.

Its own sign-in stands before our pages in place of ours; prefixed addresses keep the two apart. There is no
folder named `pages/` beside this script: Streamlit would serve what lies in it past any sign-in.
"""

from __future__ import annotations

import streamlit as st

from reengagement.dashboard import build_pages, language

# A real dashboard has accounts; here a visitor says who they are. (Streamlit would show a bare string.)
STAFF = {"Марина": "manager", "Олег": "trainer"}


def managers_only() -> str:
    """Return the manager's name; show anyone else why there is nothing to see, and end the script."""
    name = st.session_state.get("staff")
    if STAFF.get(name) != "manager":
        st.title("Dog school", anchor=False)
        st.info("These pages are for managers. Choose *Марина* on the left.")
        st.stop()
    return str(name)


def home() -> None:
    """Show the host's own page."""
    st.title("Dog school", anchor=False)
    st.write("The host's own page. *Re-engagement* in the menu holds the pages that were taken in.")


def main() -> None:
    """Show the host's dashboard."""
    st.set_page_config(page_title="Dog school", page_icon=":material/school:", layout="wide")
    with st.sidebar:
        st.selectbox("Who are you?", list(STAFF), index=None, key="staff", placeholder="Choose")
        language.switch()
    own = [st.Page(home, title="Home", icon=":material/home:", default=True)]
    ours = build_pages(prefix="re_", guard=managers_only)
    st.navigation({"Dog school": own, "Re-engagement": ours}).run()


main()
