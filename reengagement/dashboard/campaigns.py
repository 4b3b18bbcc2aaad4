"""All campaigns, filtered and a page at a time; one of them with its story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from reengagement import host, metrics, rules, settings
from reengagement.dashboard import data, filters, labels, language, period, showing, story
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.metrics import STATUSES, Page, Period, Place, RecentCampaign, Wanted
from reengagement.metrics.listing import COUNTED
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.tables import LEVELS
from reengagement.words import Words

STATUS, LEVEL, USER, CAMPAIGN = "status", "level", "user", "campaign"
AFTER, BEFORE = "after", "before"
"""Names in the address: the filters, the campaign whose story is open, the place in the list."""

PLACES = (AFTER, BEFORE)
PAGE_SIZE = 50
STATUS_WIDTH = 110
"""Pixels: enough for the longest word in either language, also on a phone."""


@dataclass(frozen=True)
class Listed:
    """A page of the campaigns wanted, and how many there are, one more than COUNTED if more than that."""

    now: datetime
    rules: Rules
    wanted: Wanted
    page: Page
    total: int


def show(name: str) -> None:
    """Show the story of the campaign in the address, else the list."""
    asked = filters.value(CAMPAIGN)
    if asked:
        story.show(asked, back=lambda: filters.change({CAMPAIGN: ""}))
    else:
        _show_list()


def _show_list() -> None:
    words = language.chosen()
    with shown_in_words():
        found = _read(settings.load())
    _ = words.gettext
    st.title(_("Campaigns"), anchor=False)
    period.show(found.now, found.rules.zone, compares=False)
    _show_filters(words)
    st.text(_how_many(found.total, words))
    if found.page.rows:
        _show_rows(found, words)
        _show_turning(found.page, words)
    else:
        _show_nothing(words)


def _read(current: Settings) -> Listed:
    """Return what the list shows. Raises ReengagementError."""
    with data.snapshot(current) as connection:
        now = clock(connection)
        in_force = rules.in_force(connection, current.rules).rules
        seen = host.connect(current.host, connection)
        shown = period.chosen().of(now, in_force.zone)
        level = filters.value(LEVEL, map(str, LEVELS))
        wanted = Wanted(
            status=filters.value(STATUS, STATUSES) or None,
            level=int(level) if level else None,
            period=shown,
            user=filters.value(USER),
        )
        page = metrics.page_of_campaigns(
            connection, seen, wanted, after=_place(AFTER, shown), before=_place(BEFORE, shown), size=PAGE_SIZE
        )
        return Listed(now, in_force, wanted, page, metrics.count_campaigns(connection, seen, wanted))


def _place(name: str, shown: Period) -> Place | None:
    """Return the place that the address says, None where it can't be read or lies outside the period."""
    moment, _, id_ = filters.value(name).partition("~")
    try:
        started_at = datetime.fromisoformat(moment).replace(tzinfo=None)
    except ValueError:
        return None
    return Place(started_at, id_) if id_ and shown.has(started_at) else None


def _spelled(row: RecentCampaign) -> str:
    return f"{row.started_at.isoformat()}~{row.id}"


def _show_filters(words: Words) -> None:
    _ = words.gettext
    with st.container(horizontal=True, vertical_alignment="bottom"):
        filters.choose(
            STATUS,
            _("Status"),
            [filters.ANY, *STATUSES],
            lambda status: labels.campaign_status(words, status) if status else _("Any status"),
            help=_(
                "Active: the user hasn't come back yet. Returned: a step was completed since the start. "
                "Exhausted: every level is over, and so is the time in which a return counts."
            ),
            resets=PLACES,
        )
        filters.choose(
            LEVEL,
            _("Level"),
            [filters.ANY, *map(str, LEVELS)],
            lambda level: labels.level(words, int(level)) if level else _("Any level"),
            help=_("The level that is due next; after the last one a campaign stays at it."),
            resets=PLACES,
        )
        filters.write(
            USER,
            _("User"),
            help=_("An id, or a part of a name or an e-mail address"),
            placeholder=_("Name, e-mail or id"),
            resets=PLACES,
        )


def _how_many(total: int, words: Words) -> str:
    if total > COUNTED:
        return words.gettext("More than {n} campaigns").format(n=words.number(COUNTED))
    return words.ngettext("{n} campaign", "{n} campaigns", total)


def _show_rows(found: Listed, words: Words) -> None:
    _ = words.gettext
    st.caption(_("Select a row to see the campaign's story."))
    answer = showing.table(
        columns(found.page.rows, words),
        key="campaigns",
        zone=found.rules.zone,
        everything=lambda: columns(_all_rows(settings.load(), found.wanted), words),
        column_config={_("Status"): st.column_config.TextColumn(width=STATUS_WIDTH)},
        on_select="rerun",
        selection_mode="single-row",
    )
    if answer.selection.rows:
        filters.change({CAMPAIGN: found.page.rows[answer.selection.rows[0]].id})
        st.rerun()


def columns(rows: Sequence[RecentCampaign], words: Words) -> showing.Columns:
    """Return the columns of a list of campaigns."""
    _ = words.gettext
    return {
        _("User"): [row.name or row.user_id for row in rows],
        _("Status"): [labels.campaign_status(words, row.status) for row in rows],
        _("Started"): [row.started_at for row in rows],
        _("Level"): [row.level for row in rows],
        _("Sent"): [row.sent for row in rows],
        _("Clicked"): [row.clicked for row in rows],
    }


def _all_rows(current: Settings, wanted: Wanted) -> Sequence[RecentCampaign]:
    """Return all campaigns wanted, for a file: the newest COUNTED of them."""
    with data.snapshot(current) as connection:
        seen = host.connect(current.host, connection)
        return metrics.page_of_campaigns(connection, seen, wanted, size=COUNTED).rows


def _show_turning(page: Page, words: Words) -> None:
    """Show the buttons that turn the page."""
    _ = words.gettext
    with st.container(horizontal=True):
        st.button(
            _("Newer"),
            icon=":material/arrow_back:",
            disabled=not page.has_newer,
            on_click=filters.change,
            args=({BEFORE: _spelled(page.rows[0])}, PLACES),
        )
        st.button(
            _("Older"),
            icon=":material/arrow_forward:",
            icon_position="right",
            disabled=not page.has_older,
            on_click=filters.change,
            args=({AFTER: _spelled(page.rows[-1])}, PLACES),
        )


def _show_nothing(words: Words) -> None:
    """Show what fills this list, or which filter to take off."""
    _ = words.gettext
    if any(filters.value(name) for name in (STATUS, LEVEL, USER, period.PERIOD, *PLACES)):
        st.info(_("No campaign fits these filters."))
        st.button(
            _("Show all campaigns"),
            on_click=filters.change,
            args=({period.PERIOD: period.ALL}, (STATUS, LEVEL, USER, *PLACES)),
        )
    else:
        st.info(_("No campaigns yet. Run the planner on the overview: it opens one for each inactive user."))
