"""Deliveries: each state and how it comes about, with the clock and the answers as arguments."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from reengagement import clicks, database, delivery, pause, planner
from reengagement.delivery import claiming, origins
from reengagement.delivery.outcomes import TRIES, wait_before
from reengagement.host import connect
from reengagement.settings import Settings
from reengagement.webpush import Answer, Message
from tests.people import People

ACCEPTED = Answer("accepted", "http_201", 201)
GONE = Answer("gone", "http_410", 410)
BUSY = Answer("retry", "http_503", 503)
REFUSED = Answer("rejected", "http_403", 403, refused=True)
BAD = Answer("rejected", "http_400", 400, refused=True)
RESET = Answer("unknown", "reset")

KEYS = {"p256dh": "p", "auth": "a"}


class Phones:
    """Answers as told, by endpoint, and remembers what was posted."""

    def __init__(self, default: Answer = ACCEPTED, **answers: Answer) -> None:
        self.default = default
        self.answers = answers
        self.posted: list[Message] = []

    async def __call__(self, message: Message) -> Answer:
        self.posted.append(message)
        return self.answers.get(message.endpoint.rpartition("/")[2], self.default)

    @property
    def endpoints(self) -> list[str]:
        return [message.endpoint.rpartition("/")[2] for message in self.posted]


@pytest.fixture
def drain(engine: Engine, settings: Settings, people: People):
    """Drain `hours` after the test's now, with the answers of `phones`."""

    def run(phones: Callable[..., Any], hours: float = 0) -> delivery.Drained:
        now = people.now + timedelta(hours=hours)
        return delivery.drain(engine, settings, post=phones, clock=lambda connection: now)

    return run


@pytest.fixture
def remind(engine: Engine, settings: Settings, people: People):
    """Give each of these users a reminder that is due now, and one phone named like them."""

    def run(*users: str, phones: int = 1) -> None:
        for user in users:
            people.add(user, days_ago=6)
            for number in range(phones):
                suffix = f"-{number}" if number else ""
                people.subscribe(user, f"https://fcm.googleapis.com/{user}{suffix}", KEYS)
        planner.run(engine, settings, started_by="test", now=people.now)

    return run


def deliveries(people: People) -> Sequence[Any]:
    return people.rows(
        'SELECT d.*, c."userId" FROM "ReengagementDelivery" d'
        ' JOIN "ReengagementNotification" n ON n.id = d."notificationId"'
        ' JOIN "ReengagementCampaign" c ON c.id = n."campaignId" ORDER BY d.id'
    )


def notification(people: People, user: str = "alice") -> Any:
    return people.one(
        'SELECT n.* FROM "ReengagementNotification" n'
        ' JOIN "ReengagementCampaign" c ON c.id = n."campaignId" WHERE c."userId" = :user',
        user=user,
    )


def campaign(people: People, user: str = "alice") -> Any:
    return people.one('SELECT * FROM "ReengagementCampaign" WHERE "userId" = :user', user=user)


def test_d2_an_accepted_reminder_is_sent_counted_once_and_the_campaign_advances(remind, drain, people):
    remind("alice")
    phones = Phones()
    assert drain(phones).states == {"accepted": 1}
    assert drain(phones, hours=1).states == {}
    assert len(phones.posted) == 1
    row, parent = notification(people), campaign(people)
    assert (row["sent"], row["sentAt"], row["successCount"], row["failedCount"]) == (True, people.now, 1, 0)
    assert (row["outcome"], row["subscriptionCount"]) == ("sent", 1)
    assert (parent["totalNotificationsSent"], parent["currentLevel"]) == (1, 2)
    assert parent["nextNotificationDate"] == people.now + timedelta(days=6)


def test_d2_a_user_with_three_phones_is_one_sent(remind, drain, people):
    remind("alice", phones=3)
    assert drain(Phones(**{"alice-1": GONE})).states == {"accepted": 2, "gone": 1}
    row = notification(people)
    assert (row["successCount"], row["failedCount"]) == (2, 1)
    assert campaign(people)["totalNotificationsSent"] == 1


