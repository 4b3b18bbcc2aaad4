"""The language of a visitor: the URL's `?lang=`, else the browser's; kept from page to page."""

from __future__ import annotations

import streamlit as st

from reengagement.words import LANGUAGES, Words, best_language, words

PARAMETER = "lang"
KEY = "language"


def switch() -> None:
    """Show the switch between languages, and put the choice into the URL, so that a link keeps it.

    Not by `bind="query-params"`: that writes the label, drops the choice where it is the browser's own
    language, and so shows it to a colleague in another.
    """
    if KEY not in st.session_state:
        st.session_state[KEY] = _asked_for()
    st.segmented_control(
        "Язык · Language",
        list(LANGUAGES),
        required=True,
        format_func=str.upper,
        key=KEY,
        label_visibility="collapsed",
    )
    code = chosen().code
    if st.query_params.get(PARAMETER, best_language(st.context.locale)) != code:
        st.query_params[PARAMETER] = code


def chosen() -> Words:
    """Return the words of the visitor's language."""
    return words(st.session_state.get(KEY) or _asked_for())


def _asked_for() -> str:
    asked = st.query_params.get(PARAMETER)
    return asked if asked in LANGUAGES else best_language(st.context.locale)
