"""All campaigns and all notifications as files, the same rows as `python -m reengagement export`."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from reengagement import export, settings
from reengagement.dashboard import data, gate
from reengagement.export import Sheet
from reengagement.words import Words


def show(words: Words) -> None:
    """Show a button for each sheet; its file is made when the button is pressed."""
    _ = words.gettext
    st.subheader(
        _("Take the data along"),
        anchor=False,
        help=_(
            "Every row as CSV, times in UTC, to be reckoned with elsewhere. `python -m reengagement export` "
            "writes the same, also where there are millions; its option `--describe` explains each column."
        ),
    )
    titles = {"campaigns": _("All campaigns"), "notifications": _("All notifications")}
    with st.container(horizontal=True):
        for name, sheet in export.SHEETS.items():
            st.download_button(
                titles[name],
                data=_only_while_signed_in(sheet),
                file_name=f"{name}.csv",
                mime="text/csv",
                key=f"export_{name}",
                icon=":material/download:",
                on_click="ignore",
            )


def _only_while_signed_in(sheet: Sheet) -> Callable[[], bytes]:
    """Return what makes the file later, outside the script's thread."""
    may_still_pass = gate.for_later()

    def make() -> bytes:
        if not may_still_pass():
            raise PermissionError("the session is over: sign in again")
        with data.snapshot(settings.load()) as connection:
            return "".join(export.lines(connection, sheet)).encode()

    return make
