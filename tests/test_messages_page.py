"""The page of messages (C5): the library with its results, an editor that refuses, revisions, a switch."""

from pathlib import Path

import pytest
from sqlalchemy import select, text

from reengagement import database, library, tables, variants
from reengagement.errors import VariantError
from tests.dashboards import figures, opened, settings_of, texts
from tests.records import add_campaign, add_notification

PAGE = "pages/messages.py"
TEXT = "emotional-1-3"
TITLE = f"text_title_{TEXT}"
HOSTILE = "<b>*Алиса*</b>"


@pytest.fixture
def dashboard(monkeypatch, clone_url, engine):
    with engine.begin() as connection:
        variants.seed(connection, database.clock(connection))
    with settings_of(monkeypatch, DATABASE_URL=clone_url) as current:
        yield current


def at_messages(**query):
    test = opened(str(Path(__file__).parent.parent / PAGE), **query)
    assert not test.exception
    return test


def button(test, label):
    return next(each for each in test.button if each.label == label)


def write(test, field, value):
    next(each for each in test.text_input if each.label == field).set_value(value).run()
    assert not test.exception


def history(engine):
    with engine.connect() as connection:
        return [(one.number, one.title, one.by) for one in library.revisions(connection, TEXT)]


def noted(engine):
    with engine.connect() as connection:
        rows = connection.execute(select(tables.audit.c.what, tables.audit.c.details))
        return [(row.what, row.details) for row in rows if row.what.startswith("text_")]


def cards(test):
    return [each.proto.body for each in test.get("html")]


def test_c5_the_library_is_filtered_by_level_and_type_and_shows_what_came_of_each_text(admin, engine, people):
    people.add("alice", days_ago=10)
    with engine.begin() as connection:
        now = database.clock(connection)
        one = add_campaign(connection, "alice", now)
        add_notification(connection, one, variant_id=TEXT, sent_at=now, clicked_at=now)
    table = at_messages(lang="en", level="1", type="emotional").dataframe[0].value
    assert set(table["Level"]) == {1}
    assert set(table["Message type"]) == {"Emotional"}
    row = table.set_index("Text").loc[TEXT]
    assert (row["Sent"], row["Clicked"]) == (1, 1)
    assert row["Click rate"] == "100.0% · too few to tell"
    assert figures(at_messages(lang="en", variant=TEXT))["95 % interval"] == "too few to tell"


def test_c5_a_text_is_saved_as_a_new_revision_and_an_older_one_restored(admin, engine):
    test = at_messages(lang="en", variant=TEXT)
    before = history(engine)[0][1]
    assert button(test, "Save").disabled
    write(test, "Title", f"{HOSTILE} ждёт")
    assert any("&lt;b&gt;*Алиса*&lt;/b&gt; ждёт" in card for card in cards(test))
    assert not any("<b>" in card for card in cards(test))
    button(test, "Save").click().run()
    assert not test.exception
    assert test.success[0].value == "Saved as revision 2."
    assert history(engine)[0] == (2, f"{HOSTILE} ждёт", "admin")
    test.session_state["revisions"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    test.run()
    button(test, "Restore revision 1").click().run()
    assert history(engine)[0] == (3, before, "admin")
    assert next(each for each in test.text_input if each.label == "Title").value == before
    assert noted(engine) == [("text_edited", {"variant": TEXT, "revision": n}) for n in (2, 3)]


def test_c5_a_bad_placeholder_is_refused_while_typing_and_nothing_is_stored(admin, engine):
    said = {
        "en": "There is no such placeholder. Those that there are stand below the form.",
        "ru": "Такой подстановки нет. Все, какие есть, — под формой.",
    }
    for code, sentence in said.items():
        test = at_messages(lang=code, variant=TEXT)
        test.text_input(key=TITLE).set_value("{dogNmae} ждёт").run()
        assert sentence in [error.value for error in test.error]
        assert test.button(key="text_save").disabled
        test.text_input(key=TITLE).set_value("Ждём вас").run()
        test.text_input(key=TITLE).set_value("{dogNmae} ждёт")
        test.button(key="text_save").click().run()  # pressed before the page could say what is wrong
        assert [error.value for error in test.error] == [sentence] * 2
        assert len(history(engine)) == 1
    assert not noted(engine)


def test_c5_the_preview_fills_in_invented_users_and_a_real_one_with_a_hostile_name(admin, people):
    people.add("alice", days_ago=10, name=HOSTILE, dog="<i>Рекс</i>")
    test = at_messages(lang="en", variant="emotional-1-2", user="alice")
    shown = " ".join(cards(test))
    assert "Анна, Рекс передаёт привет" in shown
    assert "&lt;b&gt;*Алиса*&lt;/b&gt;, &lt;i&gt;Рекс&lt;/i&gt; передаёт" in shown
    assert "<i>" not in shown
    assert "Doesn't get this text, which needs: {userName}, {dogName}" in [each.value for each in test.text]


def test_c5_a_text_changed_by_someone_else_meanwhile_is_not_overwritten(admin, engine):
    test = at_messages(lang="en", variant=TEXT)
    with engine.begin() as connection:
        values = {"title": "Чужое", "body": "Занятие ждёт", "url": "/trainings"}
        variants.edit(connection, TEXT, **values, by="bob", now=database.clock(connection))
    write(test, "Title", "Моё")
    assert button(test, "Save").disabled
    assert any("Someone else changed this text" in each.value for each in test.warning)
    button(test, "Show the new text").click().run()
    assert next(each for each in test.text_input if each.label == "Title").value == "Чужое"
    assert history(engine)[0] == (2, "Чужое", "bob")


def test_c5_a_text_is_switched_off_and_on_but_never_the_last_that_suits_everyone(admin, engine):
    test = at_messages(lang="en", variant=TEXT)
    button(test, "Switch it off").click().run()
    with engine.connect() as connection:
        of_level = [one for one in library.kept(connection) if one.text.level == 1]
    assert [one.text.id for one in of_level if not one.enabled] == [TEXT]
    button(test, "Switch it on").click().run()
    assert [what for what, _ in noted(engine)] == ["text_disabled", "text_enabled"]
    others = [one.text.id for one in of_level if not one.text.needs and one.text.id != TEXT]
    with engine.begin() as connection:
        for other in others:
            library.switch(connection, other, enabled=False)
        with pytest.raises(VariantError, match="the last text of level 1"):
            library.switch(connection, TEXT, enabled=False)
    button(test, "Switch it off").click().run()
    assert any("last text in use that suits everyone" in error.value for error in test.error)
    write(test, "Title", "{dogName} ждёт")
    button(test, "Save").click().run()
    assert any("last text in use that suits everyone" in error.value for error in test.error)
    assert len(noted(engine)) == 2


def test_no_english_word_of_the_editor_is_left_in_russian_and_a_broken_database_is_told(admin, engine):
    english, russian = (set(texts(at_messages(lang=code, variant=TEXT))) for code in ("en", "ru"))
    assert not {each for each in english & russian if each.isascii() and " " in each}
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementVariantRevision" RENAME TO "Away"'))
    test = opened(str(Path(__file__).parent.parent / PAGE), lang="en")
    assert any("can't be used" in error.value for error in test.error)


def test_a_stranger_sees_nothing_of_the_messages(monkeypatch, dashboard):
    """F1."""
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: None)
    test = opened(str(Path(__file__).parent.parent / PAGE), lang="en", variant=TEXT)
    assert [title.value for title in test.title] == ["Sign in"]
    assert not test.dataframe
