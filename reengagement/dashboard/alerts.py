"""What the page of alerts shows: open ones and since when, what was, and who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from reengagement import alerts, rules, settings
from reengagement.alerts import Alert, Attempt, Condition
from reengagement.dashboard import amiss, data, language, pressing, showing
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.words import LANGUAGES, NOTHING, Words

RESULT = "alerts_test"
EXAMPLES = """REENGAGEMENT_ALERT_URLS="mailto://user:password@example.org tgram://bottoken/chat"
REENGAGEMENT_ALERT_LANGUAGE=en"""


@dataclass(frozen=True)
class _Found:
    rules: Rules
    amiss: Sequence[Condition]
    rows: Mapping[tuple[str, str], Alert]
    history: Sequence[Alert]


def show(name: str) -> None:
    """Show the alerts to the admin `name`."""
    current = settings.load()
    with shown_in_words(), data.snapshot(current) as connection:
        in_force = rules.in_force(connection, current.rules).rules
        found = _Found(
            in_force,
            amiss.conditions(connection, current, in_force, clock(connection)),
            {(one.kind, one.subject): one for one in alerts.open_alerts(connection)},
            alerts.history(connection),
        )
    words = language.chosen()
    st.title(words.gettext("Alerts"), anchor=False)
    _show_open(found, current, words)
    _show_receivers(current, words)
    _show_history(found, words)


def _show_open(found: _Found, current: Settings, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("Open"),
        anchor=False,
        help=_(
            "Consumers and this process look every minute, at click and return rates every 15 minutes and "
            "after a run. An alert closes by itself when its cause has gone."
        ),
    )
    if not found.amiss:
        st.success(_("Nothing is amiss."), icon=":material/check_circle:")
        return
    rows = [found.rows.get((one.kind, one.subject)) for one in found.amiss]
    showing.table(
        {
            _("Alert"): [_title(one, found.rules, words) for one in found.amiss],
            _("Since"): [row.opened_at if row else None for row in rows],
            _("Told"): [
                _told(one, row, bool(current.alert_urls), found.rules, words)
                for one, row in zip(found.amiss, rows, strict=True)
            ],
        },
        key="open_alerts",
        zone=found.rules.zone,
    )
    failures = {_failure(each, words) for row in rows if row for each in row.tell_error or ()}
    st.text("\n".join(sorted(failures)))


def _title(one: Condition | Alert, in_force: Rules, words: Words) -> str:
    return alerts.say(words, one.kind, one.details, in_force.zone).title


def _told(one: Condition | Alert, row: Alert | None, somebody: bool, in_force: Rules, words: Words) -> str:
    """Return whether people know of it, or why not."""
    _ = words.gettext
    if row and row.told_at:
        return words.moment(row.told_at, in_force.zone)
    if row and row.tell_error:
        tries = words.ngettext("{n} try", "{n} tries", row.tries)
        return f"{_('not delivered')}, {tries}"
    if row and row.closed_at:
        return NOTHING
    if not one.sure:
        return _("not yet: it isn't certain")
    return _("within minutes") if somebody else _("nobody is named")


def _failure(failure: Mapping[str, Any], words: Words) -> str:
    reason = _reason(failure["reason"], failure["status"], words)
    return f"{failure['receiver']}: {reason}"


def _reason(reason: str, status: int | None, words: Words) -> str:
    """Return why a receiver could not be told."""
    _ = words.gettext
    if reason == alerts.UNKNOWN:
        return _("Apprise knows no such service, or the address lacks something")
    if status:
        return _("it answered {status}").format(status=status)
    return _("it could not be reached, or refused the message")


def _show_receivers(current: Settings, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("Who is told"),
        anchor=False,
        help=_(
            "Each receiver gets one message for each alert, once it is certain: for a rate, when at least 50 "
            "matured ones of 28 days make it 95% probable that it lies below its threshold."
        ),
    )
    if not current.alert_urls:
        st.info(
            _(
                "Nobody yet. Name e-mail, Slack, Telegram or any other service of Apprise in the environment "
                "of web and worker:"
            )
        )
        st.code(EXAMPLES, language=None, wrap_lines=True)
        return
    st.text("\n".join(one.name for one in alerts.receivers(current)))
    st.caption(_("In this language: {language}.").format(language=LANGUAGES[current.alert_language]))
    pressing.button(_("Send a test"), _press_send, icon=":material/send:", key="send_test")
    for attempt in pressing.heard(RESULT) or ():
        _show_attempt(attempt, words)


def _press_send() -> None:
    answer = pressing.kept(RESULT)
    with st.spinner(language.chosen().gettext("Sending")):
        answer.what = alerts.send_test(settings.load())


def _show_attempt(attempt: Attempt, words: Words) -> None:
    _ = words.gettext
    box = st.container(horizontal=True, vertical_alignment="center")
    if attempt.reason is None:
        box.badge(_("delivered"), icon=":material/check:", color="green")
    else:
        reason = _reason(attempt.reason, attempt.status, words)
        box.badge(_("not delivered"), icon=":material/error:", color="red")
        box.text(reason)
    box.text(attempt.receiver.name)


def _show_history(found: _Found, words: Words) -> None:
    _ = words.gettext
    st.subheader(_("History"), anchor=False, help=_("The last 100 alerts that have closed."))
    if not found.history:
        st.caption(_("No alert has closed yet."))
        return
    showing.table(
        {
            _("Alert"): [_title(one, found.rules, words) for one in found.history],
            _("From"): [one.opened_at for one in found.history],
            _("Until"): [one.closed_at for one in found.history],
            _("Told"): [_told(one, one, True, found.rules, words) for one in found.history],
        },
        key="alerts_history",
        zone=found.rules.zone,
    )
