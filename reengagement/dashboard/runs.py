"""The history of runs: when, by whom, how long, what came of it, and of each the whole (E3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import metrics, rules, settings
from reengagement.dashboard import data, filters, labels, language, rule_words, showing
from reengagement.dashboard.problems import shown_in_words
from reengagement.metrics import PageOfRuns, PastRun
from reengagement.words import NOTHING, Words

RUN, PAGE = "run", "page"
"""Names in the URL: the run that is open, the page of the list."""

PAGE_SIZE = 25
LARGEST_ID = 2**63 - 1


def show(name: str) -> None:
    """Show the run in the URL, else the list."""
    asked = _number(filters.value(RUN))
    if asked:
        _show_run(asked)
    else:
        _show_list()


def _number(text: str) -> int:
    """Return the number in the URL, 0 where there is none."""
    return min(int(text), LARGEST_ID) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _show_list() -> None:
    words = language.chosen()
    page = max(1, _number(filters.value(PAGE)))
    found, zone = _read(page)
    if not found.runs and page > 1:
        page = _pages(found.total)
        found, zone = _read(page)
    st.title(words.gettext("Runs"), anchor=False)
    if not found.runs:
        _show_what_to_do(words)
        return
    answer = showing.table(
        columns(found.runs, words),
        key=f"runs_{page}",
        file="runs",
        zone=zone,
        everything=lambda: columns(_all_runs(), words),
        definitions=_definitions(words),
        on_select="rerun",
        selection_mode="single-row",
    )
    st.caption(words.gettext("Select a row to see the whole run."))
    if answer.selection.rows:
        filters.change({RUN: str(found.runs[answer.selection.rows[0]].id)})
        st.rerun()
    _show_turning(page, found.total)


def _read(page: int) -> tuple[PageOfRuns, ZoneInfo]:
    current = settings.load()
    with shown_in_words(), data.snapshot(current) as connection:
        zone = rules.in_force(connection, current.rules).rules.zone
        skip = min((page - 1) * PAGE_SIZE, LARGEST_ID)
        return metrics.past_runs(connection, skip=skip, limit=PAGE_SIZE), zone


def _all_runs() -> Sequence[PastRun]:
    with data.snapshot(settings.load()) as connection:
        return metrics.past_runs(connection, limit=LARGEST_ID).runs


def _pages(total: int) -> int:
    return max(1, -(-total // PAGE_SIZE))


def _show_turning(page: int, total: int) -> None:
    if _pages(total) == 1:
        return
    with filters.binding("runs_page", page, lambda picked: filters.change({PAGE: str(picked)})):
        st.pagination(_pages(total), key="runs_page")


def _show_what_to_do(words: Words) -> None:
    _ = words.gettext
    with st.container(border=True):
        st.subheader(_("The planner hasn't run yet."), anchor=False)
        st.write(_("It runs by itself once a day; **Run planner** on the overview runs it now."))


def columns(found: Sequence[PastRun], words: Words) -> showing.Columns:
    """Return the columns of a list of runs."""
    _ = words.gettext
    return {
        _("Started"): [one.started_at for one in found],
        _("State"): [labels.run_state_with_sign(words, one.state) for one in found],
        _("Started by"): [labels.starter(words, one.kind, one.started_by) for one in found],
        _("Took"): [_took(one.took, words) for one in found],
        _("New"): [one.new_campaigns for one in found],
        _("Scheduled"): [one.scheduled_notifications for one in found],
        _("Closed"): [one.closed_campaigns for one in found],
        _("Held back"): [sum(one.held_back.values()) if one.counts else None for one in found],
    }


def _definitions(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        _("Took"): _("From its start to its end"),
        _("New"): _("Campaigns opened"),
        _("Scheduled"): _("Reminders written, to be sent at once"),
        _("Closed"): _("Campaigns closed: returned, run their course, or opted out"),
        _("Held back"): _("Inactive users who got no campaign: the row says why"),
    }


def _took(took: timedelta | None, words: Words) -> str:
    if took is None:
        return NOTHING
    seconds = took.total_seconds()
    if seconds < 60:
        return words.gettext("{n} s").format(n=words.number(round(seconds, 1)))
    minutes, rest = divmod(round(seconds), 60)
    return words.gettext("{minutes} min {seconds} s").format(minutes=words.number(minutes), seconds=rest)


def _show_run(run_id: int) -> None:
    words, current = language.chosen(), settings.load()
    with shown_in_words(), data.snapshot(current) as connection:
        in_force = rules.in_force(connection, current.rules).rules
        one = metrics.past_run(connection, run_id)
    _ = words.gettext
    st.button(
        _("All runs"),
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=filters.change,
        args=({RUN: ""},),
    )
    if one is None:
        st.warning(_("There is no such run."))
        return
    st.title(words.moment(one.started_at, in_force.zone), anchor=False)
    _show_what_happened(one, in_force.zone, words)
    if one.state == "done":
        _show_counts(one, words)
    if one.rules:
        _show_rules(one, in_force, words)


def _show_what_happened(one: PastRun, zone: ZoneInfo, words: Words) -> None:
    _ = words.gettext
    st.text(
        " · ".join(
            [
                labels.run_state_with_sign(words, one.state),
                labels.starter(words, one.kind, one.started_by),
                _took(one.took, words),
                *_planned_for(one, zone, words),
            ]
        )
    )
    if one.state == "running" and one.stage:
        st.info(labels.stage(words, one.stage))
    if one.state == "already_running":
        st.info(_("Another run was under way, so this one did nothing."))
    if one.error:
        st.error(_("Nothing of it was written."))
        st.code(one.error, language=None, wrap_lines=True)


def _planned_for(one: PastRun, zone: ZoneInfo, words: Words) -> list[str]:
    """Return for when it planned, where that isn't when it ran."""
    if abs(one.now - one.started_at) < timedelta(minutes=1):
        return []
    return [words.gettext("planned for {when}").format(when=words.moment(one.now, zone))]


def _show_counts(one: PastRun, words: Words) -> None:
    _ = words.gettext
    grid = st.grid(4, min_column_width=150, key="counts")
    for label, count, definition in (
        (_("New campaigns"), one.new_campaigns, _("Campaigns opened")),
        (_("Scheduled"), one.scheduled_notifications, _("Reminders written, to be sent at once")),
        (_("Closed"), one.closed_campaigns, _("Campaigns closed: returned, run their course, or opted out")),
        (_("Inactive"), one.inactive, _("Users without activity for as long as the first level says")),
    ):
        figure = NOTHING if count is None else words.number(count)
        grid.metric(label, figure, help=definition, border=True, height="stretch")
    for reason, users in one.held_back.items():
        st.text(labels.held_back(words, reason, users))


def _show_rules(one: PastRun, present: rules.Rules, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("Rules in force"), anchor=False, help=_("Those of this run, and those of now where they differ")
    )
    now = present.model_dump(mode="json")
    stored = one.rules or {}
    names = [name for name in now if name in stored]
    shown: dict[str, list[str]] = {
        _("Rule"): [rule_words.name(words, name) for name in names],
        _("Then"): [rule_words.value(words, name, stored[name]) for name in names],
    }
    if any(now[name] != stored[name] for name in names):
        shown[_("Now, if it differs")] = [
            rule_words.value(words, name, now[name]) if now[name] != stored[name] else "" for name in names
        ]
    showing.table(shown, key="rules_of_run", zone=present.zone)
