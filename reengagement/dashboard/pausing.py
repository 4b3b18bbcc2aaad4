"""The switch that pauses all sending, wherever a page offers it: pausing asks first, resuming doesn't."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import metrics, pause, settings
from reengagement.dashboard import asking, data, language, pressing
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.errors import ReengagementError
from reengagement.words import Words

FAILED, ASKED = "pausing_failed", "pausing_asked"
"""Keys of the session's state: why the last press did nothing, and the question whether to pause."""


def show(paused_since: datetime | None, zone: ZoneInfo, by: str) -> None:
    """Show whether sending is paused, and the button that pauses or resumes it in the name of `by`."""
    words = language.chosen()
    _ = words.gettext
    with st.container(horizontal=True, vertical_alignment="center", key="pausing"):
        if paused_since is None:
            pressing.button(
                _("Pause all sending"),
                asking.ask,
                (ASKED,),
                key="pause",
                icon=":material/pause:",
                help=_(
                    "Nothing leaves until it is resumed. Planning goes on, and no reminder expires meanwhile."
                ),
            )
            st.text(_("Reminders leave as they become due."))
        else:
            pressing.button(
                _("Resume sending"),
                _press,
                (_resume, by),
                key="resume",
                type="primary",
                icon=":material/play_arrow:",
                help=_("What waits leaves at once, at any time of the day."),
            )
            st.text(_("Sending is paused since {when}.").format(when=words.moment(paused_since, zone)))
    _show_question(paused_since is not None, by, words)
    failed = pressing.heard(FAILED)
    if failed:
        st.error(_("That didn't work."))
        st.code(failed, language=None, wrap_lines=True)


def _show_question(is_paused: bool, by: str, words: Words) -> None:
    """Show, after a press, how much a pause would hold, and ask; not where someone has paused meanwhile."""
    if is_paused:
        asking.withdraw(ASKED)
    if not asking.is_asked(ASKED):
        return
    with shown_in_words(), data.snapshot(settings.load()) as connection:
        waiting = metrics.waiting(connection).deliveries.get("queued", 0)
    held = words.ngettext(
        "{n} delivery is waiting now. Nothing leaves until sending is resumed.",
        "{n} deliveries are waiting now. Nothing leaves until sending is resumed.",
        waiting,
    )
    kept = words.gettext("Nothing expires meanwhile. What a push service has taken already still arrives.")
    asking.show(ASKED, f"{held} {kept}", words.gettext("Pause"), _press, (_pause, by))


def _press(deed: Callable[[str], None], by: str) -> None:
    answer = pressing.kept(FAILED)
    try:
        deed(by)
    except ReengagementError as error:
        answer.what = str(error)


def _pause(by: str) -> None:
    with data.transaction(settings.load()) as connection:
        pause.pause(connection, by=by, now=clock(connection))


def _resume(by: str) -> None:
    with data.transaction(settings.load()) as connection:
        pause.resume(connection, by=by, now=clock(connection))
