"""Which texts and types of text do better at their level, with a badge once it is certain."""

from __future__ import annotations

from math import floor
from typing import Any, Literal
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import settings
from reengagement.dashboard import gate, impact_data, labels, showing
from reengagement.dashboard.problems import shown_in_words
from reengagement.metrics.choices import Compared
from reengagement.words import Words


@st.fragment
def show(words: Words, zone: ZoneInfo) -> None:
    """Show every type and text beside the rest of its level, by clicks or by returns."""
    gate.check_again()
    _ = words.gettext
    st.subheader(
        _("Which texts do better"),
        anchor=False,
        help=_(
            "Within a level chance chooses the text, so a difference is the text's own. A badge says that a "
            "text or a type does better than the rest of its level, and by at least how much. It may be "
            "looked at daily: the probability that this page ever shows a wrong one is at most 5 % "
            "(betting martingale, Howard et al. 2021). Users with a pet are compared among themselves."
        ),
    )
    outcome: Literal["click", "return"] = (
        st.segmented_control(
            _("Compared by"),
            ["click", "return"],
            format_func={"click": _("Clicks"), "return": _("Returns")}.__getitem__,
            default="click",
            required=True,
            key="better_by",
        )
        or "click"
    )
    with shown_in_words():
        rows = impact_data.texts(settings.load(), outcome)
    if not any(row.with_pet.n or row.without_pet.n for row in rows):
        st.info(
            _("Nothing has been sent yet that has had its time: 72 hours for clicks, 7 days for returns.")
        )
        return
    if not any(row.is_better for row in rows):
        st.caption(_("No text and no type is certain to do better than the rest of its level yet."))
    _show_rows([row for row in rows if row.variant_id is None], words, zone, "better_types")
    with st.expander(_("Text by text")):
        _show_rows([row for row in rows if row.variant_id is not None], words, zone, "better_variants")


def _show_rows(rows: list[Compared], words: Words, zone: ZoneInfo, key: str) -> None:
    _ = words.gettext
    columns: dict[str, list[Any]] = {
        _("Level"): [row.level for row in rows],
        _("Message type"): [labels.message_type(words, row.message_type) for row in rows],
    }
    if any(row.variant_id for row in rows):
        columns[_("Text")] = [row.variant_id for row in rows]
    columns |= {
        _("Sent"): [row.with_pet.n + row.without_pet.n for row in rows],
        _("With a pet"): [row.with_pet for row in rows],
        _("Without a pet"): [row.without_pet for row in rows],
        _("Better"): [badge(row, words) for row in rows],
    }
    showing.table(columns, key=key, zone=zone)


def badge(row: Compared, words: Words) -> str:
    """Return the badge, with the factor that it is certain of, or nothing."""
    if not row.is_better:
        return ""
    factor = words.number(floor(row.better_by * 100) / 100)
    return words.gettext("🏅 at least {factor} times as often").format(factor=factor)
