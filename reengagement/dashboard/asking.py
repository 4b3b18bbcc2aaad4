"""A question before a deed that many people feel: what it would do, then yes or no.

It stands below the button that was pressed, which stays enabled: so the keyboard goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from reengagement.dashboard import language, pressing


def ask(key: str) -> None:
    """Have the question `key` shown until it is answered."""
    pressing.kept(key).what = True


def is_asked(key: str) -> bool:
    """Tell whether the visitor is being asked."""
    return bool(pressing.kept(key).what)


def withdraw(key: str) -> None:
    """Take the question away without an answer."""
    pressing.kept(key).what = None


def show(key: str, question: str, yes: str, deed: Callable[..., None], args: tuple[Any, ...]) -> None:
    """Show the question, Markdown, and its answers: `yes` does the deed, the other one nothing."""
    with st.container(border=True):
        st.warning(question)
        with st.container(horizontal=True):
            pressing.button(yes, _answer, (key, deed, args), key=f"{key}_yes")
            pressing.button(
                language.chosen().gettext("Cancel"), withdraw, (key,), key=f"{key}_no", type="tertiary"
            )


def _answer(key: str, deed: Callable[..., None], args: tuple[Any, ...]) -> None:
    question = pressing.kept(key)
    deed(*args)
    question.what = None
