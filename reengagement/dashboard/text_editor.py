"""The form in which one text is edited, beside its preview; its switch and its revisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from reengagement.dashboard import (
    labels,
    language,
    own_devices,
    pressing,
    text_deeds,
    text_history,
    text_preview,
    text_words,
)
from reengagement.dashboard.markdown import escaped
from reengagement.dashboard.text_deeds import FIELDS, field_key
from reengagement.library import Kept, Revision
from reengagement.placeholders import PLACEHOLDERS
from reengagement.rules import Rules
from reengagement.variants import Variant
from reengagement.words import Words


def show(one: Kept, revisions: Sequence[Revision], rules: Rules, name: str) -> None:
    """Show a text to be edited in the name of the admin `name`."""
    words = language.chosen()
    text = one.text
    base = text_deeds.begin(text)
    st.title(escaped(text.id), anchor=False)
    about = [
        labels.level(words, text.level),
        labels.message_type(words, text.message_type),
        words.gettext("revision {number}").format(number=text.revision),
    ]
    st.text(" · ".join(about))
    text_deeds.show_said(words)
    _show_switch(one, name, words)
    form, preview = st.columns(2, gap="large")
    with form:
        written = _show_form(text, base, name, words)
        _show_placeholders(words)
    with preview:
        if text_words.faults(written.title, written.body, written.url):
            st.info(words.gettext("The preview comes back as soon as the text is in order."))
        else:
            people = text_preview.show(written, rules, words)
            own_devices.show(written, people, rules.zone, name, words)
    text_history.show(text, revisions, rules.zone, name, words)


def _show_switch(one: Kept, name: str, words: Words) -> None:
    _ = words.gettext
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(
            _("This text is in use.") if one.enabled else _("This text is switched off: nobody gets it."),
            width="content",
        )
        pressing.button(
            _("Switch it off") if one.enabled else _("Switch it on"),
            text_deeds.press_switch,
            (one.text.id, not one.enabled, name),
            key="text_switch",
            icon=":material/toggle_off:" if one.enabled else ":material/toggle_on:",
        )


def _show_form(text: Variant, base: int, name: str, words: Words) -> Variant:
    """Show the fields with what is wrong in each, and the button; return the text as written."""
    _ = words.gettext
    named = {"title": _("Title"), "body": _("Body"), "url": _("Link")}
    helped = {
        "title": _("The first line, in bold."),
        "body": _("What stands under the title, on one line."),
        "url": _("The page of the product that a press opens, as in /trainings."),
    }
    stored = {field: getattr(text, field) for field in FIELDS}
    typed = {field: st.session_state[field_key(text.id, field)] or "" for field in FIELDS}
    faults = text_words.faults(**typed)
    for field in FIELDS:
        st.text_input(named[field], key=field_key(text.id, field), help=helped[field], live=True)
        if field in faults:
            st.error(text_words.refusal(words, faults[field], field))
    outdated = base != text.revision
    if outdated:
        st.warning(text_words.refusal(words, "changed"))
        st.button(_("Show the new text"), on_click=text_deeds.forget, args=(text.id,))
    unchanged = {field: typed[field].strip() for field in FIELDS} == stored
    pressing.button(
        _("Save"),
        text_deeds.press_save,
        (text.id, base, name),
        key="text_save",
        type="primary",
        icon=":material/save:",
        disabled=bool(faults) or unchanged or outdated,
        help=_("The text becomes a new revision; reminders written from now on use it."),
    )
    title, body, url = (typed[field].strip() for field in FIELDS)
    return replace(text, title=title, body=body, url=url)


def _show_placeholders(words: Words) -> None:
    _ = words.gettext
    example = text_preview.WITH_DOG
    rows = [
        (form, text_words.meaning(words, name), text_words.example(form, example))
        for name in PLACEHOLDERS
        for form in text_words.written(name)
    ]
    st.caption(_("Placeholders: each is filled in for the user; who lacks one doesn't get the text."))
    st.dataframe(
        {
            _("Placeholder"): [row[0] for row in rows],
            _("Example"): [row[2] for row in rows],
            _("What it becomes"): [row[1] for row in rows],
        },
        hide_index=True,
        height="content",
        key="placeholders",
    )
