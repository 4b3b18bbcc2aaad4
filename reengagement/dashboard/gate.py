"""Who may see the dashboard: signed-in admins, and nobody else (F1).

Every page calls `require_admin()` first. The answer is read from the database each time, so a session
that was ended in one tab is over in all.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from reengagement import sessions, settings
from reengagement.dashboard import language
from reengagement.dashboard.data import snapshot, transaction
from reengagement.database import clock
from reengagement.errors import ReengagementError

COOKIE = sessions.COOKIE
REFUSED = sessions.REFUSED
GUARD = "reengagement_guard"
"""Key of the session's state: the guard of another dashboard that has taken our pages in."""

NEW_LINK_COMMAND = "python -m reengagement sign-in-link"

BUTTON_STYLE = (
    "font: inherit; font-weight: 600; padding: 0.6rem 1.4rem; border: 0; border-radius: 0.5rem; "
    "color: #fff; background: #1f6f8b; cursor: pointer"
)

log = logging.getLogger(__name__)


def require_admin() -> str:
    """Return the name of who is signed in; for anyone else show the sign-in page and end the script."""
    try:
        name = signed_in()
    except ReengagementError:
        log.exception("can't tell who is signed in")
        _show_out_of_order()
        st.stop()
    if name is None:
        show_sign_in()
        st.stop()
    return name


def is_open() -> bool:
    """Tell whether the visitor may pass; not if that can't be told."""
    try:
        return signed_in() is not None
    except ReengagementError:
        return False


def check_again() -> None:
    """Let what refreshes by itself go on only for who may still see the page: a right ends at once.

    Where another dashboard's guard stands in place of ours, it is asked.
    """
    guard = st.session_state.get(GUARD)
    if guard is not None:
        guard()
    elif not is_open():
        st.rerun()


def for_later() -> Callable[[], bool]:
    """Return what tells later, also outside the script's thread, whether the visitor may still pass.

    Another dashboard's guard can only be asked within a script: where one stands, it has been asked.
    """
    if st.session_state.get(GUARD) is not None:
        return lambda: True
    token = visitor_token()
    return lambda: _who(token) is not None


def signed_in() -> str | None:
    """Return the name of who is signed in, None for a stranger. Raises ReengagementError."""
    return _who(visitor_token())


def _who(token: str | None) -> str | None:
    if token is None:
        return None
    with snapshot(settings.load()) as connection:
        return sessions.who(connection, token, clock(connection))


def visitor_token() -> str | None:
    """Return the token in the visitor's cookie."""
    return st.context.cookies.get(COOKIE)


def sign_out() -> None:
    """End the visitor's session, in every tab, and forget what this one holds. Raises ReengagementError."""
    token = visitor_token()
    if token is not None:
        with transaction(settings.load()) as connection:
            sessions.end(connection, token, clock(connection))
    for key in set(st.session_state) - {language.KEY}:
        del st.session_state[key]


def show_sign_in() -> None:
    """Show the sign-in page: how to get in, and nothing else."""
    _ = language.chosen().gettext
    with _card():
        st.title(_("Sign in"), anchor=False)
        if REFUSED in st.query_params:
            st.warning(_("This link was used already, or it has expired. Ask for a new one."))
        if settings.load().demo:
            st.write(_("This is a demo with invented people. Anyone may look around."))
            _show_demo_button(_("Sign in to the demo"))
            return
        st.write(
            _(
                "Open the one-time link that was printed when the dashboard started. "
                "It works once, within 24 hours. For a new one, run this where the dashboard runs:"
            )
        )
        st.code(NEW_LINK_COMMAND, language=None)


def _show_demo_button(label: str) -> None:
    """Show a form rather than a Streamlit button: only an HTTP answer can set a cookie."""
    action = f"{sessions.PATH}/demo?lang={language.chosen().code}"
    st.html(
        f'<form method="post" action="{action}">'
        f'<button type="submit" style="{BUTTON_STYLE}">{html.escape(label)}</button></form>'
    )


def _show_out_of_order() -> None:
    """Show a stranger that something is wrong, and no more than that: details are in the log."""
    _ = language.chosen().gettext
    with _card():
        st.title(_("Out of order"), anchor=False)
        st.error(_("The database can't be used at the moment. The log of the dashboard says why."))


def _card() -> DeltaGenerator:
    with st.container(horizontal_alignment="center"):
        st.space("large")
        return st.container(border=True, width=520)
