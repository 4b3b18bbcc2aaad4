"""The queue's page (F5): what waits, what went wrong in words, trying again, a pause; for nobody else."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from reengagement import database, heartbeat
from reengagement.dashboard.advice import advice
from reengagement.heartbeat import Consumer
from reengagement.tables import REASONS, audit, delivery, push_origin
from reengagement.words import words
from tests.dashboards import opened, texts
from tests.records import add_campaign, add_notification

PAGE = "pages/queue.py"
HOSTILE = "<b>*Алиса*</b>"


@pytest.fixture
def troubles(engine, people):
    """Alice's reminder: unknown on one phone, waiting for a retry on another, accepted on a third."""
    people.add("alice", days_ago=10, name=HOSTILE)
    with engine.begin() as connection:
        now = database.clock(connection)
        one = add_notification(connection, add_campaign(connection, "alice", now), run_id=1, settled_at=now)
        for state, reason, attempts, later in (
            ("unknown", "timeout", 1, 0),
            ("queued", "http_503", 1, 9),
            ("accepted", "http_201", 1, 0),
        ):
            connection.execute(
                insert(delivery).values(
                    notification_id=one,
                    subscription_id=state,
                    endpoint_hash=state.encode(),
                    push_service="https://push.example.org",
                    state=state,
                    reason=reason,
                    attempts=attempts,
                    queued_at=now,
                    next_attempt_at=now + timedelta(minutes=later),
                    expires_at=now + timedelta(hours=1),
                    settled_at=None if state == "queued" else now,
                )
            )
        heartbeat.beat(connection, Consumer(id="c1", host="machine-1", pid=7, version="1", workers=2), now)


def at_the_queue(**query):
    test = opened(**query)
    test.switch_page(PAGE).run()
    assert not test.exception, test.exception[0].message
    return test


def press(test, label):
    next(button for button in test.button if button.label == label).click().run()


def states(engine):
    with engine.connect() as connection:
        return sorted(connection.execute(select(delivery.c.state)).scalars())


def test_f5_it_shows_what_waits_what_went_wrong_and_who_does_the_work(admin, troubles):
    test = at_the_queue(lang="en")
    said = [element.value for element in test.text]
    assert "1 · the push service gave no answer in time" in said
    assert "1 · the push service had trouble (503)" in said
    services, consumers = (frame.value for frame in test.dataframe)
    assert services.to_dict("records") == [
        {"Push service": "https://push.example.org", "Waiting": 1, "Accepted": 1, "Unknown": 1}
    ]
    assert consumers["Machine"].tolist() == ["machine-1"]
    assert len(test.get("plotly_chart")) == 1
    assert not test.selectbox, "there is no choice of one push service"


OTHER = "https://other.example.org"


@pytest.fixture
def elsewhere(engine, troubles):
    """The delivery that waits for a retry goes to another push service than the other two."""
    with engine.begin() as connection:
        connection.execute(update(delivery).where(delivery.c.state == "queued").values(push_service=OTHER))


def test_f5_a_link_shows_one_push_service_and_a_press_is_about_it_alone(admin, engine, elsewhere):
    test = at_the_queue(lang="en", service="https://push.example.org", cause="unknown_timeout")
    said = [element.value for element in test.text]
    assert "1 · the push service gave no answer in time" in said
    assert "1 · the push service had trouble (503)" not in said
    assert test.selectbox[0].value == "https://push.example.org"
    assert [each.value for each in test.toggle] == [True]
    with engine.begin() as connection:
        connection.execute(
            update(delivery).values(state="unknown", reason="timeout", settled_at=database.clock(connection))
        )
    test.run()
    assert len(test.get("plotly_chart")) == 2, "by hour, and by push service"
    press(test, "Send all again")
    assert states(engine) == ["queued", "queued", "unknown"]


