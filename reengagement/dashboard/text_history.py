"""All that a text has been, with who wrote it and when; an older one can be restored."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement.dashboard import pressing, showing, text_deeds
from reengagement.library import Revision
from reengagement.variants import SEEDED_BY, Variant
from reengagement.words import Words


def show(text: Variant, revisions: Sequence[Revision], zone: ZoneInfo, name: str, words: Words) -> None:
    """Show the revisions, newest first, and a button that restores the chosen one."""
    _ = words.gettext
    st.subheader(
        _("Revisions"),
        anchor=False,
        help=_("Every text is kept, so that it stays known what users were sent."),
    )
    st.caption(_("Select an older revision to restore its text."))
    answer = showing.table(
        {
            _("Revision"): [one.number for one in revisions],
            _("Title"): [one.title for one in revisions],
            _("Body"): [one.body for one in revisions],
            _("Link"): [one.url for one in revisions],
            _("By"): [_("came with the plugin") if one.by == SEEDED_BY else one.by for one in revisions],
            _("When"): [one.at for one in revisions],
        },
        key="revisions",
        zone=zone,
        on_select="rerun",
        selection_mode="single-row",
    )
    picked = [revisions[row] for row in answer.selection.rows if row < len(revisions)]
    if picked and picked[0].number != text.revision:
        _show_restoring(text, picked[0], name, words)


def _show_restoring(text: Variant, old: Revision, name: str, words: Words) -> None:
    """Show the button that stores an older text anew."""
    pressing.button(
        words.gettext("Restore revision {number}").format(number=old.number),
        text_deeds.press_restore,
        (text.id, old, text.revision, name),
        key="text_restore",
        icon=":material/history:",
    )
