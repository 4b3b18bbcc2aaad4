"""One campaign's story: its facts, a time line, the texts as they were written, the deliveries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from reengagement import host, metrics, rules, settings
from reengagement.dashboard import data, facts, labels, language, links, phone, showing, timeline
from reengagement.dashboard.markdown import escaped
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.metrics import Event, NotificationStory, Story
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.words import NOTHING, Words

COLOURS = {
    "sent": timeline.BLUE,
    "shown": timeline.BLUE,
    "clicked": timeline.GREEN,
    "returned": timeline.GREEN,
    "settled": timeline.ORANGE,
}


@dataclass(frozen=True)
class Told:
    """A story, None if there is no such campaign, and what is needed to tell it."""

    now: datetime
    rules: Rules
    story: Story | None


def show(campaign_id: str, back: Callable[[], None]) -> None:
    """Show the story of the campaign; `back` leads to the list."""
    words = language.chosen()
    _ = words.gettext
    with shown_in_words():
        told = _read(settings.load(), campaign_id)
    st.button(_("All campaigns"), icon=":material/arrow_back:", type="tertiary", on_click=back)
    if told.story is None:
        st.info(_("There is no such campaign. The link may be from another database, or cut off."))
        return
    one = told.story
    st.title(escaped(one.name or one.user_id), anchor=False)
    links.show("why", _("Why this user?"), {"id": one.user_id})
    facts.show(_facts(one, told.rules, words), key="campaign_facts")
    line, texts = st.columns(2, gap="large")
    with line:
        _show_line(one, told, words)
    with texts:
        _show_texts(one, words)
    _show_deliveries(one, told.rules, words)


def _read(current: Settings, campaign_id: str) -> Told:
    """Return the story. Raises ReengagementError."""
    with data.snapshot(current) as connection:
        seen = host.connect(current.host, connection)
        in_force = rules.in_force(connection, current.rules).rules
        return Told(clock(connection), in_force, metrics.story_of(connection, seen, campaign_id))


def _facts(one: Story, in_force: Rules, words: Words) -> list[facts.Fact]:
    _ = words.gettext

    def when(moment: datetime | None) -> str:
        return words.moment(moment, in_force.zone) if moment else NOTHING

    return [
        (_("Status"), labels.campaign_status(words, one.status), _("What has become of the campaign.")),
        (_("Level"), labels.level(words, one.level), _("The level that is due next, or was the last.")),
        (_("Started"), when(one.started_at), _("When a run opened the campaign.")),
        (
            _("Last activity"),
            when(one.last_activity_at),
            _("The newest completed step when the campaign was last planned for."),
        ),
        (
            _("Next due"),
            when(one.next_due_at),
            _("When the level falls due: its day after the last activity, and the gap after a reminder."),
        ),
        (
            _("First return"),
            when(one.first_return_at),
            _("The first completed step between the start and the end of the window."),
        ),
        (
            _("Window ends"),
            when(one.window_ends_at),
            _("Until then a completed step counts as a return; afterwards the campaign is exhausted."),
        ),
        (
            _("Arm"),
            labels.arm(words, one.arm),
            _("In the holdout nothing is sent: so it can be told what reminders achieve."),
        ),
    ]


def _show_line(one: Story, told: Told, words: Words) -> None:
    st.subheader(
        words.gettext("What happened"),
        anchor=False,
        help=words.gettext("Every event of the campaign in order; an empty dot lies ahead."),
    )
    timeline.show(
        [
            timeline.Moment(
                when=words.moment(event.at, told.rules.zone) if event.at else words.gettext("at some time"),
                what=sentence(event, one, words),
                colour=COLOURS.get(event.kind, timeline.GREY),
                ahead=event.kind in metrics.AHEAD,
            )
            for event in one.events()
        ]
    )


def sentence(event: Event, one: Story, words: Words) -> str:
    """Return what happened, in words."""
    _ = words.gettext
    if event.kind == "opened":
        return _opened(event, one, words)
    if event.kind == "closed":
        status = labels.campaign_status(words, event.word or one.status)
        return _("Closed: {status}").format(status=status)
    if event.kind == "returned":
        return _("The user came back: a step was completed")
    if event.kind == "window_ends":
        return _("The time in which a return counts ends")
    return f"{labels.level(words, event.level or one.level)}: {_of_level(event, words)}"


def _opened(event: Event, one: Story, words: Words) -> str:
    _ = words.gettext
    if event.run_id is None:
        return _("Opened by an older system")
    if event.word is None:
        return _("Opened by run {run}").format(run=event.run_id)
    starter = labels.starter(words, event.word, one.started_by or NOTHING)
    return _("Opened by run {run}, {starter}").format(run=event.run_id, starter=starter)


def _of_level(event: Event, words: Words) -> str:
    _ = words.gettext
    if event.kind == "queued":
        by_run = _("queued by run {run}").format(run=event.run_id)
        return by_run if event.run_id is not None else _("written by an older system")
    if event.kind == "fanned_out":
        return words.ngettext("goes to {n} subscription", "goes to {n} subscriptions", event.number or 0)
    if event.kind == "settled":
        outcome = labels.outcome(words, event.word or "failed").lower()
        reasons = "; ".join(labels.reason(words, reason) for reason in event.reasons)
        if event.word == "unreachable":
            reasons = _("the user has no subscription")
        return f"{outcome}: {reasons}" if reasons else outcome
    return {
        "sent": _("accepted by a push service"),
        "shown": _("shown on the phone"),
        "clicked": _("pressed"),
        "due": _("falls due"),
    }[event.kind]


def _show_texts(one: Story, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("The texts"), anchor=False, help=_("As they were written for this user when they were queued.")
    )
    if not one.notifications:
        holdout = _("This campaign is in the holdout: it is watched, and nothing is sent.")
        none_yet = _("No reminder has been written yet: the next run after the level falls due writes one.")
        st.info(holdout if one.arm == "holdout" else none_yet)
    for notification in one.notifications:
        _show_text(notification, words)


def _show_text(one: NotificationStory, words: Words) -> None:
    parts = [labels.level(words, one.level), labels.message_type(words, one.message_type), one.variant_id]
    if one.outcome:
        parts.append(labels.outcome(words, one.outcome))
    st.caption(escaped(" · ".join(parts)))
    phone.show(one.title, one.body)


def _show_deliveries(one: Story, in_force: Rules, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("Deliveries"),
        anchor=False,
        help=_("A row for each reminder and subscription. Addresses of subscriptions are never shown."),
    )
    rows = [(each.level, delivery) for each in one.notifications for delivery in each.deliveries]
    if not rows:
        st.info(_("No deliveries: reminders go to the subscriptions that a user has when they leave."))
        return
    showing.table(
        {
            _("Level"): [level for level, _one in rows],
            _("Push service"): [each.push_service for _level, each in rows],
            _("State"): [labels.delivery_state(words, each.state) for _level, each in rows],
            _("Reason"): [
                labels.reason(words, each.reason) if each.reason else None for _level, each in rows
            ],
            _("Answer"): [each.status_code for _level, each in rows],
            _("Tries"): [each.attempts for _level, each in rows],
            _("Queued"): [each.queued_at for _level, each in rows],
            _("Posted"): [each.posted_at for _level, each in rows],
            _("Settled"): [each.settled_at for _level, each in rows],
            _("Next try"): [
                each.next_attempt_at if each.state == "queued" else None for _level, each in rows
            ],
        },
        key="deliveries",
        zone=in_force.zone,
    )
