"""Settings as Streamlit draws them: changed with a look at tomorrow, paused and resumed."""

from pathlib import Path

import pytest
from sqlalchemy import text

from reengagement import auditing, database, pause, rules
from tests.dashboards import opened, settings_of, texts

PAGE = str(Path(__file__).parent.parent / "pages" / "rules.py")


@pytest.fixture
def dashboard(monkeypatch, clone_url):
    with settings_of(monkeypatch, DATABASE_URL=clone_url, REENGAGEMENT_GAP_DAYS="7") as current:
        yield current


def press(test, label):
    return next(button for button in test.button if button.label == label).click().run()


def table(test, number):
    frame = test.dataframe[number].value
    return frame.set_index(frame.columns[0])


def test_a_change_is_looked_at_by_what_it_does_tomorrow_then_saved_under_a_name(admin, engine, people):
    """Alice was active four days ago: tomorrow she has lapsed, by the present rules and not by six days."""
    with engine.connect() as connection:
        people.now = database.clock(connection)
    people.add("alice", days_ago=4.5)
    test = opened(PAGE, lang="en")
    assert next(one for one in test.number_input if one.label.startswith("Gap")).disabled
    next(one for one in test.number_input if one.label == "Level 1, day").set_value(6)
    press(test, "See what it would change")
    assert any("5 / 12 / 20 / 30 → 6 / 12 / 20 / 30" in line.value for line in test.text)
    tomorrow = table(test, 0)
    assert tomorrow.loc["New campaigns"].tolist() == ["1", "0 (−1)"]
    assert tomorrow.loc["Level 1"].tolist() == ["1", "0 (−1)"]
    press(test, "Save")
    assert "Saved" in test.success[0].value
    assert table(test, 0).loc["Days of the levels"].tolist()[:3] == ["6 / 12 / 20 / 30", "set here", "admin"]
    with engine.connect() as connection:
        assert rules.in_force(connection, {}).rules.level_days == (6, 12, 20, 30)
        [note] = auditing.read(connection, what="rule_changed").notes
        assert (note.who, note.details["rule"]) == ("admin", "level_days")
    press(test, "Days of the levels: 5 / 12 / 20 / 30")
    press(test, "Save")
    with engine.connect() as connection:
        assert rules.in_force(connection, {}).rules.level_days == (5, 12, 20, 30)


def test_what_does_not_hold_can_not_be_saved_and_the_rule_is_named(admin):
    """F7: in the visitor's language."""
    test = opened(PAGE, lang="ru")
    assert test.title[0].value == "Настройки"
    next(one for one in test.number_input if one.label == "Уровень 2, день").set_value(5)
    press(test, "Показать, что изменится")
    assert test.error[0].value.startswith("Дни уровней: четыре возрастающих числа")
    assert "Сохранить" not in [button.label for button in test.button]


def test_a_change_that_came_after_someone_elses_is_not_saved(admin, engine):
    test = opened(PAGE, lang="en")
    next(one for one in test.number_input if one.label.startswith("Look-back")).set_value(50)
    press(test, "See what it would change")
    with engine.begin() as connection:
        now = database.clock(connection)
        seen = rules.in_force(connection, {}).rules
        rules.change(connection, {}, {"look_back_days": 40}, seen=seen, by="boris", now=now)
    press(test, "Save")
    assert "Someone else" in test.warning[0].value or "Someone else" in str(texts(test))
    with engine.connect() as connection:
        assert rules.in_force(connection, {}).rules.look_back_days == 40


def test_every_rule_says_where_it_comes_from(admin):
    rows = table(opened(PAGE, lang="en"), 0)
    assert len(rows) == len(rules.Rules.model_fields)
    assert rows.loc["Gap between reminders, days"].tolist()[:2] == ["7", "environment: fixed"]
    assert rows.loc["Daily run at"].tolist()[:2] == ["08:00", "default"]
    assert rows["What it does"].all()


def test_pausing_asks_first_and_sending_is_resumed_from_here(admin, engine):
    test = opened(PAGE, lang="en")
    for answer, paused in (("Cancel", False), ("Pause", True)):
        press(test, "Pause all sending")
        assert "0 deliveries are waiting now" in test.warning[-1].value
        press(test, answer)
        with engine.connect() as connection:
            assert (pause.since(connection) is not None) == paused
    press(test, "Resume sending")
    with engine.connect() as connection:
        assert pause.since(connection) is None
        assert [note.what for note in auditing.read(connection).notes][:2] == ["resumed", "paused"]


def test_a_broken_database_is_told_and_a_stranger_sees_nothing(admin, engine, monkeypatch):
    """F1."""
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementSetting" RENAME COLUMN "updatedBy" TO "away"'))
    test = opened(PAGE, lang="en")
    assert "updatedBy" in test.code[0].value
    assert not test.number_input
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: None)
    test = opened(PAGE, lang="en")
    assert [title.value for title in test.title] == ["Sign in"]
    assert not test.button
