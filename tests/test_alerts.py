"""Alerts (F6): what is amiss, flagged at once, told once, and only when it is certain."""

import json
import re
import time
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier, Thread

import numpy as np
import pytest
from sqlalchemy import insert, text, update

from reengagement import alerts, database, heartbeat
from reengagement.alerts import conditions as rules_of_alerts
from reengagement.alerts import ledger, telling
from reengagement.alerts.conditions import Condition, Origin, Rates, Signs, Struck
from reengagement.dashboard.markdown import escaped
from reengagement.dashboard.watching import watching
from reengagement.metrics import LastRun, Waiting, lately
from reengagement.metrics.lately import Lately, Move
from reengagement.rules import Rules
from reengagement.settings import parse
from reengagement.stats import Rate
from reengagement.tables import alert, delivery, run
from reengagement.words import words
from tests.receiver import receiving
from tests.records import add_campaign, add_notification, days

NOW = datetime(2026, 3, 20, 7, 0)
"""10:00 in Moscow: two hours after the day's run."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULES = Rules()
FINE = Rates(Lately(Rate(10, 100), Rate(10, 100)), Lately(Rate(30, 100), Rate(30, 100)))


def done(at=NOW - 2 * HOUR, state="done", kind="scheduled", **columns):
    row = {
        "id": 1,
        "kind": kind,
        "started_by": "schedule",
        "started_at": at,
        "finished_at": at,
        "state": state,
    }
    rest = dict.fromkeys(LastRun.__dataclass_fields__.keys() - row.keys())
    return LastRun(**{**rest, **row, **columns})


WELL = Signs(
    now=NOW,
    rules=RULES,
    installed_at=NOW - days(100),
    consumers=1,
    last_run=done(),
    tries=("done",),
    last_done_at=NOW - 2 * HOUR,
    last_counts={"inactive": 3, "held_back": {"has_campaign": 3}},
    newest_campaign_at=NOW - days(1),
    paused_since=None,
    waiting=Waiting(0, {}, None),
    rates=FINE,
)


def kinds(**signs):
    return [one.kind for one in alerts.amiss(replace(WELL, **signs))]


def clicks(plain, matured=FINE.clicks.matured):
    return replace(FINE, clicks=Lately(plain, matured))


def test_nothing_is_amiss_where_all_is_well():
    assert kinds() == []


@pytest.mark.parametrize(
    ("signs", "found"),
    [
        ({"consumers": 0}, ["no_consumer"]),
        ({"waiting": Waiting(1, {}, NOW - HOUR)}, []),
        ({"waiting": Waiting(1, {}, NOW - HOUR - MINUTE)}, ["waiting_long"]),
        ({"waiting": Waiting(1, {}, NOW - 2 * HOUR), "paused_since": NOW - days(1)}, []),
        ({"newest_campaign_at": NOW - days(7)}, []),
        ({"newest_campaign_at": NOW - days(7) - MINUTE}, ["no_new_campaigns"]),
        ({"newest_campaign_at": None, "installed_at": NOW - days(7)}, []),
        ({"newest_campaign_at": None, "installed_at": NOW - days(8)}, ["no_new_campaigns"]),
        ({"origins": (Origin("https://push.example", "refused", 19),)}, []),
        ({"origins": (Origin("https://push.example", "refused", 20),)}, ["refused"]),
        ({"origins": (Origin("https://push.example", "silent", 20),)}, []),
        ({"origins": (Origin("https://push.example", "probing", 20),)}, []),
        ({"struck": (Struck("https://push.example", {400: 4, 403: 5}, 0),)}, []),
        ({"struck": (Struck("https://push.example", {400: 5, 403: 5}, 39),)}, ["struck"]),
        ({"struck": (Struck("https://push.example", {403: 10}, 40),)}, []),
        ({"last_run": done(state="failed"), "tries": ("failed",)}, ["run_failed"]),
        ({"last_run": done(state="crashed", kind="manual")}, ["run_failed"]),
        ({"rates": clicks(Rate(4, 100))}, ["click_rate"]),
        ({"rates": clicks(Rate(5, 100))}, []),
        ({"rates": clicks(Rate(0, 0))}, []),
        ({"rates": replace(FINE, returns=Lately(Rate(9, 100), Rate(30, 100)))}, ["return_rate"]),
        ({"rates": replace(FINE, returns=Lately(Rate(10, 100), Rate(30, 100)))}, []),
        ({"rates": None}, []),
    ],
)
def test_f6_each_rule_holds_on_one_side_of_its_boundary_only(signs, found):
    assert kinds(**signs) == found


@pytest.mark.parametrize(
    ("local_time", "tries", "found"),
    [
        ((5, 59), (), []),
        ((6, 0), (), ["run_missing"]),
        ((6, 0), ("running",), []),
        ((20, 59), (), ["run_missing"]),
        ((21, 0), (), []),
    ],
)
def test_the_days_run_is_missed_an_hour_after_its_time_until_midnight(local_time, tries, found):
    """In UTC: 09:00 in Moscow is 06:00, and its midnight 21:00."""
    now = NOW.replace(hour=local_time[0], minute=local_time[1])
    assert kinds(now=now, tries=tries) == found


def test_the_days_run_is_missed_by_its_own_time_and_only_after_the_installation():
    later = Rules.model_validate({"run_at": "11:00"})
    assert kinds(rules=later, tries=(), now=NOW.replace(hour=8, minute=59)) == []
    assert kinds(rules=later, tries=(), now=NOW.replace(hour=9)) == ["run_missing"]
    assert kinds(tries=(), installed_at=NOW.replace(hour=5, minute=1)) == []
    assert kinds(tries=(), installed_at=NOW.replace(hour=5)) == ["run_missing"]


@pytest.mark.parametrize(
    ("tries", "hour", "kind", "sure"),
    [(1, 7, "scheduled", False), (3, 7, "scheduled", False), (4, 7, "scheduled", True),
     (1, 18, "scheduled", True), (0, 7, "scheduled", True), (1, 7, "manual", True)],
)  # fmt: skip
def test_a_failed_run_is_told_once_it_is_not_tried_again_by_itself(tries, hour, kind, sure):
    signs = replace(WELL, now=NOW.replace(hour=hour), tries=("failed",) * tries)
    found = alerts.amiss(replace(signs, last_run=done(state="failed", kind=kind)))
    assert [one.sure for one in found if one.kind == "run_failed"] == [sure]


@pytest.mark.parametrize(
    ("signs", "why"),
    [
        ({"last_done_at": NOW - days(8)}, "planner"),
        ({"last_done_at": None, "paused_since": NOW - days(9)}, "planner"),
        ({"paused_since": NOW - days(9)}, "paused"),
        ({}, "nobody"),
    ],
)
def test_no_new_campaigns_says_which_of_three_causes_it_has(signs, why):
    """F6."""
    signs = {"newest_campaign_at": NOW - days(8), **signs}
    (found,) = alerts.amiss(replace(WELL, **signs))
    assert found.details["why"] == why
    said = " ".join(alerts.say(words("en"), found.kind, found.details, RULES.zone).more)
    assert {"planner": "planner isn't running", "paused": "paused since", "nobody": "3 users"}[why] in said


@pytest.mark.parametrize(
    ("hits", "n", "sure"),
    [(0, 49, False), (0, 50, True), (1, 50, False), (5, 200, True), (6, 200, False), (39, 1000, False)],
)
def test_people_are_told_when_fifty_have_matured_and_it_is_95_percent_probable(hits, n, sure):
    """P(rate < 5%) by Beta(½ + k, ½ + n − k), of an integration by hand: see the next test."""
    (found,) = alerts.amiss(replace(WELL, rates=clicks(Rate(1, 100), Rate(hits, n))))
    assert found.sure is sure
    assert bool(by_hand(hits, n, 0.05) > 0.95 and n >= 50) is sure


def by_hand(hits, n, threshold):
    """Integrate the density by the midpoint rule; x = t² takes its pole at 0 away."""
    t = (np.arange(200_000) + 0.5) / 200_000
    density = t ** (2 * hits) * (1 - t * t) ** (n - hits - 0.5)
    return density[t * t < threshold].sum() / density.sum()


def test_what_people_were_told_of_stays_until_it_is_more_probably_above():
    """Or an alert would come and go, and be told each time, while the rate lies at the border."""
    borderline = clicks(Rate(6, 100), Rate(8, 200))
    assert kinds(rates=borderline) == []
    told = frozenset({("click_rate", "")})
    assert kinds(rates=borderline, told=told) == ["click_rate"]
    assert kinds(rates=clicks(Rate(6, 100), Rate(11, 200)), told=told) == []


def test_the_worst_stands_first_and_what_is_not_certain_last():
    found = kinds(consumers=0, newest_campaign_at=NOW - days(8), rates=clicks(Rate(1, 100)))
    assert found == ["no_consumer", "no_new_campaigns", "click_rate"]


def test_of_a_push_service_that_refuses_all_its_strikes_are_not_told_as_well():
    origin = "https://push.example"
    signs = {"origins": (Origin(origin, "refused", 20),), "struck": (Struck(origin, {403: 19}, 0),)}
    assert kinds(**signs) == ["refused"]


def test_strikes_are_read_by_push_service_and_status_of_one_day(people, engine):
    """F6. A key that was changed: half are rejected, half accepted, and no breaker opens."""
    statuses = dict(enumerate([400] * 4 + [403] * 7))
    for number, status in statuses.items():
        people.execute(
            'INSERT INTO "ReengagementStrike" ("endpointHash", "pushService", strikes, "statusCode",'
            ' "firstAt", "updatedAt")'
            " VALUES (:hash, 'https://push.example', 1, :status, :at, :at)",
            hash=bytes([number]),
            status=status,
            at=people.now - (days(1) if number == 0 else days(1) - MINUTE),
        )
    with engine.connect() as connection:
        found = alerts.signs(connection, RULES, people.now).struck
        later = alerts.signs(connection, RULES, people.now + 2 * MINUTE).struck
    assert found == (Struck("https://push.example", {400: 3, 403: 7}, 0),)
    assert later == ()


def test_a_breaker_stays_amiss_while_one_reminder_probes_it():
    signs = {"origins": (Origin("https://push.example", "probing", 20),)}
    assert kinds(**signs, open=frozenset({("refused", "https://push.example")})) == ["refused"]


def test_false_alarms_are_rare_and_true_ones_come():
    """200 products, looked at daily for 90 days over rolling 28 days of 40 reminders each."""
    draw = np.random.default_rng(6)

    def share_told(true_rate):
        told = 0
        for _ in range(200):
            hits = np.concatenate([[0], draw.binomial(40, true_rate, 28 + 90).cumsum()])
            windows = {int(hits[day + 28] - hits[day]) for day in range(90)}
            told += rules_of_alerts.is_surely_below(Lately(Rate(0, 1), Rate(min(windows), 28 * 40)), 0.05)
        return told / 200

    assert share_told(0.075) == 0
    assert share_told(0.06) <= 0.05
    assert share_told(0.025) == 1


def test_the_cause_is_what_fell_most_and_not_what_is_merely_low():
    fell = Move("service", "https://push.example", Rate(5, 300), Rate(60, 300))
    low = Move("level", "4", Rate(1, 300), Rate(2, 300))
    few = Move("type", "mixed", Rate(0, 29), Rate(29, 29))
    level = Move("level", "1", Rate(20, 400), Rate(60, 400))
    assert rules_of_alerts.most_moved([low, few, level, fell]) is fell
    assert rules_of_alerts.most_moved([low, few]) is None


def test_rates_of_late_are_matured_and_name_what_moved(connection):
    now = datetime(2025, 6, 1)
    for number in range(240):
        late = number % 2 == 0
        at = now - days(20 if late else 45)
        one = add_campaign(connection, f"u{number}", at - days(40), is_active=False, window_ends_at=at)
        level = 1 if number % 4 < 2 else 2
        pressed = number % 8 < 4 and not (late and level == 1)
        clicked = at + HOUR if pressed else None
        note = add_notification(connection, one, level, sent_at=at, clicked_at=clicked)
        row = {"subscription_id": "s", "endpoint_hash": bytes([number]), "queued_at": at, "state": "accepted"}
        row |= {"notification_id": note, "next_attempt_at": at, "expires_at": at}
        connection.execute(insert(delivery).values(push_service="https://push.example", **row))
    one = add_campaign(connection, "today", now - HOUR)
    add_notification(connection, one, sent_at=now - HOUR, clicked_at=now)
    add_notification(connection, one, 2, sent_at=now - days(3.01), clicked_at=now)
    found = lately.clicks_lately(connection, now)
    assert (found.plain, found.matured) == (Rate(32, 122), Rate(30, 121))
    moves = {(one.dimension, one.value): one for one in lately.click_moves(connection, now)}
    assert moves["level", "1"] == Move("level", "1", Rate(0, 60), Rate(30, 60))
    assert moves["type", "emotional"].lately == Rate(30, 121)
    assert moves["service", "https://push.example"] == Move(
        "service", "https://push.example", Rate(30, 120), Rate(60, 120)
    )


@pytest.fixture
def receiver():
    with receiving() as received:
        yield received


@pytest.fixture
def told(settings, receiver):
    """The settings of an installation that tells one receiver, in English."""
    return settings.model_copy(update={"alert_urls": (receiver.url,), "alert_language": "en"})


def open_rows(engine):
    with engine.connect() as connection:
        return alerts.open_alerts(connection)


def open_one(engine, kind="no_new_campaigns", **details):
    """Open an alert, as a look would that finds it."""
    details = {"since": NOW.isoformat(), "why": "planner", "last_done": None, **details}
    with engine.begin() as connection:
        ledger.update_rows(connection, [Condition(kind, details)], [kind], NOW)
        connection.execute(update(alert).values(opened_at=NOW - HOUR))


def test_f6_an_alert_opens_is_told_once_and_closes_by_itself(engine, told, receiver):
    """Two hours of minutes: no consumer is alive, then one is."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE \"ReengagementSetting\" SET value = to_jsonb(CAST(:at AS text))"
                                " WHERE name = 'installed_at'"), {"at": "2100-01-01T00:00:00"})  # fmt: skip
    alerts.look_after(told)
    (row,) = open_rows(engine)
    assert (row.kind, row.told_at, receiver.messages) == ("no_consumer", None, [])
    with engine.begin() as connection:
        connection.execute(update(alert).values(opened_at=alert.c.opened_at - timedelta(minutes=5)))
    for _ in range(3):
        alerts.look_after(told)
    (message,) = receiver.messages
    assert message["title"] == "⚠️ No consumer is running, so nothing is sent."
    assert message["message"].endswith("http://localhost:8501/queue")
    assert open_rows(engine)[0].told_at
    with engine.begin() as connection:
        one = heartbeat.Consumer("c", "here", 1, "0", 2)
        heartbeat.beat(connection, one, database.clock(connection))
    alerts.look_after(told)
    assert open_rows(engine) == []
    with engine.connect() as connection:
        assert [one.kind for one in alerts.history(connection)] == ["no_consumer"]
    assert len(receiver.messages) == 1


