"""Settings: the rules in force and where each comes from, those that may be changed, and the pause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from reengagement import pause, rules, settings
from reengagement.dashboard import data, language, pausing, rule_change, rule_form, rule_words, showing
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.rules import Edit, RulesInForce
from reengagement.settings import PREFIX, Settings
from reengagement.words import Words


@dataclass(frozen=True)
class Tuning:
    """What the page shows."""

    now: datetime
    in_force: RulesInForce
    edits: Mapping[str, Edit]
    paused_since: datetime | None


def show(name: str) -> None:
    """Show the settings to the admin `name`."""
    words = language.chosen()
    with shown_in_words():
        found = _read(settings.load())
    _ = words.gettext
    st.title(_("Settings"), anchor=False)
    pausing.show(found.paused_since, found.in_force.rules.zone, name)
    st.subheader(
        _("What may be changed here"),
        anchor=False,
        help=_("A change holds from the next run on. Campaigns that are open follow it."),
    )
    rule_change.show_outcome(words)
    rule_form.show(found.in_force, words)
    rule_change.show(found.in_force, found.now, name, words)
    _show_all(found, words)


def _read(current: Settings) -> Tuning:
    with data.snapshot(current) as connection:
        return Tuning(
            now=clock(connection),
            in_force=rules.in_force(connection, current.rules),
            edits=rules.edits(connection),
            paused_since=pause.since(connection),
        )


def _show_all(found: Tuning, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("All rules in force"),
        anchor=False,
        help=_("The environment wins over what is set here, and that over the default."),
    )
    values = found.in_force.rules.model_dump(mode="json")
    edits = {name: edit for name, edit in found.edits.items() if found.in_force.sources[name] == "database"}
    columns: showing.Columns = {
        _("Rule"): [rule_words.name(words, name) for name in values],
        _("Value"): [rule_words.value(words, name, value) for name, value in values.items()],
        _("Comes from"): [rule_words.source(words, found.in_force.sources[name]) for name in values],
        **(_edited(values, edits, words) if edits else {}),
        _("What it does"): [rule_words.meaning(words, name) for name in values],
        _("Variable"): [PREFIX + name.upper() for name in values],
    }
    showing.table(columns, key="rules", zone=found.in_force.rules.zone)


def _edited(names: Iterable[str], edits: Mapping[str, Edit], words: Words) -> showing.Columns:
    _ = words.gettext
    return {
        _("Changed by"): [edits[name].by if name in edits else "" for name in names],
        _("When"): [edits[name].at if name in edits else None for name in names],
    }
