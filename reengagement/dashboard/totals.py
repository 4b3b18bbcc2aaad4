"""The totals of the overview, which refresh by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from reengagement import settings
from reengagement.dashboard import data, gate, language, refreshing
from reengagement.dashboard.data import Live, Overview
from reengagement.dashboard.problems import shown_in_words
from reengagement.metrics import Day, LastRun
from reengagement.stats import Rate
from reengagement.words import Words

REFRESH_SECONDS = 2.0
NARROWEST_CARD = 150
"""Pixels: two cards beside each other on a phone."""

REFRESH_SHARE = 0.05
"""Totals are read again every two seconds, less often where reading them would keep the database busy
for more than this share of the time."""


DAYS_IN_A_COURSE = 90

Arrow = Literal["up", "down", "off"]


@dataclass(frozen=True)
class Change:
    """How a figure differs from the period before; without one it says nothing."""

    text: str | None = None
    arrow: Arrow = "off"
    color: Literal["green", "red", "gray"] = "gray"
    before: str | None = None


@dataclass(frozen=True)
class Card:
    """One figure, its definition, how it changed, and its course over the days."""

    label: str
    figure: str
    definition: str
    change: Change
    course: list[int] | None = None
    beside: str | None = None
    """What stands beside the figure where there is no period to compare with."""


def show(found: Overview) -> None:
    """Show the totals of the overview and keep them fresh."""
    every = max(REFRESH_SECONDS, found.seconds / REFRESH_SHARE)
    refreshing.show(_show_live, every, found)


def _show_live(found: Overview) -> None:
    """Show the totals once; draw the whole page anew where a run has begun or ended meanwhile."""
    gate.check_again()
    with shown_in_words():
        live = data.live(settings.load(), found.period, found.before)
    if _changed(live.last_run, found.last_run):
        st.rerun()
    _show_totals(live, found, language.chosen())


def _changed(run: LastRun | None, seen: LastRun | None) -> bool:
    """Tell whether a run has begun or ended since `seen`."""
    return (run and (run.id, run.state)) != (seen and (seen.id, seen.state))


def _show_totals(live: Live, found: Overview, words: Words) -> None:
    grid = st.grid(4, min_column_width=NARROWEST_CARD, key="totals")
    for card in [*_counts(live, found, words), *_rates(live, found, words)]:
        grid.metric(
            card.label,
            card.figure,
            card.change.text,
            help=card.definition,
            delta_color=card.change.color,
            delta_arrow=card.change.arrow,
            delta_description=card.change.before or card.beside,
            chart_data=card.course,
            border=True,
            height="stretch",
        )


def _counts(live: Live, found: Overview, words: Words) -> list[Card]:
    """Return a card for each count (F2)."""
    _, now, before = words.gettext, live.totals, live.before
    returned = words.ngettext(
        "Campaigns whose user completed a step within {n} day after it was opened.",
        "Campaigns whose user completed a step within {n} days after it was opened.",
        found.rules.window.days,
    )
    sent = _(
        "Notifications accepted by at least one push service. Queued, failed and unreachable ones "
        "are not sent; a user with three devices counts once."
    )
    described = {
        "campaigns": (_("Total campaigns"), _("Campaigns opened: one for each time a user lapsed.")),
        "active": (_("Active campaigns"), _("Campaigns that are open: the user hasn't come back yet.")),
        "returned": (_("Returned"), returned),
        "opted_out": (_("Opted out"), _("Campaigns whose user wants no more reminders.")),
        "sent": (_("Sent"), sent),
        "clicked": (_("Clicked"), _("Notifications that were pressed, each counted once.")),
    }
    return [
        Card(
            label=label,
            figure=words.number(getattr(now, name)),
            definition=definition,
            change=_change_of_count(getattr(now, name), getattr(before, name) if before else None, words),
            course=_course(found.figures.days, name),
        )
        for name, (label, definition) in described.items()
    ]


def _rates(live: Live, found: Overview, words: Words) -> list[Card]:
    """Return a card for each rate (F2)."""
    _, now, before = words.gettext, live.totals, live.before
    return [
        Card(
            label=_("Click rate"),
            figure=words.percent(now.click_rate.share),
            definition=_with_intervals(
                _(
                    "Clicked ÷ sent. With nothing sent there is no rate; below 30 it tells nothing yet. "
                    "*Matured*: only what was sent at least 72 hours ago, and clicked within these."
                ),
                now.click_rate,
                found.figures.matured.click_rate,
                words,
            ),
            change=_change_of_rate(now.click_rate, before.click_rate if before else None, words),
            beside=_matured(found.figures.matured.click_rate, words),
        ),
        Card(
            label=_("Return rate"),
            figure=words.percent(now.return_rate.share),
            definition=_with_intervals(
                _(
                    "Returned ÷ campaigns, reachable or not. Those just opened count too and may yet return. "
                    "*Matured*: only those whose time to return is over."
                ),
                now.return_rate,
                found.figures.matured.return_rate,
                words,
            ),
            change=_change_of_rate(now.return_rate, before.return_rate if before else None, words),
            beside=_matured(found.figures.matured.return_rate, words),
        ),
    ]


def _with_intervals(definition: str, rate: Rate, matured: Rate, words: Words) -> str:
    """Return the definition of a rate, and how uncertain it and its matured sister are."""
    lines = [definition]
    if rate.interval:
        low, high = (words.percent(bound) for bound in rate.interval)
        lines.append(words.gettext("Interval (95%): {low} to {high}").format(low=low, high=high))
    if matured.interval:
        low, high = (words.percent(bound) for bound in matured.interval)
        lines.append(words.gettext("Matured, interval (95%): {low} to {high}").format(low=low, high=high))
    return "\n\n".join(lines)


def _matured(rate: Rate, words: Words) -> str | None:
    """Return the rate of what has had its time, None where that is too little to tell."""
    return None if rate.too_few else words.gettext("matured {rate}").format(rate=words.percent(rate.share))


def _change_of_count(now: int, before: int | None, words: Words) -> Change:
    """Return how a count differs from the period before; more isn't better by itself, so it is grey."""
    if before is None:
        return Change()
    text = words.signed(now - before)
    return Change(text, _arrow(now - before), before=_was(words.number(before), words))


def _change_of_rate(now: Rate, before: Rate | None, words: Words) -> Change:
    """Return how a rate differs from the period before, coloured only where it can't be chance."""
    if now.share is None:
        return Change()
    if now.too_few:
        return Change(words.gettext("too few to tell"))
    if before is None or before.share is None:
        return Change()
    was = _was(words.percent(before.share), words)
    difference = now.share - before.share
    text = words.gettext("{difference} pp").format(difference=words.signed(100 * difference))
    if not now.differs_from(before):
        return Change(text, _arrow(difference), before=was)
    return Change(text, _arrow(difference), "green" if difference > 0 else "red", was)


def _arrow(difference: float) -> Arrow:
    return "up" if difference > 0 else "down" if difference < 0 else "off"


def _was(before: str, words: Words) -> str:
    return words.gettext("was {figure}").format(figure=before)


def _course(days: Sequence[Day], name: str) -> list[int] | None:
    """Return how a count ran over the days, by weeks where they are many; None where there is no course."""
    if len(days) < 2 or not hasattr(days[0], name):
        return None
    counts = [getattr(day, name) for day in days]
    step = 1 if len(counts) <= DAYS_IN_A_COURSE else 7
    whole = counts[len(counts) % step :]  # the weeks end today, so that none of them is half a week
    return [sum(whole[start : start + step]) for start in range(0, len(whole), step)]
