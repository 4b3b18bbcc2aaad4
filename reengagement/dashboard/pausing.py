"""The switch that pauses all sending, wherever a page offers it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import pause, settings
from reengagement.dashboard import data, language
from reengagement.database import clock
from reengagement.errors import ReengagementError

FAILED = "pausing_failed"
"""Key of the session's state: why the last press did nothing."""


def show(paused_since: datetime | None, zone: ZoneInfo, by: str) -> None:
    """Show whether sending is paused, and the button that pauses or resumes it in the name of `by`."""
    words = language.chosen()
    _ = words.gettext
    with st.container(horizontal=True, vertical_alignment="center", key="pausing"):
        if paused_since is None:
            st.button(
                _("Pause all sending"),
                key="pause",
                icon=":material/pause:",
                help=_(
                    "Nothing leaves until it is resumed. Planning goes on, and no reminder expires meanwhile."
                ),
                on_click=_press,
                args=(_pause, by),
            )
            st.text(_("Reminders leave as they become due."))
        else:
            st.button(
                _("Resume sending"),
                key="resume",
                type="primary",
                icon=":material/play_arrow:",
                help=_("What waits leaves at once, at any time of the day."),
                on_click=_press,
                args=(_resume, by),
            )
            st.text(_("Sending is paused since {when}.").format(when=words.moment(paused_since, zone)))
    failed = st.session_state.pop(FAILED, None)
    if failed:
        st.error(_("That didn't work."))
        st.code(failed, language=None, wrap_lines=True)


def _press(deed: Callable[[str], None], by: str) -> None:
    try:
        deed(by)
    except ReengagementError as error:
        st.session_state[FAILED] = str(error)


def _pause(by: str) -> None:
    with data.transaction(settings.load()) as connection:
        pause.pause(connection, by=by, now=clock(connection))


def _resume(by: str) -> None:
    with data.transaction(settings.load()) as connection:
        pause.resume(connection, by=by, now=clock(connection))
