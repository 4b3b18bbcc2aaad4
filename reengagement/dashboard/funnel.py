"""How far the reminders of a period reach, step by step."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import charts
from reengagement.dashboard import showing
from reengagement.metrics import Reach
from reengagement.stats import Rate
from reengagement.words import Words


def show(reach: Reach, zone: ZoneInfo, words: Words) -> None:
    """Show the funnel as a chart and as a table."""
    _ = words.gettext
    st.subheader(
        _("Reach"),
        anchor=False,
        help=_(
            "Users with a campaign opened in the period, each counted once, and how many of them a reminder "
            "reached. *Shown* is what browsers report: a lower bound. Who returned needn't have clicked. "
            "Users held out aren't among them."
        ),
    )
    if not reach.users:
        st.info(_("No campaign was opened in this period."))
        return
    steps = _steps(reach, words)
    showing.chart(
        charts.reach(steps, words),
        key="reach",
        alt=", ".join(f"{name}: {words.number(users)}" for name, users in steps),
    )
    showing.table(
        {
            _("Step"): [name for name, _users in steps],
            _("Users"): [users for _name, users in steps],
            _("Of all"): [Rate(users, reach.users) for _name, users in steps],
        },
        key="reach_table",
        zone=zone,
    )


def _steps(reach: Reach, words: Words) -> list[tuple[str, int]]:
    _ = words.gettext
    return [
        (_("In campaigns"), reach.users),
        (_("With a subscription"), reach.subscribed),
        (_("Sent to"), reach.sent),
        (_("Shown (at least)"), reach.shown),
        (_("Pressed it"), reach.clicked),
        (_("Came back"), reach.returned),
    ]
