"""What a run would send today, tomorrow or on any day: to whom, which text; and who is held back, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import streamlit as st

from reengagement import metrics, rules, runs, settings
from reengagement.dashboard import data, filters, labels, language, links, phone, rehearsal, showing
from reengagement.dashboard.problems import shown_in_words
from reengagement.dashboard.rehearsal import SHOWN_OF_A_LEVEL, Rehearsal
from reengagement.database import clock
from reengagement.planner import STAGES, Plan, PlannedReminder
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.tables import LEVELS
from reengagement.words import Words

DAY, LEVEL = "date", "level"
"""Names in the address: the day, tomorrow without it, and the level."""

TODAY, TOMORROW, OWN = "today", "tomorrow", "own"
CHOICE, DATE = "tomorrow_choice", "tomorrow_date"
"""Keys of the widgets."""

DAYS_AHEAD = 366
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Asked:
    """The day that is shown, and the moment that the dry run plans for; `version` changes with each run."""

    now: datetime
    rules: Rules
    today: date
    day: date
    at: datetime
    version: int


def show(name: str) -> None:
    """Show the day's reminders."""
    words = language.chosen()
    _ = words.gettext
    with shown_in_words():
        asked = _read(settings.load())
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(_("Tomorrow's reminders"), anchor=False, width="content")
        st.button(_("Work it out again"), icon=":material/refresh:", on_click=_forget)
    _show_days(asked, words)
    st.caption(_assumption(asked, words))
    with shown_in_words():
        plan = _wait_for(_rehearsal(settings.load(), asked), words)
    _show_figures(plan, words)
    _show_reminders(plan, asked, words)
    _show_kept_back(plan, asked, words)


def _forget() -> None:
    rehearsal.all_of_them().forget()


def _read(current: Settings) -> Asked:
    """Return which day the address asks for. Raises ReengagementError."""
    with data.snapshot(current) as connection:
        now = clock(connection)
        in_force = rules.in_force(connection, current.rules).rules
        last = metrics.last_run(connection)
    today = in_force.local(now).date()
    day = _day(filters.value(DAY), today)
    return Asked(now, in_force, today, day, _moment(in_force, now, today, day), last.id if last else 0)


def _day(text: str, today: date) -> date:
    """Return the day that `text` spells, tomorrow where it spells none that lies ahead."""
    try:
        day = today if text == TODAY else date.fromisoformat(text)
    except ValueError:
        return today + timedelta(days=1)
    return day if today <= day <= today + timedelta(days=DAYS_AHEAD) else today + timedelta(days=1)


def _moment(in_force: Rules, now: datetime, today: date, day: date) -> datetime:
    """Return when the run of `day` plans: at the time of the daily run, today no earlier than now."""
    daily = runs.scheduled_for(in_force, now + (day - today))
    return max(daily, now) if day == today else daily


def _show_days(asked: Asked, words: Words) -> None:
    _ = words.gettext
    tomorrow = asked.today + timedelta(days=1)
    standing = {asked.today: TODAY, tomorrow: TOMORROW}.get(asked.day, OWN)
    names = {TODAY: _("Today"), TOMORROW: _("Tomorrow"), OWN: _("Another day")}
    spelled = {TODAY: TODAY, TOMORROW: "", OWN: (tomorrow + timedelta(days=1)).isoformat()}
    with st.container(horizontal=True, vertical_alignment="center"):
        with filters.binding(CHOICE, standing, lambda picked: filters.change({DAY: spelled[picked]})):
            st.segmented_control(
                _("Day"),
                list(names),
                required=True,
                format_func=names.__getitem__,
                key=CHOICE,
                label_visibility="collapsed",
            )
        if standing == OWN:
            _show_date(asked, words)


def _show_date(asked: Asked, words: Words) -> None:
    with filters.binding(DATE, asked.day, lambda picked: filters.change({DAY: picked.isoformat()})):
        st.date_input(
            words.gettext("Another day"),
            min_value=asked.today,
            max_value=asked.today + timedelta(days=DAYS_AHEAD),
            key=DATE,
            format="DD.MM.YYYY" if words.code == "ru" else "YYYY-MM-DD",
            label_visibility="collapsed",
            width=160,
        )


def _assumption(asked: Asked, words: Words) -> str:
    """Return what the figures take for granted."""
    _ = words.gettext
    when = words.moment(asked.at, asked.rules.zone)
    if asked.day == asked.today:
        return _("What a run would do on {when}.").format(when=when)
    return _(
        "What a run would do on {when}, if until then nobody does anything, nothing is sent and no other run "
        "takes place."
    ).format(when=when)


def _rehearsal(current: Settings, asked: Asked) -> Rehearsal:
    """Return the dry run; one of today, whose moment is always another, is the same for a while."""
    key = (current.database_url, asked.day, asked.rules.model_dump_json(), asked.version)
    return rehearsal.all_of_them().get(current, asked.at, key)


