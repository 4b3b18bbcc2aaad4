"""The language of a visitor: the URL's `?lang=`, else the browser's; kept from page to page."""

from __future__ import annotations

import streamlit as st

from reengagement.dashboard.words import LANGUAGES, Words, best_language, words

PARAMETER = "lang"


def switch() -> None:
    """Show the switch between languages. The choice is in the URL, so that a link keeps it."""
    st.segmented_control(
        "Язык · Language",
        list(LANGUAGES),
        default=best_language(st.context.locale),
        required=True,
        format_func=str.upper,
        key=PARAMETER,
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
    )


def chosen() -> Words:
    """Return the words of the visitor's language."""
    return words(st.session_state.get(PARAMETER) or best_language(st.context.locale))
