"""The period that a page's figures are about: picked by the visitor, kept in the URL.

`?period=30d`, `?period=2026-01-01..2026-01-31`; without it, all time. `&compare=1` sets it beside the
period before. So a link shows a colleague the same page; what can't be read is as if it weren't there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement.dashboard import filters, language
from reengagement.metrics import ALL_TIME, Period
from reengagement.words import Words

PERIOD, COMPARE = "period", "compare"
"""Names in the URL."""

KEPT = "period_kept"
"""Key of the session's state: the choice, since an address loses its parameters from page to page."""

CHOICE, DATES, COMPARES = "period_choice", "period_dates", "period_compares"
"""Keys of the widgets."""

ALL, OWN = "all", "own"
LENGTHS = (7, 30, 90, 365)
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
AS_TEXT = re.compile(
    r"(?P<days>[0-9]{1,3})d|(?P<first>\d{4}-\d\d-\d\d)\.\.(?P<last>\d{4}-\d\d-\d\d)", re.ASCII
)


@dataclass(frozen=True)
class Chosen:
    """What was picked: so many days up to today, own dates, or with neither all time."""

    days: int | None = None
    dates: tuple[date, date] | None = None
    compare: bool = False

    def of(self, now: datetime, zone: ZoneInfo) -> Period:
        """Return the period, its days being those of `zone`."""
        span = self._span(now, zone)
        return Period.of_days(*span, zone) if span else ALL_TIME

    def before(self, now: datetime, zone: ZoneInfo) -> Period | None:
        """Return the equally long period before, None where none is to be compared with."""
        span = self._span(now, zone)
        if not span or not self.compare:
            return None
        first, last = span
        length = last - first + timedelta(days=1)
        return Period.of_days(first - length, last - length, zone)

    def _span(self, now: datetime, zone: ZoneInfo) -> tuple[date, date] | None:
        if self.days is None:
            return self.dates
        today = now.replace(tzinfo=UTC).astimezone(zone).date()
        return today - timedelta(days=self.days - 1), today

    @property
    def text(self) -> str:
        """Return it as the URL has it."""
        if self.dates:
            return f"{self.dates[0]}..{self.dates[1]}"
        return f"{self.days}d" if self.days else ALL


def chosen() -> Chosen:
    """Return what the visitor has picked: as the URL says, else as picked on another page, else all time."""
    kept: Chosen = st.session_state.get(KEPT, Chosen())
    asked = st.query_params.get(PERIOD)
    if asked is None:
        return kept
    return read(asked, compare=st.query_params.get(COMPARE) == "1") or kept


def read(text: str, *, compare: bool = False) -> Chosen | None:
    """Return the choice that `text` spells, None where it spells none."""
    found = AS_TEXT.fullmatch(text)
    if text == ALL:
        return Chosen()
    if found is None:
        return None
    if found["days"]:
        days = int(found["days"])
        return Chosen(days=days, compare=compare) if days in LENGTHS else None
    try:
        first, last = (date.fromisoformat(found[name]) for name in ("first", "last"))
    except ValueError:
        return None
    return Chosen(dates=(first, last), compare=compare) if EARLIEST <= first <= last <= LATEST else None


def show(now: datetime, zone: ZoneInfo, *, compares: bool = True) -> None:
    """Show the picker; what is picked is in the URL before the page is drawn anew.

    With `compares` it also offers the period before, where there is one.
    """
    words, current = language.chosen(), chosen()
    _keep(current)
    today = now.replace(tzinfo=UTC).astimezone(zone).date()
    with st.container(horizontal=True, vertical_alignment="center", key="period"):
        said = OWN if current.dates else current.text
        with filters.binding(CHOICE, said, lambda picked: _pick(picked, today)):
            st.segmented_control(
                words.gettext("Period"),
                [*(f"{days}d" for days in LENGTHS), ALL, OWN],
                required=True,
                format_func=_named(words),
                key=CHOICE,
                label_visibility="collapsed",
                wrap=True,
            )
        if current.dates:
            _show_dates(current.dates, words)
        if compares and current.text != ALL:
            with filters.binding(COMPARES, current.compare, _pick_compare):
                st.toggle(words.gettext("Compare with the period before"), key=COMPARES)


def _show_dates(dates: tuple[date, date], words: Words) -> None:
    picked = st.session_state.get(DATES)
    one_end = isinstance(picked, tuple) and len(picked) == 1  # the other one is picked next
    with filters.binding(DATES, picked if one_end else dates, _pick_dates):
        st.date_input(
            words.gettext("First and last day"),
            min_value=EARLIEST,
            max_value=LATEST,
            key=DATES,
            format="DD.MM.YYYY" if words.code == "ru" else "YYYY-MM-DD",
            label_visibility="collapsed",
            width=240,
        )


def _named(words: Words) -> Callable[[str], str]:
    _ = words.gettext
    names = {f"{days}d": words.ngettext("{n} day", "{n} days", days) for days in LENGTHS}
    names |= {ALL: _("All time"), OWN: _("Own dates")}
    return names.__getitem__


def _pick(choice: str, today: date) -> None:
    """Keep the choice; own dates begin with the last month."""
    current = chosen()
    if choice == OWN:
        dates = current.dates or (today - timedelta(days=29), today)
        _keep(Chosen(dates=dates, compare=current.compare))
    else:
        _keep(read(choice, compare=current.compare) or Chosen())


def _pick_compare(compare: bool) -> None:
    _keep(replace(chosen(), compare=compare))


def _pick_dates(picked: tuple[date, ...]) -> None:
    if len(picked) == 2:
        _keep(replace(chosen(), dates=(picked[0], picked[1])))


def _keep(current: Chosen) -> None:
    """Keep the choice for the other pages, and in the URL; all time, the default, needs none there."""
    st.session_state[KEPT] = current
    text = "" if current.text == ALL else current.text
    filters.change({PERIOD: text, COMPARE: "1" if text and current.compare else ""})
