"""The run button: four lines, one run a press, reasons, failures shown (E2)."""

import pytest
from sqlalchemy import select, text

from reengagement import database
from reengagement.dashboard import pressing, running
from reengagement.tables import campaign, run
from tests.dashboards import figures, opened, run_button, settings_of, sign_in, texts, zone_where_it_is


def lapse(people, engine, user_id, steps=2):
    """Add a user who has been inactive for six days of the database's clock."""
    with engine.connect() as connection:
        people.now = database.clock(connection)
    people.add(user_id, days_ago=6, steps=steps)


def campaigns_of(engine):
    with engine.connect() as connection:
        return len(connection.execute(select(campaign.c.id)).all())


def press(test, label):
    next(button for button in test.button if button.label == label).click().run()


def sooner(test):
    """Let the double click's time be over."""
    test.session_state[pressing.LAST].ended -= pressing.DOUBLE_CLICK_SECONDS


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "ru",
            [
                "✅ Планировщик выполнен успешно!",
                "🆕 Новых кампаний: 1",
                "📨 Уведомлений запланировано: 1",
                "✔️ Кампаний закрыто: 0",
            ],
        ),
        (
            "en",
            [
                "✅ Planner finished successfully!",
                "🆕 New campaigns: 1",
                "📨 Notifications scheduled: 1",
                "✔️ Campaigns closed: 0",
            ],
        ),
    ],
)
def test_the_run_button_answers_with_the_four_lines(admin, engine, people, language, lines):
    """E2."""
    lapse(people, engine, "alice")
    test = opened(lang=language)
    assert run_button(test).label in ("Запустить планировщик", "Run planner")
    run_button(test).click().run()
    answer = next(element.value for element in test.markdown if element.value.startswith("✅"))
    assert answer.split("  \n") == lines
    assert next(iter(figures(test).values())) == "1"
    with engine.connect() as connection:
        assert connection.execute(select(run.c.kind, run.c.started_by, run.c.state)).all() == [
            ("manual", "admin", "done")
        ]


def test_zeros_come_with_the_reason(admin, people):
    """E2."""
    test = opened(lang="en")
    run_button(test).click().run()
    said = " ".join(element.value for element in test.caption)
    assert "nobody has been inactive for 5 days or more" in said
    assert "no reminder of an open campaign is due yet" in said
    assert "nobody with an open campaign came back" in said


def test_those_held_back_are_counted_by_reason(admin, engine, people):
    """E2. All have campaigns; too few steps."""
    lapse(people, engine, "alice")
    lapse(people, engine, "bob", steps=1)
    test = opened(lang="en")
    run_button(test).click().run()
    sooner(test)
    run_button(test).click().run()
    said = " ".join(element.value for element in test.caption)
    assert "1 inactive user already has a campaign." in said
    assert "1 inactive user has completed too few steps." in said


def test_a_failing_run_is_shown_and_is_on_record(admin, engine, people):
    """E2, E3: a failure is shown, never swallowed."""
    test = opened(lang="en")
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementVariant" RENAME TO "Away"'))
    run_button(test).click().run()
    assert any("planner failed" in error.value for error in test.error)
    assert any("ReengagementVariant" in code.value for code in test.code)
    with engine.connect() as connection:
        state, error = connection.execute(select(run.c.state, run.c.error)).one()
    assert state == "failed"
    assert "ReengagementVariant" in error


def test_a_press_while_another_run_is_under_way_says_so(admin, engine, people):
    """B2, E2."""
    test = opened(lang="en")
    with engine.begin() as connection:
        assert running.planner.runs.take_lock(connection)
        run_button(test).click().run()
    assert any("Another run is under way" in warning.value for warning in test.warning)


def test_two_presses_in_a_row_are_one_run(admin, engine, people):
    """B2. The second press arrives when the first run is over already."""
    lapse(people, engine, "alice")
    test = opened(lang="en")
    run_button(test).click().run()
    run_button(test).click().run()
    with engine.connect() as connection:
        assert len(connection.execute(select(run.c.id)).all()) == 1


def test_at_night_the_page_asks_first(monkeypatch, clone_url, engine, people):
    """E2: a run by hand sends at once."""
    lapse(people, engine, "alice")
    with settings_of(monkeypatch, DATABASE_URL=clone_url, REENGAGEMENT_TIMEZONE=zone_where_it_is(3)):
        sign_in(monkeypatch, engine)
        test = opened(lang="en")
        run_button(test).click().run()
        assert any("may wake people" in warning.value for warning in test.warning)
        assert campaigns_of(engine) == 0
        press(test, "Cancel")
        assert not any("may wake people" in warning.value for warning in test.warning)
        run_button(test).click().run()
        press(test, "Run it all the same")
        assert campaigns_of(engine) == 1


def test_the_last_run_is_named_with_who_started_it(admin, engine, people):
    """E3."""
    test = opened(lang="en")
    assert "The planner hasn't run yet." in texts(test)
    run_button(test).click().run()
    assert any(
        said.startswith("Last run: ") and said.endswith("by hand: admin · done") for said in texts(test)
    )