def test_f5_what_is_chosen_goes_into_the_address(admin, elsewhere):
    test = at_the_queue(lang="en")
    assert len(test.get("plotly_chart")) == 1, "nothing is final at the other one"
    test.selectbox[0].set_value(OTHER).run()
    assert test.query_params["service"] == OTHER
    next(each for each in test.toggle if each.key == "show_queued_http_503").set_value(True).run()
    assert test.query_params["cause"] == "queued_http_503"
    assert HOSTILE in {frame.value["User"].iloc[0] for frame in test.dataframe if "User" in frame.value}


def test_f5_an_unknown_push_service_in_the_address_has_nothing_wrong(admin, troubles):
    test = at_the_queue(lang="en", service="https://<b>nowhere</b>")
    assert any("Nothing went wrong" in each.value for each in test.success)


def test_f5_trying_again_by_cause_goes_through_and_is_noted(admin, engine, troubles):
    test = at_the_queue(lang="en")
    press(test, "Send all again")
    assert test.success[0].value == "1 delivery is sent again."
    press(test, "Try all now")
    assert states(engine) == ["accepted", "queued", "queued"]
    with engine.connect() as connection:
        noted = connection.execute(select(audit.c.what).order_by(audit.c.id)).scalars().all()
        due = connection.execute(
            text("SELECT count(*) FROM \"ReengagementDelivery\" WHERE state = 'queued'"
                 ' AND "nextAttemptAt" <= clock_timestamp() AT TIME ZONE \'UTC\'')
        ).scalar_one()  # fmt: skip
    assert noted[-2:] == ["resent", "retried"]
    assert due == 2


def test_f5_the_single_deliveries_of_a_cause_can_be_seen_and_a_name_is_only_text(admin, troubles):
    test = at_the_queue(lang="en")
    next(each for each in test.toggle if each.key == "show_unknown_timeout").set_value(True).run()
    assert not test.exception
    assert HOSTILE in {frame.value["User"].iloc[0] for frame in test.dataframe if "User" in frame.value}


def test_f5_a_push_service_that_waits_is_told_with_its_reason(admin, engine, troubles):
    with engine.begin() as connection:
        now = database.clock(connection)
        values = {
            "origin": "https://push.example.org",
            "refusals": 20,
            "reason": "refused",
            "updated_at": now,
        }
        connection.execute(insert(push_origin).values(paused_until=now + timedelta(minutes=9), **values))
    test = at_the_queue(lang="en")
    assert "⏸ https://push.example.org" in [element.value for element in test.text]
    assert any("refused our key many times" in caption.value for caption in test.caption)


def test_an_empty_queue_says_so_and_no_english_word_is_left_in_russian(admin):
    english, russian = (set(texts(at_the_queue(lang=code))) for code in ("en", "ru"))
    assert any("A run writes new reminders" in each for each in english)
    assert not {each for each in english & russian if each.isascii() and " " in each} - {
        "**:material/pets: Reengagement**"
    }


def test_a_broken_database_is_told(admin, engine):
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementPushOrigin" RENAME TO "Away"'))
    test = opened(lang="en")
    test.switch_page(PAGE).run()
    assert any("can't be used" in error.value for error in test.error)


def test_a_stranger_sees_nothing_of_the_queue(monkeypatch, dashboard, troubles):
    """F1."""
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: None)
    test = opened(str(Path(__file__).parent.parent / PAGE), lang="en")
    assert [title.value for title in test.title] == ["Sign in"]
    assert not test.dataframe


@pytest.mark.parametrize("code", ["ru", "en"])
def test_there_is_advice_for_every_reason(code):
    language = words(code)
    general = advice(language, "rejected", "a word that nobody wrote")
    answers = [f"http_{status}" for status in (302, 400, 401, 403, 404, 406, 410, 413, 429, 500, 503)]
    for reason in (*REASONS, *answers, "gave_up_connect"):
        found = advice(language, "rejected", reason)
        assert len(found) > 10
        assert found != general, reason
