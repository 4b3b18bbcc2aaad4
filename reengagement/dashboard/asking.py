"""A question before a deed that many people feel: what it would do, then yes or no.

It stands below the button that was pressed, which stays enabled: so the keyboard goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from reengagement.dashboard import language


def ask(key: str) -> None:
    """Have the question `key` shown until it is answered."""
    st.session_state[key] = True


def is_asked(key: str) -> bool:
    """Tell whether the visitor is being asked."""
    return key in st.session_state


def withdraw(key: str) -> None:
    """Take the question away without an answer."""
    st.session_state.pop(key, None)


def show(key: str, question: str, yes: str, deed: Callable[..., None], args: tuple[Any, ...]) -> None:
    """Show the question, Markdown, and its answers: `yes` does the deed, the other one nothing."""
    with st.container(border=True):
        st.warning(question)
        with st.container(horizontal=True):
            st.button(yes, key=f"{key}_yes", on_click=_answer, args=(key, deed, args))
            st.button(
                language.chosen().gettext("Cancel"),
                key=f"{key}_no",
                on_click=withdraw,
                args=(key,),
                type="tertiary",
            )


def _answer(key: str, deed: Callable[..., None], args: tuple[Any, ...]) -> None:
    withdraw(key)
    deed(*args)
