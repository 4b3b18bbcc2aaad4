"""The queue's page (F5): what waits, what went wrong in words, trying again, a pause; for nobody else."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from reengagement import database, heartbeat
from reengagement.dashboard import causes
from reengagement.heartbeat import Consumer
from reengagement.tables import FINAL_STATES, OPEN_STATES, audit, delivery
from reengagement.words import words
from tests.dashboards import opened, settings_of, sign_in, texts
from tests.records import add_campaign, add_notification

PAGE = "pages/queue.py"
HOSTILE = "<b>*Алиса*</b>"
REASONS = {
    *(
        "worker_lost",
        "stopped",
        "timeout",
        "reset",
        "malformed",
        "returned",
        "opted_out",
        "closed",
        "too_late",
    ),
    *("no_subscription", "invalid_endpoint", "bad_keys", "not_allowed", "payload_size", "bad_payload"),
    *("expo", "rustore", "resent", "confirmed", "dns", "connect", "tls", "private_address"),
    *("http_400", "http_401", "http_403", "http_404", "http_406", "http_410", "http_413", "http_429"),
    *("http_500", "http_302", "gave_up_connect", "gave_up_http_503"),
}
"""Every reason that answers, drains and the check before posting write."""


@pytest.fixture
def dashboard(monkeypatch, clone_url):
    with settings_of(monkeypatch, DATABASE_URL=clone_url) as current:
        yield current


@pytest.fixture
def admin(monkeypatch, dashboard, engine):
    return sign_in(monkeypatch, engine)


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
    assert "1 · No answer came in time" in said
    assert "1 · The push service is out of order (503)" in said
    services, consumers = (frame.value for frame in test.dataframe)
    assert services.to_dict("records") == [
        {"Push service": "https://push.example.org", "waiting": 1, "accepted": 1, "unknown": 1}
    ]
    assert consumers["Machine"].tolist() == ["machine-1"]
    assert len(test.get("plotly_chart")) == 1


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
def test_every_state_and_every_reason_has_a_name_and_says_what_to_do(code):
    language = words(code)
    for state in (*OPEN_STATES, *FINAL_STATES):
        assert causes.state(language, state)
    for reason in REASONS:
        name, advice = causes.cause(language, "rejected", reason)
        assert reason not in (name, advice)
        assert len(advice) > 10, reason
