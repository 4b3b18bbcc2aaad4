"""Messages: the library of texts with what came of each, and one of them to edit (C5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from reengagement import library, metrics, rules, settings
from reengagement.dashboard import data, filters, labels, language, showing, text_editor
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.library import Kept, Revision
from reengagement.metrics import Sent
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.stats import Rate
from reengagement.tables import LEVELS, MESSAGE_TYPES
from reengagement.words import Words

LEVEL, TYPE, VARIANT, USER = "level", "type", "variant", "user"
"""Names in the address: the filters, the text that is open, whom it is shown for."""

NOTHING_SENT = Sent(0, 0, 0)


@dataclass(frozen=True)
class Shelf:
    """The texts, what came of each by its id, and the revisions of the one in the address."""

    now: datetime
    rules: Rules
    texts: Sequence[Kept]
    results: dict[str, Sent]
    revisions: Sequence[Revision]


def show(name: str) -> None:
    """Show the text in the address to the admin `name`, else the list."""
    words = language.chosen()
    asked = filters.value(VARIANT)
    with shown_in_words():
        found = _read(settings.load(), asked)
    if not asked:
        _show_list(found, words)
        return
    st.button(
        words.gettext("All messages"),
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=filters.change,
        args=({VARIANT: ""}, (USER,)),
    )
    one = next((each for each in found.texts if each.text.id == asked), None)
    if one is None:
        st.info(words.gettext("There is no such text. The link may be from another database, or cut off."))
        return
    text_editor.show(one, found.revisions, found.rules, name)
    _show_results(found.results.get(asked, NOTHING_SENT), words)


def _read(current: Settings, asked: str) -> Shelf:
    """Return what the page shows. Raises ReengagementError."""
    with data.snapshot(current) as connection:
        return Shelf(
            now=clock(connection),
            rules=rules.in_force(connection, current.rules).rules,
            texts=library.kept(connection),
            results={row.variant_id: row for row in metrics.by_variant(connection)},
            revisions=library.revisions(connection, asked) if asked else (),
        )


def _show_list(found: Shelf, words: Words) -> None:
    _ = words.gettext
    st.title(_("Messages"), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        level = filters.choose(
            LEVEL,
            _("Level"),
            [filters.ANY, *map(str, LEVELS)],
            lambda level: labels.level(words, int(level)) if level else _("Any level"),
            help=_("The level whose reminders use the text."),
        )
        kind = filters.choose(
            TYPE,
            _("Message type"),
            [filters.ANY, *MESSAGE_TYPES],
            lambda kind: labels.message_type(words, kind) if kind else _("Any type"),
            help=_("What the text appeals to."),
        )
    texts = [
        each
        for each in found.texts
        if level in ("", str(each.text.level)) and kind in ("", each.text.message_type)
    ]
    if texts:
        _show_rows(texts, found, words)
    elif found.texts:
        st.info(_("No text fits these filters."))
    else:
        st.info(_("The library is empty: `python -m reengagement migrate` adds the first texts."))


def _show_rows(texts: Sequence[Kept], found: Shelf, words: Words) -> None:
    _ = words.gettext
    st.caption(_("Select a row to see the text, edit it, or switch it on or off."))
    results = [found.results.get(each.text.id, NOTHING_SENT) for each in texts]
    answer = showing.table(
        {
            _("Title"): [each.text.title for each in texts],
            _("Level"): [each.text.level for each in texts],
            _("Message type"): [labels.message_type(words, each.text.message_type) for each in texts],
            _("In use"): [each.enabled for each in texts],
            _("Sent"): [one.sent for one in results],
            _("Clicked"): [one.clicked for one in results],
            _("Click rate"): [one.click_rate for one in results],
            _("95 % interval"): [interval(one.click_rate, words) for one in results],
            _("Returned within 7 days"): [one.return_rate for one in results],
            _("Text"): [each.text.id for each in texts],
        },
        key="messages",
        zone=found.rules.zone,
        definitions=_definitions(words),
        on_select="rerun",
        selection_mode="single-row",
    )
    if answer.selection.rows and answer.selection.rows[0] < len(texts):
        filters.change({VARIANT: texts[answer.selection.rows[0]].text.id})
        st.rerun()


def _definitions(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        _("In use"): _("A text that is switched off goes to nobody."),
        _("Sent"): _("Reminders with this text that a push service accepted, all its revisions together."),
        _("Clicked"): _("Those that were pressed."),
        _("Click rate"): _("Clicked of sent."),
        _("95 % interval"): _("Where the true click rate lies in 95 cases of 100 (Wilson)."),
        _("Returned within 7 days"): _(
            "Those followed by a completed step within 7 days, of sent; the reminder needn't be the cause."
        ),
    }


def interval(rate: Rate, words: Words) -> str | None:
    """Return the interval of a rate in words, None where it stands on too few to tell."""
    if rate.too_few or rate.interval is None:
        return None
    low, high = rate.interval
    return f"{words.percent(low)} – {words.percent(high)}"


def _show_results(one: Sent, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("What came of it"),
        anchor=False,
        help=_("Of all time and all revisions. The page “What did it bring?” compares texts fairly."),
    )
    meaning = _definitions(words)
    figures = {
        _("Sent"): words.number(one.sent),
        _("Clicked"): words.number(one.clicked),
        _("Click rate"): labels.rate(words, one.click_rate),
        _("95 % interval"): interval(one.click_rate, words) or _("too few to tell"),
        _("Returned within 7 days"): labels.rate(words, one.return_rate),
    }
    grid = st.grid(3, min_column_width=180)
    for label, figure in figures.items():
        grid.metric(label, figure, help=meaning[label], border=True)