def test_d2_the_message_has_a_ttl_that_ends_with_the_expiry_and_a_topic_of_32_characters(remind, drain):
    remind("alice")
    phones = Phones()
    drain(phones, hours=1)
    (message,) = phones.posted
    assert message.ttl == 23 * 3600
    assert len(message.topic) == 32


def test_d3_a_dead_subscription_is_removed_but_not_one_that_was_renewed_meanwhile(remind, drain, people):
    remind("alice", "bob")

    async def renewed(message: Message) -> Answer:
        if message.endpoint.endswith("bob"):
            people.execute(
                'UPDATE "PushSubscription" SET keys = \'{"p256dh": "new"}\' WHERE "userId" = \'bob\''
            )
        return GONE

    drain(renewed)
    assert [row["userId"] for row in people.rows('SELECT * FROM "PushSubscription"')] == ["bob"]
    assert notification(people)["outcome"] == "failed"
    assert campaign(people)["currentLevel"] == 2


def test_d3_an_overloaded_service_is_tried_again_later_and_the_fifth_failure_is_final(remind, drain, people):
    remind("alice")
    phones = Phones(BUSY)
    for hours in range(TRIES + 2):
        drain(phones, hours=hours * 2)
    assert len(phones.posted) == TRIES
    (row,) = deliveries(people)
    assert (row["state"], row["reason"], row["attempts"]) == ("rejected", "gave_up_http_503", TRIES)


def test_d3_a_retry_is_not_made_before_its_time(remind, drain, people):
    remind("alice")
    drain(Phones(Answer("retry", "http_429", 429, retry_after=600)))
    (row,) = deliveries(people)
    assert row["state"] == "queued"
    assert row["nextAttemptAt"] >= people.now + timedelta(seconds=600)
    early, late = Phones(), Phones()
    drain(early, hours=599 / 3600)
    drain(late, hours=1)
    assert (len(early.posted), len(late.posted)) == (0, 1)


def test_d3_a_retry_past_the_expiry_is_expired_instead(remind, drain, people):
    remind("alice")
    drain(Phones(Answer("retry", "http_429", 429, retry_after=24 * 3600)))
    assert [row["state"] for row in deliveries(people)] == ["expired"]
    assert notification(people)["outcome"] == "expired"


def test_backoff_doubles_with_jitter_and_never_undercuts_retry_after():
    for attempt in range(1, 6):
        waits = [wait_before(attempt, each, None).total_seconds() for each in range(200)]
        base = 30 * 2 ** (attempt - 1)
        assert base * 0.5 <= min(waits) < base < max(waits) <= base * 1.5
        asked = [wait_before(attempt, each, 90).total_seconds() for each in range(200)]
        assert min(asked) >= 90
        assert max(asked) <= 100
    assert wait_before(3, 7, None) == wait_before(3, 7, None)


def strike(people: People, user: str, strikes: int, since: timedelta = timedelta(0)) -> None:
    """Give the phone of a user so many strikes, the first of them so long ago."""
    people.execute(
        'INSERT INTO "ReengagementStrike" ("endpointHash", "pushService", strikes, "statusCode",'
        ' "firstAt", "updatedAt")'
        " SELECT sha256(convert_to(endpoint, 'UTF8')), 'https://fcm.googleapis.com', :strikes, 400, :first,"
        " :at"
        ' FROM "PushSubscription" WHERE "userId" = :user',
        user=user,
        strikes=strikes,
        first=people.now - since,
        at=people.now,
    )


def subscribed(people: People) -> set[str]:
    return {row["userId"] for row in people.rows('SELECT "userId" FROM "PushSubscription"')}


def test_d3_five_rejections_in_a_row_remove_a_subscription(remind, drain, people, engine, settings):
    """Others were accepted meanwhile, so it is its own fault."""
    remind("alice", "bob")
    strike(people, "alice", 3)
    drain(Phones(alice=BAD))
    assert subscribed(people) == {"alice", "bob"}
    planner.run(engine, settings, started_by="test", now=people.now + timedelta(days=7))
    drain(Phones(alice=BAD), hours=7 * 24)
    assert subscribed(people) == {"bob"}


