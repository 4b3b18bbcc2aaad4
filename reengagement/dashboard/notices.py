"""What every page says above all else, and refreshes by itself: a pause, what is amiss, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import alerts, settings
from reengagement.alerts import Condition
from reengagement.dashboard import data, gate, language, links, refreshing
from reengagement.dashboard.data import State
from reengagement.dashboard.markdown import escaped
from reengagement.dashboard.problems import shown_in_words
from reengagement.words import Words

REFRESH_SECONDS = 2.0
SAID_BY = {"run_failed": "overview"}
AT_ONCE = 3
"""So many alerts are shown; further ones are a click away."""


def show(here: str) -> None:
    """Show the notices above the page `here` and keep them fresh."""
    refreshing.show(_show_live, REFRESH_SECONDS, here)


def _show_live(here: str) -> None:
    gate.check_again()
    with shown_in_words():
        state = data.state(settings.load())
    with st.container(gap="small"):  # one place however many there are, or the page would be drawn anew
        _show_notices(state, here, language.chosen())


def _show_notices(state: State, here: str, words: Words) -> None:
    _ = words.gettext
    if state.paused_since is not None:
        st.warning(
            _("Sending is paused since {when}.").format(
                when=words.moment(state.paused_since, state.rules.zone)
            ),
            icon=":material/pause_circle:",
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
    _show_amiss(state.amiss, state.rules.zone, here, words)
    if state.waiting.oldest_at is not None:
        left = words.ngettext(
            "{n} reminder is waiting to be sent", "{n} reminders are waiting to be sent", state.waiting.total
        )
        st.caption(
            _("{left}, the oldest since {when}.").format(
                left=left, when=words.moment(state.waiting.oldest_at, state.rules.zone)
            )
        )


def _show_amiss(amiss: Sequence[Condition], zone: ZoneInfo, here: str, words: Words) -> None:
    """Show what is amiss, the worst first, less what the page itself says; it goes when it is mended."""
    amiss = [one for one in amiss if SAID_BY.get(one.kind) != here]
    for one in amiss[:AT_ONCE]:
        _show_one(one, zone, here, words)
    if len(amiss) > AT_ONCE:
        more = words.ngettext("{n} more alert", "{n} more alerts", len(amiss) - AT_ONCE)
        with st.expander(more, icon=":material/notifications:"):
            for one in amiss[AT_ONCE:]:
                _show_one(one, zone, here, words)


def _show_one(one: Condition, zone: ZoneInfo, here: str, words: Words) -> None:
    said = alerts.say(words, one.kind, one.details, zone)
    text = " ".join((f"**{escaped(said.title)}**", *map(escaped, said.more)))
    box, link = st.columns([8, 1], vertical_alignment="center", gap="small")
    with box:
        if one.sure:
            st.warning(text, icon=":material/warning:")
        else:
            st.info(text, icon=":material/trending_down:")
    with link:
        if alerts.PAGES[one.kind] != here:
            links.show(alerts.PAGES[one.kind], query=alerts.query(one.details))
