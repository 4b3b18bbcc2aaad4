"""Errors on a page: what happened, in the visitor's language, and the error's own sentence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from reengagement.dashboard import language
from reengagement.errors import DatabaseError, ReengagementError

log = logging.getLogger(__name__)


@contextmanager
def shown_in_words(other_than: type[ReengagementError] | None = None) -> Iterator[None]:
    """Show a ReengagementError of the block on the page and end the script; `other_than` passes."""
    try:
        yield
    except ReengagementError as error:
        if other_than and isinstance(error, other_than):
            raise
        log.error("a page can't be shown: %s", error)
        _ = language.chosen().gettext
        database = _("The database can't be used at the moment, so there is nothing to show.")
        other = _("This page can't be shown until the following is mended.")
        st.error(database if isinstance(error, DatabaseError) else other)
        st.code(str(error), language=None, wrap_lines=True)
        st.stop()
