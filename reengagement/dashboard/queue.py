"""The queue (F5): what waits, what failed and why, what to do about it; a pause; who does the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from reengagement import charts, metrics, pause, rules, settings
from reengagement.dashboard import (
    data,
    filters,
    gate,
    labels,
    language,
    pausing,
    refreshing,
    showing,
    trying_again,
)
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.metrics import Cause, Consumer, Hour, Origin, ServiceRow, Waiting
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.tables import FINAL_STATES, OPEN_STATES
from reengagement.words import Words

REFRESH_SECONDS = 5.0
SERVICE = "service"
"""The push service in the page's address."""


@dataclass(frozen=True)
class Seen:
    """One look at the queue."""

    now: datetime
    rules: Rules
    waiting: Waiting
    services: Sequence[ServiceRow]
    causes: Sequence[Cause]
    hours: Sequence[Hour]
    origins: Sequence[Origin]
    consumers: Sequence[Consumer]
    paused_since: datetime | None


def look(current: Settings, push_service: str | None = None) -> Seen:
    """Return how the queue stands, its causes and hours of one push service or of all.

    Raises ReengagementError.
    """
    with data.snapshot(current) as connection:
        now = clock(connection)
        return Seen(
            now=now,
            rules=rules.in_force(connection, current.rules).rules,
            waiting=metrics.waiting(connection),
            services=metrics.by_service(connection, now),
            causes=metrics.causes(connection, now, push_service),
            hours=metrics.by_hour(connection, now, push_service),
            origins=metrics.troubled_origins(connection, now),
            consumers=metrics.consumers_alive(connection, now),
            paused_since=pause.since(connection),
        )


def show(name: str) -> None:
    """Show the queue to the admin `name`."""
    chosen = filters.value(SERVICE) or None
    with shown_in_words():
        seen = look(settings.load(), chosen)
    words = language.chosen()
    st.title(words.gettext("Queue"), anchor=False)
    pausing.show(seen.paused_since, seen.rules.zone, name)
    refreshing.show(_show_live, REFRESH_SECONDS)
    _show_choice(seen, chosen, words)
    trying_again.show(seen.causes, seen.now, seen.rules.zone, name, chosen)
    _show_hours(seen, words)
    _show_outcomes(seen, words)
    _show_consumers(seen, words)


def _show_live() -> None:
    """Show what waits and where, and keep it fresh: figures and a table, no chart."""
    gate.check_again()
    with shown_in_words():
        seen = look(settings.load())
    words = language.chosen()
    _show_waiting(seen, words)
    _show_services(seen, words)
    _show_origins(seen, words)


def _show_waiting(seen: Seen, words: Words) -> None:
    _ = words.gettext
    waiting = seen.waiting
    oldest = words.moment(waiting.oldest_at, seen.rules.zone) if waiting.oldest_at else "—"
    grid = st.grid(4, min_column_width=150, key="queue_waiting")
    sending = sum(waiting.deliveries.get(each, 0) for each in ("claimed", "posting"))
    for label, figure, definition in (
        (_("Notifications"), words.number(waiting.notifications), _("Not yet handed to the user's phones.")),
        (
            _("Waiting"),
            words.number(waiting.deliveries.get("queued", 0)),
            _("Deliveries that wait for their turn or for their next attempt."),
        ),
        (_("Being sent"), words.number(sending), _("Taken by a worker, or on their way to a push service.")),
        (_("Oldest waiting"), oldest, _("When the oldest of what is open was queued.")),
    ):
        grid.metric(label, figure, help=definition, border=True, height="stretch")


def _show_services(seen: Seen, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("By push service"),
        anchor=False,
        help=_("Deliveries that are open, and those of the last 24 hours by what became of them."),
    )
    if not seen.services:
        st.info(_("Nothing waits and nothing was sent in the last 24 hours. A run writes new reminders."))
        return
    there = {name for row in seen.services for name in row.states}
    states = [name for name in (*OPEN_STATES, *FINAL_STATES) if name in there]
    columns: dict[str, list[object]] = {_("Push service"): [row.push_service for row in seen.services]}
    for name in states:
        columns[labels.delivery_state(words, name)] = [row.states.get(name, 0) for row in seen.services]
    showing.table(columns, key="queue_services", zone=seen.rules.zone)


def _show_origins(seen: Seen, words: Words) -> None:
    _ = words.gettext
    for each in seen.origins:
        if each.paused_until is None:
            continue
        until = words.moment(each.paused_until, seen.rules.zone)
        why = {
            "refused": _("it refused our key many times in a row; then one delivery tries, and if it is "
                         "accepted the others follow"),
            "throttled": _("it asked us to slow down"),
            "silent": _("it left many requests without an answer"),
            "probing": _("one delivery tries whether it accepts again"),
        }.get(each.reason or "", "")  # fmt: skip
        with st.container(border=True):
            st.text(f"⏸ {each.origin}")
            st.caption(_("Waits until {when}: {why}.").format(when=until, why=why))


def _show_choice(seen: Seen, chosen: str | None, words: Words) -> None:
    """Let one push service be looked at, where there are several or the address has one."""
    _ = words.gettext
    found = sorted({row.push_service for row in seen.services} | ({chosen} if chosen else set()))
    if len(found) > 1 or chosen:
        filters.choose(
            SERVICE,
            _("Push service"),
            [filters.ANY, *found],
            lambda one: one.removeprefix("https://") if one else _("All"),
            help=_("What went wrong and the hours below are those of this push service alone."),
            width=320,
        )


def _show_hours(seen: Seen, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("The last 24 hours"),
        anchor=False,
        help=_("Deliveries by the hour in which it was settled what became of them."),
    )
    if not any(hour.accepted or hour.other for hour in seen.hours):
        st.info(_("Nothing was sent in the last 24 hours."))
        return
    showing.chart(
        charts.per_hour(seen.hours, seen.rules.zone, words),
        key="queue_hours",
        alt=_("Deliveries per hour: accepted, and all other outcomes"),
    )


def _show_outcomes(seen: Seen, words: Words) -> None:
    """Show what became of the last day's deliveries at each of several push services."""
    rows = [row for row in seen.services if row.states.keys() & {*FINAL_STATES}]
    if len(rows) > 1:
        showing.chart(
            charts.per_push_service(rows, words),
            key="queue_outcomes",
            alt=words.gettext("Deliveries per push service: accepted, and all other outcomes"),
        )


def _show_consumers(seen: Seen, words: Words) -> None:
    _ = words.gettext
    st.subheader(_("Consumers"), anchor=False, help=_("Processes that send, seen within three minutes."))
    if not seen.consumers:
        st.warning(_("None is running, so nothing is sent. Start one: `make worker`"))
        return
    showing.table(
        {
            _("Machine"): [one.host for one in seen.consumers],
            _("Process"): [str(one.pid) for one in seen.consumers],
            _("Version"): [one.version for one in seen.consumers],
            _("Workers"): [one.workers for one in seen.consumers],
            _("Started"): [one.started_at for one in seen.consumers],
            _("Last seen"): [one.seen_at for one in seen.consumers],
        },
        key="queue_consumers",
        zone=seen.rules.zone,
    )
