"""The form in which a manager changes rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from reengagement.dashboard import rule_change, rule_words
from reengagement.rules import TUNABLE, Rules, RulesInForce
from reengagement.settings import PREFIX
from reengagement.words import Words

LONGEST_DAYS = 3650
LARGEST_PERCENT = 99.9
NARROWEST_FIELD = 200
LEVELS = range(4)


def show(in_force: RulesInForce, words: Words) -> None:
    """Show the fields, what the environment fixes as fixed, and the button that previews the change."""
    _ = words.gettext
    round_ = rule_change.round_of_form()
    with st.form(f"rules_{round_}"):
        days = st.grid(4, min_column_width=NARROWEST_FIELD)
        _show_level_days(days, in_force, round_, words)
        others = st.grid(3, min_column_width=NARROWEST_FIELD)
        for name in TUNABLE[1:]:
            _show_field(others, name, in_force, round_, words)
        st.form_submit_button(
            _("See what it would change"),
            type="primary",
            icon=":material/preview:",
            on_click=_propose,
            args=(in_force, round_),
        )
    _show_resets(in_force, words)


def _key(name: str, round_: int) -> str:
    return f"rule_{name}_{round_}"


def _fixed(name: str, in_force: RulesInForce) -> bool:
    return in_force.sources[name] == "environment"


def _help(name: str, in_force: RulesInForce, words: Words) -> str:
    if _fixed(name, in_force):
        fixed = words.gettext("The environment fixes it: {variable}.")
        return fixed.format(variable=f"`{PREFIX + name.upper()}`")
    return rule_words.meaning(words, name)


def _show_level_days(place: DeltaGenerator, in_force: RulesInForce, round_: int, words: Words) -> None:
    for level in LEVELS:
        place.number_input(
            words.gettext("Level {number}, day").format(number=level + 1),
            1,
            LONGEST_DAYS,
            in_force.rules.level_days[level],
            key=_key(f"level_{level}", round_),
            disabled=_fixed("level_days", in_force),
            help=_help("level_days", in_force, words),
        )


def _show_field(place: DeltaGenerator, name: str, in_force: RulesInForce, round_: int, words: Words) -> None:
    options: dict[str, Any] = {
        "key": _key(name, round_),
        "disabled": _fixed(name, in_force),
        "help": _help(name, in_force, words),
    }
    label, value = rule_words.name(words, name), getattr(in_force.rules, name)
    if isinstance(value, time):
        place.time_input(label, value, step=900, **options)
    elif name in rule_words.SHARES:
        place.number_input(
            f"{label}, %", 0.0, LARGEST_PERCENT, 100 * value, step=0.5, format="%.1f", **options
        )
    else:
        least = 0 if name == "gap_days" else 1
        place.number_input(label, least, LONGEST_DAYS, value, **options)


def _propose(in_force: RulesInForce, round_: int) -> None:
    """Keep what differs from the rules in force, to be looked at and saved."""
    rule_change.propose(changed(st.session_state, in_force, round_), in_force.rules)


def changed(state: Any, in_force: RulesInForce, round_: int) -> dict[str, Any]:
    """Return the rules whose fields differ from the rules in force, as they would be stored."""
    now = in_force.rules.model_dump(mode="json")
    typed: Mapping[str, Any] = {
        "level_days": [state[_key(f"level_{level}", round_)] for level in LEVELS],
        **{name: _stored(name, state[_key(name, round_)]) for name in TUNABLE[1:]},
    }
    return {name: value for name, value in typed.items() if value != now[name] and not _fixed(name, in_force)}


def _stored(name: str, typed: Any) -> Any:
    if isinstance(typed, time):
        return typed.isoformat()
    return round(typed / 100, 6) if name in rule_words.SHARES else typed


def _show_resets(in_force: RulesInForce, words: Words) -> None:
    """Show a button for each rule that was changed here: it proposes the default."""
    own = [name for name in TUNABLE if in_force.sources[name] == "database"]
    if not own:
        return
    defaults = Rules().model_dump(mode="json")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(words.gettext("Back to the default:"), width="content")
        for name in own:
            st.button(
                f"{rule_words.name(words, name)}: {rule_words.value(words, name, defaults[name])}",
                key=f"reset_{name}",
                type="tertiary",
                icon=":material/undo:",
                on_click=rule_change.propose,
                args=({name: None}, in_force.rules),
            )
