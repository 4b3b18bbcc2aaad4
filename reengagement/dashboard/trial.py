"""The calculator: how many users, for how long, until a holdout shows an effect of a given size."""

from __future__ import annotations

import streamlit as st

from reengagement.dashboard import showing
from reengagement.dashboard.impact_data import Impact
from reengagement.rules import Rules
from reengagement.stats import power
from reengagement.words import Words

SHARES = (0.05, 0.10, 0.20, 0.30, 0.50)
POINTS = 3.0
LIKELY_RATE = 0.3
"""A return rate to begin with where there is none to tell."""


@st.fragment
def show(found: Impact, words: Words) -> None:
    """Show the calculator, filled in with what has been seen."""
    _ = words.gettext
    st.subheader(
        _("How long would a holdout take?"),
        anchor=False,
        help=_(
            "Until an effect of this size is seen with probability 80 % (5 % false alarms, two-sided): "
            "campaigns of both groups ÷ campaigns a day, and the time that the last ones need to end."
        ),
    )
    first, second, third = st.columns(3)
    base = first.number_input(
        _("Return rate without reminders, %"), 0.1, 99.0, _base(found), 1.0, format="%.1f", key="trial_base"
    )
    points = second.number_input(
        _("Effect to be seen, percentage points"), 0.5, 50.0, POINTS, 0.5, format="%.1f", key="trial_points"
    )
    daily = third.number_input(
        _("Campaigns a day"), 0.0, None, _daily(found), 1.0, format="%.1f", key="trial_daily"
    )
    if daily <= 0:
        st.info(_("With no new campaigns a trial never ends: enter how many there will be a day."))
        return
    if base + points >= 100:
        st.info(_("No group can return to more than 100 %: choose a smaller rate or effect."))
        return
    _show_trials(base / 100, points / 100, daily, found.rules, words)


def _base(found: Impact) -> float:
    """Return, in percent, the rate of those held out, else of all, else a likely one."""
    for rate in (found.verdict.holdout, found.matured.return_rate):
        if rate.share and not rate.too_few:
            return min(99.0, max(0.1, round(rate.share * 100, 1)))
    return LIKELY_RATE * 100


def _daily(found: Impact) -> float:
    """Return the campaigns a day that were seen, to one decimal: few are not none."""
    return max(0.1, round(found.opened_a_day, 1)) if found.opened_a_day else 0.0


def _show_trials(base: float, points: float, daily: float, rules: Rules, words: Words) -> None:
    _ = words.gettext
    window = rules.window.days
    trials = {share: power.trial(base, points, share, daily, window) for share in SHARES}
    showing.table(
        {
            _("Held out"): [words.percent(share) for share in trials],
            _("Campaigns reminded"): [each and each.treated for each in trials.values()],
            _("Campaigns held out"): [each and each.holdout for each in trials.values()],
            _("Days"): [each and each.days for each in trials.values()],
        },
        key="trials",
        zone=rules.zone,
    )
