"""A message sent as a test to the visitor's own devices, and which devices these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import devices, settings
from reengagement.answers import Answer
from reengagement.dashboard import advice, data, labels, pressing
from reengagement.dashboard.address import as_served
from reengagement.dashboard.markdown import escaped
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.devices import Device
from reengagement.errors import ReengagementError
from reengagement.http import destination
from reengagement.placeholders import Facts
from reengagement.variants import Variant, render
from reengagement.words import Words

SAID = "device_said"
"""Key of the session's state: what came of the last test, an answer or an error."""
TOO_SOON = "too soon"


def show(text: Variant, people: Mapping[str, Facts], zone: ZoneInfo, name: str, words: Words) -> None:
    """Show the devices of `name`, and the button that sends them the text as one of `people` gets it."""
    _ = words.gettext
    st.subheader(
        _("On your own device"),
        anchor=False,
        help=_("The text as it stands here, saved or not. It goes to you alone and is counted nowhere."),
    )
    current = as_served(settings.load())
    with shown_in_words(), data.snapshot(current) as connection:
        mine = devices.of(connection, name)
        link = f"{devices.link(connection, current, name, clock(connection))}?lang={words.code}"
    whom = {label: facts for label, facts in people.items() if text.suits(facts)}
    if not mine:
        st.info(_("None yet. Add the browser that is to show your tests, here or on a phone."))
    elif whom:
        _show_button(text, whom, [_label(one, zone, words) for one in mine], mine, name, words)
    _show_said(words)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button(_("Add this browser"), link, icon=":material/add_to_home_screen:")
        with st.popover(_("Add another device"), icon=":material/link:"):
            st.text(_("Open this link there within half an hour. It adds the device in your name."))
            st.code(link, language=None, wrap_lines=True)
        if mine:
            with st.popover(_("Remove a device"), icon=":material/delete:"):
                _show_removal(mine, zone, name, words)


def _label(one: Device, zone: ZoneInfo, words: Words) -> str:
    return f"{one.push_service.removeprefix('https://')} · {words.moment(one.added_at, zone)}"


def _show_button(
    text: Variant,
    whom: Mapping[str, Facts],
    labelled: Sequence[str],
    mine: Sequence[Device],
    name: str,
    words: Words,
) -> None:
    _ = words.gettext
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reader = st.selectbox(_("As it reads for"), list(whom), key="device_reader")
        place = st.selectbox(
            _("Device"), range(len(mine)), format_func=lambda number: labelled[number], key="device_place"
        )
        pressing.button(
            _("Send a test"),
            _press_send,
            (text, whom[reader], mine[place], name),
            key="device_send",
            icon=":material/send_to_mobile:",
        )


def _press_send(text: Variant, facts: Facts, one: Device, name: str) -> None:
    """Send the text to the device; no transaction is open meanwhile."""
    answer, current = pressing.kept(SAID), as_served(settings.load())
    try:
        with data.transaction(current) as connection:
            rested = devices.may_test(connection, one.key, clock(connection))
        if not rested:
            answer.what = TOO_SOON
            return
        filled = render(text, facts)
        sent = devices.send(
            current, one, filled.title, filled.body, destination(current.landing_url, text.url)
        )
        with data.transaction(current) as connection:
            devices.note_test(connection, name, one, text.id, sent, clock(connection))
        answer.what = sent
    except ReengagementError as error:
        answer.what = error


def _show_removal(mine: Sequence[Device], zone: ZoneInfo, name: str, words: Words) -> None:
    _ = words.gettext
    for one in mine:
        pressing.button(
            escaped(_("Remove {device}").format(device=_label(one, zone, words))),
            _press_remove,
            (one, name),
            key=f"device_remove_{one.key.hex()}",
            type="tertiary",
        )


def _press_remove(one: Device, name: str) -> None:
    answer = pressing.kept(SAID)
    try:
        with data.transaction(settings.load()) as connection:
            devices.remove(connection, name, one.key, clock(connection))
    except ReengagementError as error:
        answer.what = error


def _show_said(words: Words) -> None:
    """Show once what came of the last press."""
    said = pressing.heard(SAID)
    if isinstance(said, Answer):
        _show_answer(said, words)
    elif said == TOO_SOON:
        st.warning(words.gettext("A test has just left, or the device was removed. Wait a moment."))
    elif said is not None:
        st.error(words.gettext("That didn't work."))
        st.code(str(said), language=None, wrap_lines=True)


def _show_answer(answer: Answer, words: Words) -> None:
    _ = words.gettext
    if answer.outcome == "accepted":
        st.success(_("The push service took it. It should be on the device in a moment."))
        return
    if answer.outcome == "gone":
        st.warning(_("The device can't be reached any more, so it was removed. Add it again to test."))
        return
    why = _("It didn't arrive: {reason}.").format(reason=labels.reason(words, answer.reason))
    st.error(f"{escaped(why)} {advice.advice(words, answer.outcome, answer.reason)}")
