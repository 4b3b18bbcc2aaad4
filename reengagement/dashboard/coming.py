"""What comes next for one user, and when; and the phones it would go to."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from reengagement.dashboard import facts, labels, showing
from reengagement.explaining import Explanation
from reengagement.levels import NextLevel
from reengagement.words import NOTHING, Words

REMINDS = ("reminder", "too_soon", "opening_later")
"""After these a reminder comes; after the others none, as far as can be told."""


def show(one: Explanation, words: Words) -> None:
    """Show the sentence, and how the day follows from the rules."""
    text = sentence(one, words)
    if one.coming in REMINDS:
        st.success(text, icon=":material/event_upcoming:")
    else:
        st.info(text, icon=":material/event_busy:")
    if one.closes and one.coming != "closing":
        st.info(_closing(one.closes, words), icon=":material/flag:")
    if one.next and one.coming in REMINDS:
        facts.show(_dates(one, one.next, words), key="next_level")


def sentence(one: Explanation, words: Words) -> str:
    """Return what comes next, in words (`explaining.COMING`)."""
    if one.coming == "closing" and one.closes:
        return _closing(one.closes, words)
    _ = words.gettext
    level = labels.level(words, one.next.level if one.next else 1)
    run, due = _when(one.run_at, one, words), _when(one.expected_at, one, words)
    known = {
        "reminder": _("{level} is due. The next run writes the reminder: {run}."),
        "too_soon": _("{level} falls due on {due}. The run that writes the reminder: {run}."),
        "queued": _("{level} is in the queue and leaves as soon as a consumer takes it."),
        "all_sent": _("Every level has had its reminder. The campaign stays open for a return."),
        "older_system": _("{level} was written by an older system. It is never sent again, nor passed over."),
        "refused": _("{level} is held back: the user refuses reminders in the product's settings."),
        "holdout": _("The user is in the holdout: the campaign is watched, and nothing is sent."),
        "opening_later": _("If nothing is done until {due}, a campaign opens with the run of {run}."),
        "nothing": _("No reminder comes: a rule below holds the user back."),
    }
    return known[one.coming].format(level=level, run=run, due=due)


def _closing(reason: str, words: Words) -> str:
    _ = words.gettext
    return {
        "returned": _("The next run closes the open campaign: the user came back."),
        "exhausted": _("The next run closes the open campaign: every level is over, and so is the window."),
        "opted_out": _("The next run closes the open campaign: the user has opted out."),
    }[reason]


def _dates(one: Explanation, upcoming: NextLevel, words: Words) -> list[facts.Fact]:
    _ = words.gettext
    return [
        (_("Next level"), labels.level(words, upcoming.level), _("The level whose reminder comes next.")),
        (
            _("By inactivity"),
            _when(upcoming.by_lapse_at, one, words),
            _("The last activity and the day of the level: {days}.").format(
                days=words.ngettext("{n} day", "{n} days", one.rules.level_days[upcoming.level - 1])
            ),
        ),
        (
            _("By the gap"),
            _when(upcoming.by_gap_at, one, words),
            _("The last reminder and the least time between two: {days}.").format(
                days=words.ngettext("{n} day", "{n} days", one.rules.gap_days)
            ),
        ),
        (_("Run"), _when(one.run_at, one, words), _("The first scheduled run after the later of the two.")),
    ]


def _when(moment: datetime | None, one: Explanation, words: Words) -> str:
    return words.moment(moment, one.rules.zone) if moment else NOTHING


def show_phones(one: Explanation, words: Words) -> None:
    """Show the subscriptions by push service."""
    _ = words.gettext
    st.subheader(
        _("Subscriptions"),
        anchor=False,
        help=_("Where a reminder would go now, by push service. Their addresses are secret and not shown."),
    )
    if not one.phones:
        st.info(_("None: a reminder can't reach this user. Levels pass, and nothing counts as sent."))
        return
    showing.table(
        {
            _("Push service"): [phones.push_service for phones in one.phones],
            _("Subscriptions"): [phones.count for phones in one.phones],
            _("Supported"): [_("yes") if phones.supported else _("no") for phones in one.phones],
        },
        key="phones",
        zone=one.rules.zone,
    )
