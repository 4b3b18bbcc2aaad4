"""What is done to a text in the library, who did it, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from reengagement import auditing, library, settings
from reengagement.dashboard import data, pressing, text_words
from reengagement.database import clock
from reengagement.errors import ReengagementError, VariantError
from reengagement.library import Revision
from reengagement.variants import Variant
from reengagement.words import Words

FIELDS = ("title", "body", "url")
SAID = "text_said"
"""Key of the session's state: what the last press did, or the error that stopped it."""


def field_key(variant_id: str, field: str) -> str:
    """Return the key of a field of the form."""
    return f"text_{field}_{variant_id}"


def _base_key(variant_id: str) -> str:
    return f"text_base_{variant_id}"


def begin(text: Variant) -> int:
    """Fill the form with the text unless it is being edited; return the revision that it began with."""
    state, base = st.session_state, _base_key(text.id)
    if base not in state or field_key(text.id, FIELDS[0]) not in state:
        state[base] = text.revision
        for field in FIELDS:
            state[field_key(text.id, field)] = getattr(text, field)
    return int(state[base])


def forget(variant_id: str) -> None:
    """Let the form begin anew with what is stored."""
    st.session_state.pop(_base_key(variant_id), None)


def press_save(variant_id: str, base: int, name: str) -> None:
    """Store what stands in the form as a new revision."""
    _edit(
        variant_id,
        {field: st.session_state[field_key(variant_id, field)] or "" for field in FIELDS},
        base,
        name,
    )


def press_restore(variant_id: str, old: Revision, base: int, name: str) -> None:
    """Store an older text as a new revision."""
    _edit(variant_id, {"title": old.title, "body": old.body, "url": old.url}, base, name)


def _edit(variant_id: str, text: Mapping[str, str], base: int, name: str) -> None:
    answer = pressing.kept(SAID)
    try:
        with data.transaction(settings.load()) as connection:
            now = clock(connection)
            number = library.edit(connection, variant_id, **text, by=name, now=now, based_on=base)
            if number != base:
                auditing.note(connection, name, "text_edited", now, variant=variant_id, revision=number)
        answer.what = number
        forget(variant_id)
    except ReengagementError as error:
        answer.what = error


def press_switch(variant_id: str, enabled: bool, name: str) -> None:
    """Switch the text on or off."""
    answer = pressing.kept(SAID)
    try:
        with data.transaction(settings.load()) as connection:
            if library.switch(connection, variant_id, enabled=enabled):
                what: auditing.Action = "text_enabled" if enabled else "text_disabled"
                auditing.note(connection, name, what, clock(connection), variant=variant_id)
    except ReengagementError as error:
        answer.what = error


def show_said(words: Words) -> None:
    """Show once what the last press did."""
    said = pressing.heard(SAID)
    if isinstance(said, VariantError):
        st.error(text_words.refusal(words, said.code))
    elif isinstance(said, ReengagementError):
        st.error(words.gettext("That didn't work."))
        st.code(str(said), language=None, wrap_lines=True)
    elif said is not None:
        st.success(words.gettext("Saved as revision {number}.").format(number=said))
