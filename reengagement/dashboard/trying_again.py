"""What went wrong with deliveries, by cause, and trying them again: one, some, all of a cause (F5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st
from sqlalchemy import Connection

from reengagement import auditing, host, metrics, settings
from reengagement.dashboard import data, filters, labels, language, pressing, showing
from reengagement.dashboard.advice import advice
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.delivery import RESENDABLE, Resent, Which, resend, retry
from reengagement.errors import ReengagementError
from reengagement.metrics import Cause, Trouble
from reengagement.metrics.queue import SPAN
from reengagement.words import Words

Deed = Callable[[Connection, datetime], int | Resent]
SAID = "queue_said"
"""Key of the session's state: what the last press did."""


CAUSE = "cause"
"""The cause whose deliveries are shown, in the page's address."""


def show(
    found: Sequence[Cause], now: datetime, zone: ZoneInfo, name: str, push_service: str | None = None
) -> None:
    """Show each cause with what to do about it, in the name of the admin `name`.

    With a `push_service` the causes are its own, and so is what a press does.
    """
    words = language.chosen()
    _ = words.gettext
    st.subheader(
        _("What went wrong"),
        anchor=False,
        help=_("Deliveries of the last 24 hours that were not accepted, and those waiting for a retry."),
    )
    _show_said(words)
    if not found:
        st.success(_("Nothing went wrong in the last 24 hours."), icon=":material/check_circle:")
    for each in found:
        _show_cause(each, now, zone, name, push_service, words)


def _show_said(words: Words) -> None:
    said = pressing.heard(SAID)
    if said is None:
        return
    if isinstance(said, str):
        st.error(words.gettext("That didn't work."))
        st.code(said, language=None, wrap_lines=True)
        return
    st.success(sentence(said, words))


def sentence(done: int | Resent, words: Words) -> str:
    """Return what a press did: how many are tried again, and how many not, and why."""
    if isinstance(done, int):
        return words.ngettext("{n} delivery is tried now.", "{n} deliveries are tried now.", done)
    parts = [words.ngettext("{n} delivery is sent again.", "{n} deliveries are sent again.", done.queued)]
    for reason, n in done.refused.items():
        parts.append(
            {
                "campaign_closed": words.ngettext(
                    "{n} not: the campaign is closed.", "{n} not: their campaigns are closed.", n
                ),
                "later_level": words.ngettext(
                    "{n} not: a later reminder exists.", "{n} not: later reminders exist.", n
                ),
                "too_late": words.ngettext(
                    "{n} not: it is too late.", "{n} not: it is too late for them.", n
                ),
                "not_resendable": words.ngettext(
                    "{n} not: its outcome is final.", "{n} not: their outcome is final.", n
                ),
            }[reason]
        )
    return " ".join(parts)


def _show_cause(
    one: Cause, now: datetime, zone: ZoneInfo, name: str, push_service: str | None, words: Words
) -> None:
    _ = words.gettext
    title = labels.reason(words, one.reason) if one.reason else labels.delivery_state(words, one.state)
    key = f"{one.state}_{one.reason}"
    with st.container(border=True):
        st.text(f"{words.number(one.deliveries)} · {title}")
        st.caption(
            _("{state}; the newest {when}. {advice}").format(
                state=labels.delivery_state(words, one.state),
                when=words.moment(one.newest_at, zone),
                advice=advice(words, one.state, one.reason),
            )
        )
        which = Which(state=one.state, reason=one.reason, push_service=push_service)
        with st.container(horizontal=True):
            _show_action(which, name, words, key=f"all_{key}", every=True)
            chosen = _asked_to_show(key, words)
        if chosen:
            _show_troubles(one, now, zone, name, push_service, words)


def _asked_to_show(cause: str, words: Words) -> bool:
    """Return whether the deliveries of a cause are to be shown: of one at a time, by the address."""
    key, said = f"show_{cause}", filters.value(CAUSE) == cause
    with filters.binding(key, said, lambda shown: filters.change({CAUSE: cause if shown else ""})):
        st.toggle(words.gettext("Show them"), key=key)
    return said


def _show_action(which: Which, name: str, words: Words, *, key: str, every: bool) -> None:
    """Show the button that tries these again, where that can help."""
    _ = words.gettext
    if which.state == "queued":
        label = _("Try all now") if every else _("Try these now")
        pressing.button(label, _press_retry, (which, name), key=key, icon=":material/replay:")
    elif which.state in RESENDABLE:
        label = _("Send all again") if every else _("Send these again")
        pressing.button(
            label,
            _press_resend,
            (which, name),
            key=key,
            icon=":material/forward_to_inbox:",
            help=_("Where the first did arrive, the second takes its place on the phone."),
        )


def _show_troubles(
    one: Cause, now: datetime, zone: ZoneInfo, name: str, push_service: str | None, words: Words
) -> None:
    _ = words.gettext
    key, current = f"{one.state}_{one.reason}", settings.load()
    with shown_in_words(), data.snapshot(current) as connection:
        seen_host = host.connect(current.host, connection)
        found = metrics.troubles(connection, seen_host, now, one.state, one.reason, push_service)
    answer = showing.table(
        _columns(found, words),
        key=f"queue_{key}",
        zone=zone,
        on_select="rerun",
        selection_mode="multi-row",
    )
    if one.deliveries > len(found):
        st.caption(words.ngettext("The newest {n}.", "The newest {n}.", len(found)))
    picked = [found[row].id for row in answer.selection.rows if row < len(found)]
    if picked:
        which = Which(ids=picked, state=one.state, reason=one.reason)
        _show_action(which, name, words, key=f"some_{key}", every=False)


def _columns(found: Sequence[Trouble], words: Words) -> showing.Columns:
    _ = words.gettext
    return {
        _("User"): [row.name or row.user_id for row in found],
        _("Level"): [row.level for row in found],
        _("Push service"): [row.push_service for row in found],
        _("Attempts"): [row.attempts for row in found],
        _("Answer"): [row.status_code for row in found],
        _("When"): [row.at for row in found],
    }


def _press_retry(which: Which, name: str) -> None:
    _press("retried", lambda connection, now: retry(connection, which, now), name, which)


def _press_resend(which: Which, name: str) -> None:
    """Send these again, of a whole cause what the page shows: the last day's."""

    def do(connection: Connection, now: datetime) -> Resent:
        since = None if which.ids is not None else now - SPAN
        return resend(connection, replace(which, since=since), now)

    _press("resent", do, name, which)


def _press(what: auditing.Action, do: Deed, name: str, which: Which) -> None:
    """Do it, note who did, and keep for the page what came of it."""
    answer = pressing.kept(SAID)
    try:
        with data.transaction(settings.load()) as connection:
            now = clock(connection)
            done = do(connection, now)
            n = done if isinstance(done, int) else done.queued
            auditing.note(connection, name, what, now, deliveries=n, state=which.state, reason=which.reason)
        answer.what = done
    except ReengagementError as error:
        answer.what = str(error)
