"""Who may see the dashboard: signed-in admins, and nobody else (F1).

Every page calls `require_admin()` first. The answer is read from the database each time, so a session
that was ended in one tab is over in all, and a role that was taken away is so at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import streamlit as st

from reengagement import claims, sessions, settings
from reengagement.dashboard import language, routes, sign_in
from reengagement.dashboard.data import snapshot, transaction
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.errors import ReengagementError

COOKIE = sessions.COOKIE
GUARD = "reengagement_guard"
"""Key of the session's state: the guard of another dashboard that has taken our pages in."""

log = logging.getLogger(__name__)


def require_admin() -> str:
    """Return the name of who is signed in; for anyone else show the sign-in page and end the script."""
    try:
        name = signed_in()
    except ReengagementError:
        log.exception("can't tell who is signed in")
        sign_in.show_out_of_order()
        st.stop()
    if name is None:
        sign_in.show(known_to_provider=visitor_claims() is not None)
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

    The browser then loads the page anew. A script run (`st.rerun`) would be followed by what else was due
    to refresh at that moment; that has no place on the sign-in page, and Streamlit showed nothing at all.
    Where the database is away the part says so in its place, and what is typed beside it stays. Where
    another dashboard's guard stands in place of ours, it is asked.
    """
    guard = st.session_state.get(GUARD)
    if guard is not None:
        guard()
        return
    with shown_in_words():
        gone = signed_in() is None
    if gone:
        st.html(f'<script src="{sessions.PATH}{routes.LOAD_AGAIN}"></script>', unsafe_allow_javascript=True)
        st.stop()


def for_later() -> Callable[[], bool]:
    """Return what tells later, also outside the script's thread, whether the visitor may still pass.

    Another dashboard's guard can only be asked within a script: where one stands, it has been asked.
    """
    if st.session_state.get(GUARD) is not None:
        return lambda: True
    token, said = visitor_token(), visitor_claims()
    return lambda: _who(token, said) is not None


def signed_in() -> str | None:
    """Return the name of who is signed in, None for a stranger. Raises ReengagementError."""
    return _who(visitor_token(), visitor_claims())


def _who(token: str | None, said: claims.Claims | None) -> str | None:
    if token is None and said is None:
        return None
    current = settings.load()
    with snapshot(current) as connection:
        now = clock(connection)
        name = sessions.who(connection, current, token, now) if token is not None else None
        if name is None and said is not None:
            name = sessions.who(connection, current, claims.key_of(said), now, provider=True)
    return name if name is not None or said is None else _admitted(said)


def _admitted(said: claims.Claims) -> str | None:
    """Open a session for a sign-in at the provider that wasn't seen before; return who it is."""
    current = settings.load()
    with transaction(current) as connection:
        return claims.admit(connection, current, said, clock(connection))


def visitor_token() -> str | None:
    """Return the token in the visitor's cookie."""
    return st.context.cookies.get(COOKIE)


def visitor_claims() -> claims.Claims | None:
    """Return what the OpenID Connect provider says of the visitor; None where they didn't sign in there."""
    if "oidc" not in settings.load().doors or not st.user.get("is_logged_in"):
        return None
    return st.user.to_dict()


def sign_out() -> None:
    """End the visitor's session, in every tab, and forget what this one holds. Raises ReengagementError."""
    token, said = visitor_token(), visitor_claims()
    with transaction(settings.load()) as connection:
        now = clock(connection)
        for key in (token, claims.key_of(said) if said is not None else None):
            if key is not None:
                sessions.end(connection, key, now)
    for kept in set(st.session_state) - {language.KEY}:
        del st.session_state[kept]
    if said is not None:
        st.logout()
