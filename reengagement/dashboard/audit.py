"""The audit trail: who did what, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import auditing, rules, settings
from reengagement.auditing import ACTIONS, Note, Trail
from reengagement.dashboard import data, labels, language, showing
from reengagement.dashboard.problems import shown_in_words
from reengagement.settings import Settings
from reengagement.words import Words

WHO, WHAT, PAGE = "audit_who", "audit_what", "audit_page"
ON_A_PAGE = 50
IN_THE_FILE = 10_000


@dataclass(frozen=True)
class Seen:
    """What the page shows: a page of the trail, and whose deeds are in it at all."""

    trail: Trail
    names: Sequence[str]
    zone: ZoneInfo


def show(name: str) -> None:
    """Show the trail to the admin `name`."""
    words = language.chosen()
    _ = words.gettext
    st.title(_("Audit trail"), anchor=False)
    st.caption(_("Who did what here and on the command line. It is kept, and nobody can change it here."))
    with shown_in_words():
        seen = _read(settings.load(), limit=ON_A_PAGE)
    _show_filters(seen.names, words)
    if not seen.trail.notes:
        st.info(_("There is nothing like that. Choose other people or actions above."))
        return
    showing.table(
        _columns(seen.trail.notes, words),
        key="audit",
        zone=seen.zone,
        everything=lambda: _columns(_read(settings.load(), limit=IN_THE_FILE).trail.notes, words),
    )
    pages = ceil(seen.trail.total / ON_A_PAGE)
    if pages > 1:
        st.pagination(pages, key=PAGE)


def _read(current: Settings, *, limit: int) -> Seen:
    """Return what the filters ask for; all pages of it where more than one page is wanted."""
    chosen = {"who": st.session_state.get(WHO), "what": st.session_state.get(WHAT)}
    skip = (st.session_state.get(PAGE, 1) - 1) * ON_A_PAGE if limit == ON_A_PAGE else 0
    with data.snapshot(current) as connection:
        return Seen(
            trail=auditing.read(connection, **chosen, skip=skip, limit=limit),
            names=auditing.names(connection),
            zone=rules.in_force(connection, current.rules).rules.zone,
        )


def _show_filters(names: Sequence[str], words: Words) -> None:
    _ = words.gettext
    who, what = st.columns(2)
    who.selectbox(
        _("Who"),
        names,
        index=None,
        key=WHO,
        format_func=lambda name: labels.actor(words, name),
        placeholder=_("Everyone"),
        on_change=_to_the_first_page,
    )
    what.selectbox(
        _("Did what"),
        ACTIONS,
        index=None,
        key=WHAT,
        format_func=lambda action: labels.action(words, action),
        placeholder=_("Everything"),
        on_change=_to_the_first_page,
    )


def _to_the_first_page() -> None:
    st.session_state[PAGE] = 1


def _columns(notes: Sequence[Note], words: Words) -> showing.Columns:
    _ = words.gettext
    return {
        _("When"): [note.at for note in notes],
        _("Who"): [labels.actor(words, note.who) for note in notes],
        _("Did what"): [labels.action(words, note.what) for note in notes],
        _("Details"): [
            " · ".join(labels.detail(words, name, value) for name, value in note.details.items())
            for note in notes
        ],
    }
