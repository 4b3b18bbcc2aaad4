"""The totals of the overview, which refresh by themselves."""

from __future__ import annotations

import streamlit as st

from reengagement import settings
from reengagement.dashboard import data, gate, language
from reengagement.dashboard.problems import shown_in_words
from reengagement.metrics import LastRun, Totals
from reengagement.rules import Rules
from reengagement.stats import Rate
from reengagement.words import Words

REFRESH_SECONDS = 2.0
NARROWEST_CARD = 150
"""Pixels: two cards beside each other on a phone."""

REFRESH_SHARE = 0.05
"""Totals are read again every two seconds, less often where reading them would keep the database busy
for more than this share of the time."""


def show(rules: Rules, run_seen: LastRun | None, reading_took: float) -> None:
    """Show the totals and keep them fresh; `run_seen` is the last run that the rest of the page knows."""
    every = max(REFRESH_SECONDS, reading_took / REFRESH_SHARE)
    st.fragment(_show_live, run_every=every)(rules, run_seen)


def _show_live(rules: Rules, run_seen: LastRun | None) -> None:
    """Show the totals once; draw the whole page anew where a run has begun or ended meanwhile."""
    gate.check_again()
    with shown_in_words():
        live = data.live(settings.load())
    if _changed(live.last_run, run_seen):
        st.rerun()
    _show_totals(live.totals, rules, language.chosen())


def _changed(run: LastRun | None, seen: LastRun | None) -> bool:
    """Tell whether a run has begun or ended since `seen`."""
    return (run and (run.id, run.state)) != (seen and (seen.id, seen.state))


def _show_totals(totals: Totals, rules: Rules, words: Words) -> None:
    grid = st.grid(4, min_column_width=NARROWEST_CARD, key="totals")
    for label, number, definition in _counts(totals, rules, words):
        grid.metric(label, words.number(number), help=definition, border=True, height="stretch")
    for label, rate, definition in _rates(totals, words):
        too_few = words.gettext("too few to tell") if rate.n and rate.too_few else None
        grid.metric(
            label,
            words.percent(rate.share),
            too_few,
            delta_color="off",
            delta_arrow="off",
            help=definition,
            border=True,
            height="stretch",
        )


def _counts(totals: Totals, rules: Rules, words: Words) -> list[tuple[str, int, str]]:
    """Return label, figure and definition (F2)."""
    _ = words.gettext
    returned = words.ngettext(
        "Campaigns whose user completed a step within {n} day after it was opened.",
        "Campaigns whose user completed a step within {n} days after it was opened.",
        rules.window.days,
    )
    sent = _(
        "Notifications accepted by at least one push service. Queued, failed and unreachable ones "
        "are not sent; a user with three devices counts once."
    )
    return [
        (_("Total campaigns"), totals.campaigns, _("Campaigns opened: one for each time a user lapsed.")),
        (_("Active campaigns"), totals.active, _("Campaigns that are open: the user hasn't come back yet.")),
        (_("Returned"), totals.returned, returned),
        (_("Opted out"), totals.opted_out, _("Campaigns whose user wants no more reminders.")),
        (_("Sent"), totals.sent, sent),
        (_("Clicked"), totals.clicked, _("Notifications that were pressed, each counted once.")),
    ]


def _rates(totals: Totals, words: Words) -> list[tuple[str, Rate, str]]:
    """Return label, rate and definition (F2)."""
    _ = words.gettext
    return [
        (
            _("Click rate"),
            totals.click_rate,
            _("Clicked ÷ sent. With nothing sent there is no rate; below 30 it tells nothing yet."),
        ),
        (
            _("Return rate"),
            totals.return_rate,
            _("Returned ÷ campaigns, reachable or not. Those just opened count too and may yet return."),
        ),
    ]
