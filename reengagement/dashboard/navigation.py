"""The pages of the dashboard: what there is, in which order, and how another dashboard takes them in.

A page is an entry here, a room of its name in this package with `show(name)`, and a thin script in
`pages/`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from reengagement.dashboard import frame, gate, language, links
from reengagement.errors import SettingsError
from reengagement.words import Words

SCRIPTS = Path(__file__).resolve().parents[2] / "pages"

Guard = Callable[[], str]
"""Returns the name of who may see the page, for the audit trail; ends the script for anyone else."""


@dataclass(frozen=True)
class Entry:
    """One page. `name` is its script in `pages/`, its room in this package, and its address."""

    name: str
    icon: str
    title: Callable[[Words], str]


@dataclass(frozen=True)
class Section:
    """Pages that stand together in the menu; without a title they stand in it directly."""

    title: Callable[[Words], str]
    entries: tuple[Entry, ...]


SECTIONS = (
    Section(
        lambda _words: "",
        (
            Entry("overview", ":material/monitoring:", lambda words: words.gettext("Overview")),
            Entry("impact", ":material/balance:", lambda words: words.gettext("What did it bring?")),
        ),
    ),
    Section(
        lambda words: words.gettext("Reminders"),
        (
            Entry("campaigns", ":material/campaign:", lambda words: words.gettext("Campaigns")),
            Entry("messages", ":material/edit_note:", lambda words: words.gettext("Messages")),
            Entry("why", ":material/person_search:", lambda words: words.gettext("Why this user?")),
            Entry(
                "tomorrow", ":material/event_upcoming:", lambda words: words.gettext("Tomorrow's reminders")
            ),
        ),
    ),
    Section(
        lambda words: words.gettext("Operation"),
        (
            Entry("queue", ":material/outbox:", lambda words: words.gettext("Queue")),
            Entry("runs", ":material/history:", lambda words: words.gettext("Runs")),
            Entry("alerts", ":material/notifications:", lambda words: words.gettext("Alerts")),
            Entry("rules", ":material/tune:", lambda words: words.gettext("Settings")),
            Entry("audit", ":material/footprint:", lambda words: words.gettext("Audit trail")),
        ),
    ),
)


def names() -> list[str]:
    """Return the names of all pages, in the order of the menu."""
    return [entry.name for section in SECTIONS for entry in section.entries]


def build_pages(
    *, prefix: str = "", only: Collection[str] | None = None, guard: Guard = gate.require_admin
) -> list[st.Page]:
    """Return our pages for another dashboard's `st.navigation`, in the visitor's language.

    `prefix` precedes each address (no `/`: Streamlit has none there), so that none meets a page of the
    host's; `only` names the pages wanted, all without it; `guard` is called before anything is shown.
    Call it during the script run, after `st.set_page_config`. Raises SettingsError for an unknown name.
    """
    wanted = set(names() if only is None else only)
    unknown = sorted(wanted - set(names()))
    if unknown:
        raise SettingsError(f"There is no page {', '.join(unknown)}; there are {', '.join(names())}.")
    words = language.chosen()
    pages = {
        entry.name: st.Page(
            partial(_show, entry.name, guard),
            title=entry.title(words),
            icon=entry.icon,
            url_path=f"{prefix}{entry.name}",
        )
        for section in SECTIONS
        for entry in section.entries
        if entry.name in wanted
    }
    links.remember(pages)
    return list(pages.values())


def _show(name: str, guard: Guard) -> None:
    admin = guard()
    st.session_state[gate.GUARD] = None if guard is gate.require_admin else guard
    frame.show(importlib.import_module(f"reengagement.dashboard.{name}").show, admin)


def scripts(words: Words) -> dict[str, list[st.Page]]:
    """Return the scripts in `pages/` by the titles of their sections; the first is at `/`."""
    first = names()[0]
    pages = {
        entry.name: st.Page(
            SCRIPTS / f"{entry.name}.py",
            title=entry.title(words),
            icon=entry.icon,
            default=entry.name == first,
        )
        for section in SECTIONS
        for entry in section.entries
    }
    links.remember(pages)
    return {section.title(words): [pages[entry.name] for entry in section.entries] for section in SECTIONS}