def test_evaluations_that_race_open_one_alert_and_tell_of_it_once(engine, told, receiver):
    open_one(engine)
    together = Barrier(6)

    def tell():
        together.wait()
        alerts.tell(engine, told)

    threads = [Thread(target=tell) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.messages) == 1
    assert open_rows(engine)[0].tries == 1


def test_looks_that_race_open_each_alert_once(engine, settings):
    threads = [Thread(target=alerts.look, args=(engine, settings)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.kind for one in open_rows(engine)].count("no_consumer") == 1


def test_a_receiver_that_is_away_is_tried_again_later_a_few_times_and_the_others_only_once(
    engine, told, receiver, caplog
):
    with receiving() as broken:
        broken.status = 503
        both = told.model_copy(update={"alert_urls": (*told.alert_urls, broken.url)})
        open_one(engine)
        for _ in range(ledger.TRIES + 2):
            alerts.tell(engine, both)
            alerts.tell(engine, both)
            with engine.begin() as connection:
                connection.execute(update(alert).values(next_try_at=NOW - days(1)))
        (row,) = open_rows(engine)
        assert (row.tries, row.told_at, len(receiver.messages)) == (ledger.TRIES, None, 1)
        assert len(broken.messages) == ledger.TRIES
        assert row.tell_error == [
            {"receiver": telling.receivers(both)[1].name, "reason": "not_delivered", "status": 503}
        ]
    assert "secret-path" not in caplog.text + json.dumps(row.tell_error)
    assert "hidden" not in caplog.text + repr(both) + repr(telling.receivers(both))


def test_what_is_not_certain_is_not_told(engine, told, receiver):
    with engine.begin() as connection:
        for number in range(60):
            one = add_campaign(connection, f"u{number}", NOW - days(1))
            sent = text("SELECT now() AT TIME ZONE 'UTC' - interval '1 hour'")
            add_notification(connection, one, sent_at=connection.execute(sent).scalar())
    alerts.look_after(told)
    found = {one.kind: one.sure for one in open_rows(engine)}
    assert found["click_rate"] is False
    assert not any("Click" in message["title"] for message in receiver.messages)


def test_rates_are_looked_at_every_15_minutes_and_after_a_run(engine, settings, people):
    def due(minutes):
        with engine.begin() as connection:
            return ledger.may_look_at_rates(connection, NOW + timedelta(minutes=minutes))

    assert [due(0), due(14), due(15), due(16)] == [True, False, True, False]
    with engine.begin() as connection:
        row = {"kind": "manual", "started_by": "test", "state": "done", "local_date": NOW.date()}
        moment = NOW + timedelta(minutes=17)
        connection.execute(insert(run).values(now=moment, started_at=moment, finished_at=moment, **row))
    assert [due(18), due(19)] == [True, False]


def test_a_failure_of_looking_is_logged_and_stops_nothing(told, engine, caplog):
    with engine.begin() as connection:
        connection.execute(text('DROP TABLE "ReengagementAlert"'))
    alerts.look_after(told)
    assert "alerts could not be looked after" in caplog.text


def test_the_link_of_a_refusing_push_service_shows_it_alone(settings):
    details = {"origin": "https://push.example", "refusals": 21}
    _title, body = alerts.message(settings, "refused", details, RULES)
    assert body.endswith("/queue?service=https%3A%2F%2Fpush.example")
    assert alerts.message(settings, "no_consumer", {}, RULES)[1].endswith("/queue")


@pytest.mark.parametrize("code", ["ru", "en"])
def test_every_alert_says_something_in_each_language(code):
    moved = {"dimension": "type", "value": "mixed", "lately": [1, 100], "before": [9, 100]}
    rate = {"threshold": 0.05, "plain": [1, 29], "matured": [0, 0], "moved": moved}
    at = NOW.isoformat()
    details = {
        "no_consumer": {},
        "run_failed": {"at": at, "state": "failed", "error": "no such table"},
        "run_missing": {"due": at},
        "refused": {"origin": "https://push.example", "refusals": 21},
        "struck": {"origin": "https://push.example", "by_status": {"400": 2, "403": 9}, "accepted": 30},
        "waiting_long": {"since": at, "n": 3},
        "no_new_campaigns": {"since": at, "why": "nobody", "inactive": 0, "held_back": {}},
        "return_rate": rate,
        "click_rate": {**rate, "moved": None},
    }
    said = {kind: alerts.say(words(code), kind, details[kind], RULES.zone) for kind in alerts.PAGES}
    assert all(one.title and all(one.more) for one in said.values())
    assert ("мало данных" if code == "ru" else "too few to tell") in said["click_rate"].title


@pytest.mark.parametrize(
    ("given", "count"),
    [("mailto://a:b@example.org?to=x@y.z,q@y.z", 1), ("json://a, slack://b  tgram://c\njsons://d", 4)],
)
def test_addresses_are_split_before_a_scheme_only(given, count):
    assert len(parse({"REENGAGEMENT_ALERT_URLS": given}).alert_urls) == count


def test_text_that_is_not_ours_becomes_neither_markup_nor_link():
    shown = escaped("see https://evil.example\n**or** www.evil.example a@b.c")
    assert shown.startswith("see https\\:\u2060\\/\\/\u2060evil")
    assert "\\*\\*or\\*\\*" in shown
    assert not re.search(r"://|www\.|@b|\n", shown.replace("\\", ""))


def test_the_web_process_looks_as_well_and_goes_on_after_a_failure(settings, engine):
    """That no consumer is alive, no consumer can tell."""
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementAlert" RENAME TO away'))
    with watching(settings, every_seconds=0.05):
        time.sleep(0.3)
        with engine.begin() as connection:
            connection.execute(text('ALTER TABLE away RENAME TO "ReengagementAlert"'))
        deadline = time.monotonic() + 30
        while not open_rows(engine) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "no_consumer" in [one.kind for one in open_rows(engine)]
