"""A text as it would stand on a phone: for invented users, and for a real one."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from reengagement import host, library, metrics, settings
from reengagement.dashboard import data, filters, phone, text_words
from reengagement.dashboard.markdown import escaped
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.metrics import Person
from reengagement.placeholders import LARGEST_NUMBER, Facts
from reengagement.rules import Rules
from reengagement.variants import Variant, render
from reengagement.words import Words

USER = "user"
"""Name in the address: the real user that is looked for."""

MOST_MATCHES = 10
FACTS = "text_facts"
"""Key of the session's state: the last real user's facts, which needn't be read at every letter."""

WITH_DOG = Facts("with-dog", "Анна", "Рекс", 2, 21, "Щенок в доме", 340, 52)
WITHOUT_DOG = replace(WITH_DOG, dog_name=None)
LONGEST = Facts(
    "longest",
    "Константин-Максимилиан Рождественский-Оболенский",
    "Вильгельмина Шарлотта фон Гогенцоллерн-Зигмаринген",
    LARGEST_NUMBER,
    LARGEST_NUMBER,
    "Послушание для взрослых собак крупных пород: продолжение курса и закрепление",
    LARGEST_NUMBER,
    LARGEST_NUMBER,
)


def show(text: Variant, rules: Rules, words: Words) -> dict[str, Facts]:
    """Show a good text for three invented users and one real one; return them by their labels."""
    _ = words.gettext
    st.subheader(
        _("On the lock screen"), anchor=False, help=_("As a phone shows it; a long text may be cut there.")
    )
    people = {
        _("With a dog"): WITH_DOG,
        _("Without a dog"): WITHOUT_DOG,
        _("With the longest names"): LONGEST,
    }
    for label, facts in people.items():
        _show_for(label, text, facts, words)
    return people | _show_real(text, rules, words)


def _show_for(whom: str, text: Variant, facts: Facts, words: Words) -> None:
    st.caption(escaped(whom))
    if text.suits(facts):
        filled = render(text, facts)
        phone.show(filled.title, filled.body)
        return
    needed = ", ".join(text_words.names_needed(text.title, text.body))
    st.text(words.gettext("Doesn't get this text, which needs: {needed}").format(needed=needed))


def _show_real(text: Variant, rules: Rules, words: Words) -> dict[str, Facts]:
    _ = words.gettext
    wanted = filters.write(
        USER,
        _("For a real user"),
        help=_("An id, or a part of a name or an e-mail address. Nothing is sent."),
        placeholder=_("Name, e-mail or id"),
    )
    if not wanted:
        return {}
    current = settings.load()
    with shown_in_words(), data.snapshot(current) as connection:
        found = metrics.find_people(connection, host.connect(current.host, connection), wanted, MOST_MATCHES)
    if not found:
        st.info(_("Nobody has this id, e-mail address or name. Try a part of the name."))
        return {}
    person = found[0] if len(found) == 1 else _choose(found, words)
    facts = _facts(person.user_id, rules)
    if facts is None:
        st.info(_("There is no user with this id."))
        return {}
    label = person.name or person.user_id
    _show_for(label, text, facts, words)
    return {label: facts}


def _choose(found: list[Person], words: Words) -> Person:
    names = [" · ".join(filter(None, (one.name, one.email, one.user_id))) for one in found]
    place: int = st.selectbox(
        words.gettext("Several users fit"), range(len(found)), format_func=names.__getitem__, key="text_user"
    )
    return found[place]


def _facts(user_id: str, rules: Rules) -> Facts | None:
    """Return what may be said to the user, as it was when this visitor first asked for them."""
    kept: Facts | None = st.session_state.get(FACTS)
    if kept is None or kept.user_id != user_id:
        current = settings.load()
        with shown_in_words(), data.snapshot(current) as connection:
            seen = host.connect(current.host, connection)
            kept = library.facts_of(connection, seen, rules, user_id, clock(connection))
        st.session_state[FACTS] = kept
    return kept
