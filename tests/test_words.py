"""Russian and English throughout (F7): all translated, numbers and plurals as each language has them."""

import ast
import string
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.mofile import write_mo

from reengagement.audience import HELD_BACK
from reengagement.auditing import ACTIONS
from reengagement.dashboard import catalogue, labels, rule_words
from reengagement.levels import KEPT_BACK
from reengagement.planner import STAGES
from reengagement.rules import Rules
from reengagement.tables import (
    ARMS,
    CLOSED_REASONS,
    FINAL_STATES,
    MESSAGE_TYPES,
    OPEN_STATES,
    OUTCOMES,
    REASONS,
    RUN_STATES,
)
from reengagement.words import FALLBACK, LANGUAGES, best_language, words

TRANSLATED = sorted(LANGUAGES.keys() - {FALLBACK})
SPACE = "\u00a0"


def messages(language):
    return [message for message in catalogue.read(language) if message.id]


def forms(text):
    return list(text) if isinstance(text, tuple | list) else [text]


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_the_code_is_in_the_catalogue_and_no_other(language):
    """Mended by: python -m reengagement.dashboard.catalogue"""
    in_code = {(message.context, message.id) for message in catalogue.extract() if message.id}
    assert {(message.context, message.id) for message in messages(language)} == in_code


def test_texts_are_found_in_pages_charts_and_the_dashboard():
    ids = {forms(message.id)[0] for message in catalogue.extract() if message.id}
    assert {"Overview", "Sign in", "Interval (95%): {low} to {high}", "Run planner"} <= ids


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_none_is_a_guess(language):
    for message in messages(language):
        assert all(forms(message.string)), f"not translated: {message.id}"
        assert not message.fuzzy, f"a guess: {message.id}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_placeholders_of_its_text(language):
    for message in messages(language):
        for form in forms(message.string):
            assert fields(form) == fields(forms(message.id)[-1]), message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_plurals_have_all_forms_of_the_language(language):
    count = catalogue.read(language).num_plurals
    assert count == 3
    assert all(len(forms(m.string)) == count for m in messages(language) if isinstance(m.id, tuple))


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_that_of_the_source(language):
    compiled = BytesIO()
    write_mo(compiled, catalogue.read(language))
    assert catalogue.path_of(language, ".mo").read_bytes() == compiled.getvalue()


def test_a_run_answers_with_the_documents_own_words():
    """E2."""
    russian = words("ru")
    assert russian.gettext("✅ Planner finished successfully!") == "✅ Планировщик выполнен успешно!"
    assert russian.gettext("🆕 New campaigns: {n}") == "🆕 Новых кампаний: {n}"
    assert russian.gettext("📨 Notifications scheduled: {n}") == "📨 Уведомлений запланировано: {n}"
    assert russian.gettext("✔️ Campaigns closed: {n}") == "✔️ Кампаний закрыто: {n}"
    assert russian.gettext("Run planner") == "Запустить планировщик"


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (1, "Ждёт отправки 1 напоминание"),
        (2, "Ждут отправки 2 напоминания"),
        (5, "Ждут отправки 5 напоминаний"),
        (11, "Ждут отправки 11 напоминаний"),
        (21, "Ждёт отправки 21 напоминание"),
        (1_000, f"Ждут отправки 1{SPACE}000 напоминаний"),
    ],
)
def test_russian_plurals(n, text):
    found = words("ru").ngettext(
        "{n} reminder is waiting to be sent", "{n} reminders are waiting to be sent", n
    )
    assert found == text


def test_english_plurals():
    one, many = "{n} reminder is waiting to be sent", "{n} reminders are waiting to be sent"
    assert words("en").ngettext(one, many, 1) == "1 reminder is waiting to be sent"
    assert words("en").ngettext(one, many, 1_000) == "1,000 reminders are waiting to be sent"