@pytest.mark.parametrize(("ago", "kept"), [(timedelta(days=1), set()), (-timedelta(days=1), {"alice"})])
def test_d3_strikes_take_nothing_away_while_the_push_service_has_accepted_nobody(
    remind, drain, people, engine, ago, kept
):
    """It accepted someone a day after the first strike, or a day before it and nobody since."""
    remind("alice")
    strike(people, "alice", 4, since=timedelta(days=7))
    with engine.begin() as connection:
        origins.meet(connection, ["https://fcm.googleapis.com"], people.now)
        origins.hear(
            connection, [("https://fcm.googleapis.com", ACCEPTED)], people.now - timedelta(days=7) + ago
        )
    drain(Phones(BAD))
    assert subscribed(people) == kept
    assert deliveries(people)[0]["state"] == "rejected"


def test_d3_an_acceptance_wipes_the_strikes(remind, drain, people):
    remind("alice")
    strike(people, "alice", 4)
    drain(Phones())
    assert people.rows('SELECT 1 FROM "ReengagementStrike"') == []


@pytest.mark.parametrize("answer", [REFUSED, BAD])
def test_d3_a_wrong_key_is_no_outcome_the_origin_waits_and_none_is_removed(remind, drain, people, answer):
    remind(*(f"user-{number:02}" for number in range(origins.REFUSALS_IN_A_ROW)))
    drain(Phones(answer))
    rows = deliveries(people)
    assert {row["state"] for row in rows} == {"queued"}
    assert len(people.rows('SELECT 1 FROM "PushSubscription"')) == len(rows)
    still_closed, after = Phones(), Phones()
    drain(still_closed, hours=0.24)
    drain(after, hours=0.26)
    assert (len(still_closed.posted), len(after.posted)) == (0, len(rows))
    assert people.one('SELECT refusals FROM "ReengagementPushOrigin"')["refusals"] == 0


def test_d3_the_breaker_closes_by_a_probe_one_delivery_tries_while_the_others_wait(remind, drain, people):
    remind(*(f"user-{number:02}" for number in range(origins.REFUSALS_IN_A_ROW)))
    drain(Phones(REFUSED))
    probes = Phones(REFUSED)
    drain(probes, hours=0.26)
    assert len(probes.posted) == 1, "one tried, was refused, and the origin waits again"
    drain(probes, hours=0.4)
    assert len(probes.posted) == 1
    assert {row["state"] for row in deliveries(people)} == {"queued"}
    healed = Phones()
    drain(healed, hours=1)
    assert len(healed.posted) == origins.REFUSALS_IN_A_ROW


def test_d3_who_saw_the_breaker_open_too_late_takes_no_right_to_probe(engine, now):
    """Or an origin that has just been healed would wait for a probe that nobody makes."""
    origin = "https://push.example.org"
    with engine.begin() as connection:
        origins.meet(connection, [origin], now)
        origins.hear(connection, [(origin, REFUSED)] * origins.REFUSALS_IN_A_ROW, now)
    later = now + origins.BREAKER_PAUSE
    with ThreadPoolExecutor(1) as aside, engine.connect() as probing:

        def grant():
            with engine.begin() as connection:
                return origins.grant(connection, 0, 10, later)

        origins.hear(probing, [(origin, Answer("accepted", "accepted", 201))], later)
        late = aside.submit(grant)
        wait_for_a_lock(engine)
        probing.commit()
        assert late.result() == {}
    assert grant() == {origin: 10}


