"""A change of rules: proposed, looked at by what it would do tomorrow, then saved or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from reengagement import planner, rules, runs, settings
from reengagement.dashboard import data, labels, pressing, rule_words, showing
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock, engine_of
from reengagement.errors import ReengagementError, RulesChanged, RulesRefused
from reengagement.rules import Rules, RulesInForce
from reengagement.tables import LEVELS
from reengagement.words import Words

PROPOSED, OUTCOME, ROUND = "rules_proposed", "rules_outcome", "rules_round"
"""Keys of the session's state: the change that is looked at, what came of the last, and a number that
gives the form new fields once theirs are outdated."""


@dataclass(frozen=True)
class Proposed:
    """Rule to new value, None for the default; `seen` are the rules that the editor saw."""

    values: Mapping[str, Any]
    seen: Rules


@dataclass(frozen=True)
class Outlook:
    """What a run at `at` would do."""

    at: datetime
    new: int
    closed: int
    by_level: Mapping[int, int]
    held_back: Mapping[str, int]


def round_of_form() -> int:
    """Return the number of the form's fields."""
    return int(st.session_state.get(ROUND, 0))


def propose(values: Mapping[str, Any], seen: Rules) -> None:
    """Keep a change to be looked at."""
    st.session_state[PROPOSED] = Proposed(values, seen)
    pressing.kept(OUTCOME).what = None


def show_outcome(words: Words) -> None:
    """Show what came of the last change."""
    outcome = pressing.kept(OUTCOME).what
    if outcome is None:
        return
    _ = words.gettext
    if isinstance(outcome, RulesChanged):
        st.warning(_("Someone else changed this rule meanwhile. Look at the present value, then change it."))
    elif isinstance(outcome, ReengagementError):
        st.error(_("That didn't work."))
        st.code(str(outcome), language=None, wrap_lines=True)
    else:
        st.success(_("Saved. It holds from the next run on."), icon=":material/check:")


def show(in_force: RulesInForce, now: datetime, by: str, words: Words) -> None:
    """Show the proposed change with what it would do tomorrow, and offer to save or drop it."""
    proposed: Proposed | None = st.session_state.get(PROPOSED)
    if proposed is None:
        return
    _ = words.gettext
    with st.container(border=True, key="proposed"):
        if not proposed.values:
            st.info(_("Nothing is different from the rules in force."))
            return
        after = _validated(proposed, words)
        if after is None:
            return
        st.subheader(_("What it would change tomorrow"), anchor=False)
        _show_change(in_force.rules, after, proposed, words)
        _show_outlooks(in_force.rules, after, now, words)
        with st.container(horizontal=True):
            pressing.button(_("Save"), _save, (proposed, by), key="save_rules", type="primary")
            pressing.button(_("Drop the change"), _drop, key="drop_rules", type="tertiary")


def _validated(proposed: Proposed, words: Words) -> Rules | None:
    """Return the rules with the change; None, and the reason on the page, where they don't hold."""
    current = settings.load()
    try:
        with shown_in_words(other_than=RulesRefused), data.snapshot(current) as connection:
            return rules.proposed(connection, current.rules, proposed.values).rules
    except RulesRefused as refused:
        for name in refused.names:
            st.error(f"{rule_words.name(words, name)}: {rule_words.requirement(words, name)}")
        return None


def _show_change(present: Rules, after: Rules, proposed: Proposed, words: Words) -> None:
    then, now = after.model_dump(mode="json"), present.model_dump(mode="json")
    for name in proposed.values:
        values = (rule_words.value(words, name, one[name]) for one in (now, then))
        st.text(f"{rule_words.name(words, name)}: {' → '.join(values)}")


def _show_outlooks(present: Rules, after: Rules, now: datetime, words: Words) -> None:
    _ = words.gettext
    with shown_in_words(), st.spinner(_("Rehearsing tomorrow's run, twice")):
        before, changed = (_tomorrow(one, now) for one in (present, after))
    levels = [(labels.level(words, level), level) for level in LEVELS]
    lines = [
        (_("Run at"), f"{present.local(before.at):%H:%M}", f"{after.local(changed.at):%H:%M}"),
        *_compared([(_("New campaigns"), before.new, changed.new)], words),
        *_compared(
            [(name, before.by_level.get(level, 0), changed.by_level.get(level, 0)) for name, level in levels],
            words,
        ),
        *_compared([(_("Campaigns closed"), before.closed, changed.closed)], words),
        *_compared(
            [
                (labels.held_back_reason(words, reason), before.held_back.get(reason, 0), n)
                for reason, n in _reasons(before, changed)
            ],
            words,
        ),
    ]
    showing.table(
        {
            _("Tomorrow"): [line[0] for line in lines],
            _("As it is"): [line[1] for line in lines],
            _("With the change"): [line[2] for line in lines],
        },
        key="outlooks",
        zone=present.zone,
        column_config=dict.fromkeys(
            (_("As it is"), _("With the change")), st.column_config.TextColumn(alignment="right")
        ),
    )


def _reasons(before: Outlook, changed: Outlook) -> list[tuple[str, int]]:
    reasons = dict.fromkeys([*before.held_back, *changed.held_back])
    return [(reason, changed.held_back.get(reason, 0)) for reason in reasons]


def _compared(rows: list[tuple[str, int, int]], words: Words) -> list[tuple[str, str, str]]:
    """Return each count before and after, the difference beside the latter."""
    found = []
    for name, before, after in rows:
        difference = f" ({words.signed(after - before)})" if after != before else ""
        found.append((name, words.number(before), f"{words.number(after)}{difference}"))
    return found


def _tomorrow(in_force: Rules, now: datetime) -> Outlook:
    """Return what tomorrow's run would do under these rules. Raises ReengagementError."""
    current = settings.load()
    under = current.model_copy(update={"rules": in_force.model_dump(mode="json")})
    at = runs.scheduled_for(in_force, now + timedelta(days=1))
    with data.errors_in_words():
        plan = planner.dry_run(engine_of(current), under, now=at, at_most=0)
    return Outlook(at, plan.new_campaigns, plan.closed_campaigns, plan.by_level, plan.held_back)


def _save(proposed: Proposed, by: str) -> None:
    answer, current = pressing.kept(OUTCOME), settings.load()
    try:
        with data.transaction(current) as connection:
            rules.change(
                connection, current.rules, proposed.values, seen=proposed.seen, by=by, now=clock(connection)
            )
    except ReengagementError as error:
        answer.what = error
    else:
        answer.what = "saved"
    _drop()


def _drop() -> None:
    """Forget the change, and give the form fields with the rules in force."""
    st.session_state.pop(PROPOSED, None)
    st.session_state[ROUND] = round_of_form() + 1
