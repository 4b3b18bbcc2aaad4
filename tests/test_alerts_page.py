"""Alerts as the dashboard shows them: above every page, and on a page of their own."""

import pytest
from sqlalchemy import insert, text

from reengagement import alerts, database, heartbeat
from reengagement.alerts import ledger
from reengagement.alerts.conditions import Condition
from reengagement.tables import push_origin, run
from tests.dashboards import opened, settings_of, sign_in, texts
from tests.receiver import receiving
from tests.records import add_campaign, add_notification, days

HOSTILE = "**bold** [x](https://evil.example) :red[y] <b>z</b>"


@pytest.fixture
def receiver():
    with receiving() as received:
        yield received


@pytest.fixture
def dashboard(monkeypatch, clone_url, receiver, engine):
    urls = f"{receiver.url}, nosuch://token"
    with settings_of(monkeypatch, DATABASE_URL=clone_url, REENGAGEMENT_ALERT_URLS=urls) as current:
        sign_in(monkeypatch, engine)
        yield current


@pytest.fixture
def trouble(engine):
    """Nobody pressed any of 60 reminders, a run failed, a push service refuses, and no consumer is alive."""
    with engine.begin() as connection:
        now = database.clock(connection)
        for number in range(60):
            at = now - days(5)
            add_notification(connection, add_campaign(connection, f"u{number}", at), sent_at=at)
        failed = {"kind": "manual", "started_by": "test", "state": "failed", "error": HOSTILE}
        moments = {"now": now, "started_at": now, "finished_at": now, "local_date": now.date()}
        connection.execute(insert(run).values(**failed, **moments))
        refusing = {"origin": "https://push.example", "reason": "refused", "refusals": 30}
        connection.execute(insert(push_origin).values(updated_at=now, **refusing))


def titles(boxes):
    """Return the bold beginnings of notices, as they are read."""
    return [box.value.split("**")[1].replace("\\", "") for box in boxes if "**" in box.value]


def test_f6_every_page_shows_what_is_amiss_at_once_the_worst_first(dashboard, trouble):
    """With n, and though nobody looks after alerts; further ones than three are a click away."""
    test = opened(lang="en")
    assert not any(title.startswith("The run of") for title in titles(test.warning)), "it says so itself"
    assert "1 more alert" in [one.label for one in test.expander]
    test.switch_page("pages/alerts.py").run()
    nobody, failed, refused, clicks = titles(test.warning)
    assert nobody == "No consumer is running, so nothing is sent."
    assert failed.startswith("The run of ")
    assert refused == "push.example refuses our reminders."
    (more,) = (one for one in test.expander if one.label == "2 more alerts")
    assert titles(more.warning) == [clicks] == ["Click rate below 5.0%: 0.0% (0 of 60)"]
    assert titles(more.info) == ["Return rate below 10.0%: 0.0% (0 of 60)"], "not certain: nothing matured"
    error = next(box.value for box in test.warning if "The run of" in box.value)
    assert "\\*\\*bold\\*\\* \\[x\\]" in error, "a stored error is shown, and isn't Markdown"


def test_the_page_of_alerts_shows_open_ones_history_and_who_is_told(dashboard, trouble, engine, receiver):
    alerts.look(engine, dashboard)
    with engine.begin() as connection:
        old = Condition("waiting_long", {"since": "2026-01-01T00:00:00", "n": 2})
        ledger.update_rows(connection, [old], ["waiting_long"], database.clock(connection))
        ledger.update_rows(connection, [], ["waiting_long"], database.clock(connection))
    test = opened(lang="ru").switch_page("pages/alerts.py").run()
    assert not test.exception
    assert test.title[0].value == "Оповещения"
    shown, history = (frame.value for frame in test.dataframe)
    assert "Ни один обработчик не запущен, поэтому ничего не отправляется." in shown["Оповещение"].tolist()
    assert len(history) == 1
    assert "json://127.0.0.1" in " ".join(one.value for one in test.text)
    assert "secret-path" not in " ".join(one.value for one in test.text)
    button = next(one for one in test.button if one.key == "send_test")
    button.click().run()
    assert [message["title"] for message in receiver.messages] == ["Проверка: оповещения доходят"]
    said = " ".join([*texts(test), *(one.value for one in test.text)])
    assert "nosuch://…" in said
    assert "Apprise не знает" in said


def test_with_nothing_amiss_the_page_says_so_and_how_people_are_told(monkeypatch, clone_url, engine):
    with settings_of(monkeypatch, DATABASE_URL=clone_url):
        sign_in(monkeypatch, engine)
        with engine.begin() as connection:
            one = heartbeat.Consumer("c", "here", 1, "0", 2)
            heartbeat.beat(connection, one, database.clock(connection))
        test = opened(lang="en").switch_page("pages/alerts.py").run()
        assert not test.exception
        assert [box.value for box in test.success] == ["Nothing is amiss."]
        assert "REENGAGEMENT_ALERT_URLS" in test.code[0].value
        assert not test.dataframe
        with engine.begin() as connection:
            connection.execute(text('DROP TABLE "ReengagementAlert"'))
        assert "can't be used" in opened(lang="en").error[0].value