def _wait_for(one: Rehearsal, words: Words) -> Plan:
    """Return the plan, with progress until it is there. Raises what the dry run raised."""
    place = st.empty()
    while not one.wait(POLL_SECONDS):
        place.progress(STAGES.index(one.stage) / len(STAGES), labels.stage(words, one.stage))
    place.empty()
    if one.plan is None:
        with data.errors_in_words():
            raise one.error or RuntimeError("the dry run ended without a plan")
    return one.plan


def _show_figures(plan: Plan, words: Words) -> None:
    _ = words.gettext
    grid = st.grid(4, min_column_width=150, key="plan")
    written = _("Reminders that the run would write. Each goes to the subscriptions its user has then.")
    figures = [(_("Reminders"), plan.scheduled_notifications, written)]
    for level in LEVELS:
        of_level = _("Reminders of this level that the run would write.")
        figures.append((labels.level(words, level), plan.by_level.get(level, 0), of_level))
    figures += [
        (_("New campaigns"), plan.new_campaigns, _("Campaigns that the run would open.")),
        (
            _("Campaigns closed"),
            plan.closed_campaigns,
            _("Campaigns that the run would close: came back, opted out or exhausted."),
        ),
        (
            _("Held back"),
            sum(plan.held_back.values()),
            _("Inactive users for whom the run would open no campaign; the reasons are below."),
        ),
    ]
    for label, number, definition in figures:
        grid.metric(label, words.number(number), help=definition, border=True, height="stretch")


def _show_reminders(plan: Plan, asked: Asked, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("Who would get what"),
        anchor=False,
        help=_("The exact text, with the facts, the texts and the rules as they are now."),
    )
    if not plan.scheduled_notifications:
        st.info(_("No reminder would be written on this day. Below is why, or choose another day."))
        return
    level = filters.choose(
        LEVEL,
        _("Level"),
        [filters.ANY, *map(str, LEVELS)],
        lambda one: labels.level(words, int(one)) if one else _("Any level"),
        help=_("The step of the campaign whose reminder it would be."),
    )
    rows = [one for one in plan.reminders if level in (filters.ANY, str(one.level))]
    st.caption(_shown_of(len(rows), plan, level, words))
    answer = showing.table(
        _columns(rows, words), key="reminders", zone=asked.rules.zone, height=420,
        on_select="rerun", selection_mode="single-row",
    )  # fmt: skip
    if answer.selection.rows and answer.selection.rows[0] < len(rows):
        one = rows[answer.selection.rows[0]]
        phone.show(one.title, one.body)
        links.show("why", _("Why this user?"), {"id": one.user_id})


def _columns(rows: list[PlannedReminder], words: Words) -> showing.Columns:
    _ = words.gettext
    return {
        _("User"): [one.name or one.user_id for one in rows],
        _("Level"): [one.level for one in rows],
        _("Days away"): [one.days for one in rows],
        _("Message type"): [labels.message_type(words, one.message_type) for one in rows],
        _("Title"): [one.title for one in rows],
        _("Text"): [one.body for one in rows],
    }


def _shown_of(shown: int, plan: Plan, level: str, words: Words) -> str:
    """Return how to see more of a row, and how many reminders the table leaves out."""
    _ = words.gettext
    total = plan.by_level.get(int(level), 0) if level else plan.scheduled_notifications
    hint = _("Select a row to see it as a phone shows it.")
    if shown == total:
        return hint
    more = words.ngettext("{n} more isn't shown", "{n} more aren't shown", total - shown)
    return _("{hint} {more}: the table holds the first {most} of each level. All of them: {command}").format(
        hint=hint,
        more=more,
        most=words.number(SHOWN_OF_A_LEVEL),
        command="`python -m reengagement plan --dry-run --json`",
    )


def _show_kept_back(plan: Plan, asked: Asked, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("What is held back, and why"),
        anchor=False,
        help=_("Inactive users without a new campaign, and campaigns whose reminder doesn't come."),
    )
    sentences = [labels.held_back(words, reason, n) for reason, n in _most_first(plan.held_back)]
    sentences += [labels.kept_back(words, reason, n) for reason, n in _most_first(plan.kept_back)]
    if plan.without_text:
        sentences.append(
            words.ngettext(
                "{n} reminder has no text that suits its user: switch one on at its level.",
                "{n} reminders have no text that suits their users: switch one on at their levels.",
                plan.without_text,
            )
        )
    if plan.paused:
        sentences.append(_("Sending is paused: what the run writes waits."))
    if not sentences:
        sentences.append(_("Nothing is held back."))
    st.markdown("\n".join(f"- {sentence}" for sentence in sentences))


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: -each[1])
