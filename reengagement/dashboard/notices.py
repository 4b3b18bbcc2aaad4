"""What every page says above all else, and refreshes by itself: a pause, no consumer, what waits."""

from __future__ import annotations

import streamlit as st

from reengagement import settings
from reengagement.dashboard import data, gate, language
from reengagement.dashboard.data import State
from reengagement.dashboard.problems import shown_in_words
from reengagement.words import Words

REFRESH_SECONDS = 2.0


def show() -> None:
    """Show the notices and keep them fresh."""
    st.fragment(_show_live, run_every=REFRESH_SECONDS)()


def _show_live() -> None:
    gate.check_again()
    with shown_in_words():
        state = data.state(settings.load())
    with st.container():  # one place however many there are, or the page would move and be drawn anew
        _show_notices(state, language.chosen())


def _show_notices(state: State, words: Words) -> None:
    _ = words.gettext
    if state.paused_since is not None:
        st.warning(
            _("Sending is paused since {when}.").format(
                when=words.moment(state.paused_since, state.rules.zone)
            ),
            icon=":material/pause_circle:",
        )
    if not state.consumers:
        st.warning(
            _(
                "No consumer is running, so nothing is sent. "
                "Start one where the dashboard runs: `make worker`"
            ),
            icon=":material/warning:",
        )
    current = settings.load()
    if not (current.vapid_private_key and current.vapid_subject):
        st.warning(
            _(
                "VAPID_PRIVATE_KEY or VAPID_SUBJECT is not set, so push services can't be reached. "
                "Make a key pair: `python -m reengagement vapid`"
            ),
            icon=":material/key:",
        )
    if state.waiting.oldest_at is not None:
        left = words.ngettext(
            "{n} reminder is waiting to be sent", "{n} reminders are waiting to be sent", state.waiting.total
        )
        st.caption(
            _("{left}, the oldest since {when}.").format(
                left=left, when=words.moment(state.waiting.oldest_at, state.rules.zone)
            )
        )