def wait_for_a_lock(engine):
    """Wait until somebody waits for a row."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = time.monotonic() + 30
    with database.autocommit(engine) as connection:
        while not connection.execute(text(waiting)).scalar_one():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_rate_limit_makes_a_ramp_of_a_backlog(remind, people, engine, settings):
    remind(*(f"user-{number:02}" for number in range(30)))
    limited = settings.model_copy(update={"rules": {"pushes_per_second": "10"}})
    posted = []
    for seconds in (0, 0.5, 1, 60):
        phones = Phones()
        moment = people.now + timedelta(seconds=seconds)
        delivery.drain(engine, limited, post=phones, clock=lambda connection, moment=moment: moment)
        posted.append(len(phones.posted))
    assert posted == [10, 5, 5, 10], "a second's worth at once at most, whatever has been saved up"


def test_d3_an_origin_that_throttles_pauses_and_the_others_flow(remind, drain, people):
    remind("alice", "bob", "charlie", "dora")
    people.execute(
        "UPDATE \"PushSubscription\" SET endpoint = 'https://updates.push.services.mozilla.com/dora'"
        " WHERE \"userId\" = 'dora'"
    )
    throttled = Answer("retry", "http_429", 429, retry_after=3600)
    drain(Phones(throttled, dora=ACCEPTED))
    people.execute('UPDATE "ReengagementDelivery" SET "nextAttemptAt" = :at', at=people.now)
    paused = people.one('SELECT * FROM "ReengagementPushOrigin" WHERE "pausedUntil" IS NOT NULL')
    assert (paused["origin"], paused["reason"]) == ("https://fcm.googleapis.com", "throttled")
    phones = Phones()
    drain(phones, hours=0.9)
    assert phones.posted == []
    drain(phones, hours=1.01)
    assert len(phones.posted) == 3


def test_d4_without_a_subscription_it_is_unreachable_and_the_level_advances(remind, drain, people):
    remind("alice", phones=0)
    assert (notification(people)["outcome"], campaign(people)["currentLevel"]) == (None, 1)
    done = drain(Phones())
    assert (done.fanned_out, done.states) == (1, {})
    row, parent = notification(people), campaign(people)
    assert (row["outcome"], row["sent"], row["subscriptionCount"]) == ("unreachable", False, 0)
    assert (parent["currentLevel"], parent["totalNotificationsSent"]) == (2, 0)


def test_d2_a_phone_already_fanned_out_to_is_one_phone(remind, drain, people):
    """D2: unique (notification, endpoint hash); the same phone registered twice is one phone."""
    remind("alice")
    people.execute('ALTER TABLE "PushSubscription" DROP CONSTRAINT "PushSubscription_endpoint_key"')
    people.subscribe("alice", "https://fcm.googleapis.com/alice", KEYS)
    phones = Phones()
    drain(phones)
    assert len(phones.posted) == 1
    assert notification(people)["subscriptionCount"] == 1


def test_b6_who_came_back_an_hour_ago_is_not_told_that_they_are_missed(remind, drain, people):
    remind("alice", "bob")
    people.step("alice", people.now + timedelta(minutes=1))
    phones = Phones()
    assert drain(phones, hours=1).states == {"accepted": 1}
    assert phones.endpoints == ["bob"]
    (row, _) = deliveries(people)
    assert (row["state"], row["reason"]) == ("suppressed", "returned")
    assert notification(people)["outcome"] == "suppressed"
    assert campaign(people)["isActive"], "only a run closes a campaign as returned"


def test_b6_a4_who_opted_out_meanwhile_gets_nothing(remind, drain, people):
    remind("alice")
    people.execute("INSERT INTO \"ReengagementOptOut\" VALUES ('alice', :at)", at=people.now)
    phones = Phones()
    drain(phones)
    assert phones.posted == []
    assert [(row["state"], row["reason"]) for row in deliveries(people)] == [("suppressed", "opted_out")]


def test_b6_a_subscription_that_is_gone_is_not_posted_to(remind, drain, people, engine, settings):
    remind("alice")
    drain_nothing = Phones()
    with engine.begin() as connection:
        pause.pause(connection, by="test", now=people.now)
    drain(drain_nothing)
    with engine.begin() as connection:
        pause.resume(connection, by="Мария", now=people.now)
        delivery.draining.fan_out(
            connection, connect("dog_training", connection), planner.rules.Rules(), people.now
        )
    people.execute('DELETE FROM "PushSubscription"')
    drain(drain_nothing)
    assert drain_nothing.posted == []
    assert [(row["state"], row["reason"]) for row in deliveries(people)] == [("gone", "no_subscription")]


def test_b6_nothing_leaves_while_paused_and_no_time_is_lost_by_it(remind, drain, people, engine):
    remind("alice")
    with engine.begin() as connection:
        assert pause.pause(connection, by="Мария", now=people.now + timedelta(hours=1))
        assert not pause.pause(connection, by="Мария", now=people.now + timedelta(hours=2))
    phones = Phones()
    drain(phones, hours=2)
    assert phones.posted == []
    with engine.begin() as connection:
        assert pause.resume(connection, by="Мария", now=people.now + timedelta(hours=31))
        assert not pause.resume(connection, by="Мария", now=people.now + timedelta(hours=31))
    drain(phones, hours=40)
    (message,) = phones.posted
    assert message.ttl == 14 * 3600, "24 hours, and 30 of pause, less 40"


def test_b6_a_pause_between_claim_and_post_sends_the_claimed_back_unharmed(remind, people, engine, settings):
    remind("alice")
    with engine.begin() as connection:
        host = connect("dog_training", connection)
        delivery.draining.fan_out(connection, host, planner.rules.Rules(), people.now)
        ids = claiming.claim(connection, planner.rules.Rules(), "mine", people.now, 10)
        pause.pause(connection, by="test", now=people.now)
        begun = claiming.begin_posting(connection, host, ids, "mine", people.now)
    assert (len(ids), begun.postings, begun.settled) == (1, (), ())
    (row,) = deliveries(people)
    assert (row["state"], row["attempts"], row["claimToken"]) == ("queued", 0, None)


def test_an_expired_reminder_is_dropped_and_the_level_passes(remind, drain, people):
    remind("alice")
    phones = Phones()
    drain(phones, hours=24)
    assert phones.posted == []
    assert (notification(people)["outcome"], campaign(people)["currentLevel"]) == ("expired", 2)


def test_d5_what_may_have_arrived_is_not_posted_again(remind, drain, people):
    remind("alice")
    drain(Phones(RESET))
    later = Phones()
    drain(later, hours=3)
    assert later.posted == []
    assert [(row["state"], row["reason"]) for row in deliveries(people)] == [("unknown", "reset")]
    row = notification(people)
    assert (row["outcome"], row["sent"]) == ("unknown", False)
    parent = campaign(people)
    assert (parent["currentLevel"], parent["totalNotificationsSent"]) == (2, 0)
    assert parent["lastReminderAt"] == people.now, "it may have arrived, so the gap counts from it"


@pytest.mark.parametrize("record", [clicks.record_clicks, clicks.record_shown])
def test_d5_a_click_or_shown_turns_unknown_into_the_truth(remind, drain, people, engine, record):
    remind("alice")
    drain(Phones(RESET))
    with engine.begin() as connection:
        assert record(connection, [(notification(people)["id"], people.now + timedelta(hours=1))]) == 1
    assert [row["state"] for row in deliveries(people)] == ["accepted"]
    assert (notification(people)["sent"], notification(people)["outcome"]) == (True, "sent")
    assert campaign(people)["totalNotificationsSent"] == 1


def test_g1_a_click_is_counted_once_whatever_is_replayed(remind, drain, people, engine):
    remind("alice")
    drain(Phones())
    first = people.now + timedelta(hours=1)
    reference = notification(people)["id"]
    for hours in (1, 5):
        with engine.begin() as connection:
            clicks.record_clicks(connection, [(reference, people.now + timedelta(hours=hours))] * 2)
    row = notification(people)
    assert (row["clicked"], row["clickedAt"]) == (True, first)
    with engine.begin() as connection:
        assert clicks.record_clicks(connection, [("no such notification", first)]) == 0


def claim_and_begin(engine: Engine, people: People, token: str = "lost") -> None:
    with engine.begin() as connection:
        host = connect("dog_training", connection)
        delivery.draining.fan_out(connection, host, planner.rules.Rules(), people.now)
        ids = claiming.claim(connection, planner.rules.Rules(), token, people.now, 10)
        claiming.begin_posting(connection, host, ids[:1], token, people.now)


def test_d5_a_killed_worker_leaves_claimed_work_queued_and_posting_unknown(
    remind, drain, people, engine, settings
):
    remind("alice", "bob")
    claim_and_begin(engine, people)
    assert sorted(row["state"] for row in deliveries(people)) == ["claimed", "posting"]
    soon = people.now + timedelta(seconds=60)
    assert delivery.take_back(engine, settings, clock=lambda connection: soon) == 0
    later = people.now + timedelta(minutes=3)
    assert delivery.take_back(engine, settings, clock=lambda connection: later) == 1
    assert sorted(row["state"] for row in deliveries(people)) == ["queued", "unknown"]
    phones = Phones()
    drain(phones, hours=1)
    assert len(phones.posted) == 1


def test_d5_a_reminder_shown_before_its_worker_was_missed_counts_as_sent(remind, people, engine, settings):
    remind("alice")
    claim_and_begin(engine, people)
    with engine.begin() as connection:
        clicks.record_shown(connection, [(notification(people)["id"], people.now)])
    later = people.now + timedelta(minutes=3)
    delivery.take_back(engine, settings, clock=lambda connection: later)
    assert (notification(people)["sent"], campaign(people)["totalNotificationsSent"]) == (True, 1)


def test_d5_a_late_answer_with_the_matching_token_is_the_truth(remind, people, engine, settings):
    remind("alice")
    claim_and_begin(engine, people)
    later = people.now + timedelta(minutes=3)
    delivery.take_back(engine, settings, clock=lambda connection: later)
    (row,) = deliveries(people)
    result = delivery.settling.Result(row["id"], "accepted", "http_201", 201)
    with engine.begin() as connection:
        rules = planner.rules.Rules()
        assert delivery.settling.settle(connection, rules, [result], "another", later) == 0
        assert delivery.settling.settle(connection, rules, [result], "lost", later) == 1
    assert (notification(people)["sent"], campaign(people)["totalNotificationsSent"]) == (True, 1)


def test_d5_a_late_failure_does_not_send_an_unknown_back_to_the_queue(remind, people, engine, settings):
    remind("alice")
    claim_and_begin(engine, people)
    later = people.now + timedelta(minutes=3)
    delivery.take_back(engine, settings, clock=lambda connection: later)
    (row,) = deliveries(people)
    again = delivery.settling.Result(row["id"], "queued", "http_503", 503, later)
    with engine.begin() as connection:
        assert delivery.settling.settle(connection, planner.rules.Rules(), [again], "lost", later) == 0
    assert [row["state"] for row in deliveries(people)] == ["unknown"]


def test_a_poison_row_fails_alone(remind, drain, people):
    remind("alice", "bob")
    people.execute("UPDATE \"PushSubscription\" SET keys = '[1, 2]' WHERE \"userId\" = 'alice'")

    async def picky(message: Message) -> Answer:
        assert isinstance(message.keys, dict | list)
        return Answer("gone", "bad_keys") if isinstance(message.keys, list) else ACCEPTED

    assert drain(picky).states == {"accepted": 1, "gone": 1}


def test_no_vapid_key_is_an_error_in_words_and_nothing_is_claimed(remind, people, engine, settings):
    from reengagement.errors import SettingsError

    remind("alice")
    with pytest.raises(SettingsError, match="python -m reengagement vapid"):
        delivery.drain(engine, settings)
    assert deliveries(people) == []


def test_an_older_systems_notification_is_never_fanned_out(remind, drain, people):
    remind("alice")
    people.execute('UPDATE "ReengagementNotification" SET "runId" = NULL')
    assert drain(Phones()).fanned_out == 0


def test_four_levels_sent_then_nothing_more_is_due(remind, drain, people, engine, settings):
    """B3, B5, D1: level after level through the real settlement; after 4 nothing more is due."""
    remind("alice")
    phones = Phones()
    for day in range(27):
        planner.run(engine, settings, started_by="test", now=people.now + timedelta(days=day))
        drain(phones, hours=24 * day)
    parent = campaign(people)
    assert (parent["currentLevel"], parent["nextNotificationDate"]) == (4, None)
    assert parent["totalNotificationsSent"] == len(phones.posted) == 4
    queued = people.rows('SELECT "queuedAt" FROM "ReengagementNotification" ORDER BY level')
    assert [(row["queuedAt"] - people.now).days for row in queued] == [0, 6, 14, 24]