def test_numbers_percents_and_dates_are_written_as_the_language_does():
    moment, moscow = datetime(2025, 3, 10, 21, 30), ZoneInfo("Europe/Moscow")
    russian, english = words("ru"), words("en")
    assert (russian.number(1234567), english.number(1234567)) == (
        f"1{SPACE}234{SPACE}567",
        "1,234,567",
    )
    assert (russian.percent(0.1234), english.percent(0.1234)) == (f"12,3{SPACE}%", "12.3%")
    assert (russian.short_day(date(2025, 3, 10)), english.short_day(date(2025, 3, 10))) == (
        "10 мар.",
        "Mar 10",
    )
    assert english.moment(moment, moscow) == "Mar 11, 2025, 00:30"
    assert russian.moment(moment, moscow).endswith("00:30")
    assert (russian.separators, english.separators) == (f",{SPACE}", ".,")


@pytest.mark.parametrize("code", LANGUAGES)
def test_of_nothing_there_is_a_dash_and_not_zero_percent(code):
    """metrics: *Zero*."""
    assert words(code).percent(None) == "—"
    assert words(code).percent(0.0) != "—"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("ru-RU", "ru"), ("ru", "ru"), ("RU", "ru"), ("en-GB", "en"), ("de-DE", "en"), ("", "en"), (None, "en")],
)
def test_the_browsers_language_is_spoken_where_it_is_one_of_ours(tag, language):
    assert best_language(tag) == language


def test_an_unknown_language_is_the_fallback():
    assert words("xx").code == FALLBACK


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_stored_word_has_a_name(code):
    """A word of the domain without a name would show as it is stored, or stop the page."""
    language = words(code)
    assert all(labels.message_type(language, name) != name for name in MESSAGE_TYPES)
    assert all(labels.stage(language, name) != name for name in STAGES)
    for status in ("active", *CLOSED_REASONS):
        assert labels.campaign_status(language, status)
    for state in RUN_STATES:
        assert labels.run_state(language, state)
    assert all(labels.action(language, what) != what for what in ACTIONS)
    for reason in HELD_BACK:
        assert "3" in labels.held_back(language, reason, 3)
        assert labels.held_back_reason(language, reason)
    for rule in Rules.model_fields:
        assert rule_words.name(language, rule) != rule
        assert rule_words.meaning(language, rule)
    for reason in KEPT_BACK:
        assert "3" in labels.kept_back(language, reason, 3)
    assert all(labels.arm(language, name) for name in ARMS)
    assert all(labels.outcome(language, name) for name in OUTCOMES)
    assert all(labels.delivery_state(language, state) for state in (*OPEN_STATES, *FINAL_STATES))
    for reason in REASONS:
        assert labels.reason(language, reason) != reason
        assert labels.reason(language, reason) in labels.reason(language, f"gave_up_{reason}")
    assert all(str(status) in labels.reason(language, f"http_{status}") for status in (201, 403, 418, 503))


def reasons_in(tree):
    """Yield the literal reasons of answers, of verdicts before posting, and of what was lost or confirmed."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("Answer"), args=[_, ast.Constant(str() as word), *_]):
                yield word
            case ast.Tuple(elts=[_, ast.Constant(state), ast.Constant(str() as word)]) if (
                state in FINAL_STATES
            ):
                yield word
            case ast.keyword(arg="reason", value=ast.Constant(str() as word)):
                yield word
            case ast.FunctionDef(name=name) if name.startswith("_reason_"):
                found = [each for part in node.body for each in ast.walk(part)]
                yield from (each.value for each in found if isinstance(each, ast.Constant) and each.value)


def test_every_reason_that_the_code_gives_a_delivery_is_known():
    package = Path(labels.__file__).parents[1]
    files = [package / "webpush.py", *(package / "delivery").glob("*.py")]
    found = {word for file in files for word in reasons_in(ast.parse(file.read_text()))}
    assert found >= {"too_late", "bad_keys", "bad_payload", "confirmed", "dns", "timeout"}
    assert found <= set(REASONS)
