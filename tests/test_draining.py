"""A drain in trouble: the database away, a lane that fails, a rate limit, a silent push service."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import Engine, make_url, text

from reengagement import collecting, database, delivery, host, planner, webpush
from reengagement.delivery import draining, origins
from reengagement.delivery.fan_out import fan_out
from reengagement.demo import phone
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.webpush import Answer, Message, make_vapid_keys
from tests.people import People

ACCEPTED = Answer("accepted", "http_201", 201)
SILENT = Answer("unknown", "timeout")
KEYS = {"p256dh": "p", "auth": "a"}
COUNTS = 'SELECT state, count(*) FROM "ReengagementDelivery" GROUP BY state'


class Cycle:
    """Something that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def remind(engine: Engine, settings: Settings) -> Callable[..., People]:
    """Give so many users a reminder that is due, by the real clock, on a phone of this push service."""
    with database.autocommit(engine) as connection:
        people = People(engine, database.clock(connection))

    def run(many: int, origin: str = "https://fcm.googleapis.com") -> People:
        for number in range(many):
            user = f"{origin.rpartition('/')[2]}-{number}"
            people.add(user, days_ago=6)
            people.subscribe(user, f"{origin}/{user}", KEYS)
        planner.run(engine, settings, started_by="test", now=people.now)
        return people

    return run


def states(people: People) -> dict[str, int]:
    return {row["state"]: row["count"] for row in people.rows(COUNTS)}


def away(cluster_url: str, clone_url: str, seconds: float) -> threading.Thread:
    """Cut every connection to a database and let nobody in for so long."""
    name = make_url(clone_url).database
    engine = database.make_engine(cluster_url)

    def execute(*statements: str) -> None:
        with database.autocommit(engine) as connection:
            for statement in statements:
                connection.execute(text(statement))

    def come_back() -> None:
        time.sleep(seconds)
        execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        engine.dispose()

    execute(
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    returning = threading.Thread(target=come_back)
    returning.start()
    return returning


def test_d5_answers_are_settled_though_the_database_was_away_when_they_came(
    remind, engine, settings, cluster_url, clone_url
):
    """D5: what was accepted isn't called unknown because PostgreSQL was restarted at that moment."""
    people = remind(3)
    returning: list[threading.Thread] = []

    async def post(message: Message) -> Answer:
        if not returning:
            returning.append(away(cluster_url, clone_url, 2))
        return ACCEPTED

    done = delivery.drain(engine, settings, post=post)
    returning[0].join()
    assert done.states == {"accepted": 3}
    assert states(people) == {"accepted": 3}


def test_a_drain_that_is_told_to_stop_does_not_wait_for_a_database_that_is_away(
    remind, engine, settings, cluster_url, clone_url
):
    remind(1)
    returning: list[threading.Thread] = []

    async def post(message: Message) -> Answer:
        returning.append(away(cluster_url, clone_url, draining.STOP_SECONDS + 3))
        return ACCEPTED

    began = time.monotonic()
    with pytest.raises(draining.OperationalError):
        delivery.drain(engine, settings, post=post, stop=lambda: bool(returning))
    assert time.monotonic() - began < draining.STOP_SECONDS + 2
    returning[0].join()


def test_d5_a_lane_that_fails_does_not_take_the_other_with_it(remind, engine, settings, monkeypatch):
    """D5: the other's answers are settled before the error is told."""
    people = remind(2)
    monkeypatch.setattr(draining, "CLAIMED_AT_ONCE", 1)
    with engine.begin() as connection:  # else the lane that doesn't fan out may find nothing to do
        fan_out(connection, host.connect(settings.host, connection), Rules(), people.now)

    async def post(message: Message) -> Answer:
        if message.endpoint.endswith("-0"):
            raise ZeroDivisionError
        await asyncio.sleep(1)
        return ACCEPTED

    with pytest.raises(ZeroDivisionError):
        delivery.drain(engine, settings, post=post)
    assert states(people) == {"accepted": 1, "posting": 1}


def test_d5_what_had_not_left_when_a_drain_was_stopped_goes_back_to_the_queue(remind, engine, settings):
    """D5: no connection was made, so nothing can have arrived."""
    with socket.socket() as deaf, ExitStack() as others:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        origin = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        for _ in range(4):  # whoever comes after these isn't let in
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(deaf.getsockname())
        people = remind(2)
        for number in range(2):
            endpoint, keys = phone.subscription_of(origin, f"fcm.googleapis.com-{number}")
            people.execute(
                'UPDATE "PushSubscription" SET endpoint = :endpoint, keys = CAST(:keys AS jsonb)'
                ' WHERE "userId" = :user',
                endpoint=endpoint,
                keys=json.dumps(keys),
                user=f"fcm.googleapis.com-{number}",
            )
        private_key, _ = make_vapid_keys()
        able = settings.model_copy(
            update={
                "vapid_private_key": private_key,
                "vapid_subject": "mailto:ops@example.org",
                "push_origins": (origin,),
            }
        )
        delivery.drain(engine, able, stop=lambda: states(people).get("posting") == 2)
    assert (
        people.rows('SELECT state, reason, attempts FROM "ReengagementDelivery"')
        == [{"state": "queued", "reason": "stopped", "attempts": 1}] * 2
    )


def test_a_drain_keeps_to_a_rate_limit_and_uses_it_up(remind, engine, settings):
    people = remind(80)
    limited = settings.model_copy(update={"rules": {"pushes_per_second": "20"}})
    posted: list[float] = []

    async def post(message: Message) -> Answer:
        posted.append(time.monotonic())
        return ACCEPTED

    delivery.drain(engine, limited, post=post, seconds=2)
    assert 40 <= len(posted) <= 70, "a second's worth at once, and two seconds'"
    delivery.drain(engine, limited, post=post)
    assert states(people) == {"accepted": 80}
    assert posted[-1] - posted[0] > 2.5


def test_d3_a_silent_push_service_waits_and_the_others_flow(remind, engine, settings, monkeypatch):
    """D3, D5: each message to a service that never answers is one unknown more, so few are tried."""
    people = remind(60)
    remind(30, "https://updates.push.services.mozilla.com")
    monkeypatch.setattr(draining, "CLAIMED_AT_ONCE", 10)

    async def post(message: Message) -> Answer:
        return SILENT if "fcm" in message.endpoint else ACCEPTED

    delivery.drain(engine, settings, post=post)
    found = states(people)
    assert found["accepted"] == 30
    assert found["unknown"] <= origins.REFUSALS_IN_A_ROW + 10 * draining.LANES
    assert found["queued"] == 60 - found["unknown"]
    later = people.now + origins.SILENCE_PAUSE + timedelta(minutes=1)
    delivery.drain(engine, settings, post=post, clock=lambda connection: later)
    assert states(people)["unknown"] == found["unknown"] + 1, "a probe, and no more"
    much_later = later + origins.PROBE_TAKES + origins.SILENCE_PAUSE

    async def healed(message: Message) -> Answer:
        return ACCEPTED

    delivery.drain(engine, settings, post=healed, clock=lambda connection: much_later)
    assert states(people) == {"accepted": 90 - found["unknown"] - 1, "unknown": found["unknown"] + 1}


def test_b6_no_request_waits_for_a_connection():
    """B6: one that did would leave after a pause had begun."""
    assert webpush.CONNECTIONS_PER_HOST >= draining.POSTED_AT_ONCE * draining.LANES


def test_what_failed_connections_leave_is_freed_meanwhile(remind, engine, settings, monkeypatch):
    """Each leaves a cycle that holds OpenSSL's memory: a push service that was down filled a gigabyte."""
    monkeypatch.setattr(draining, "POSTED_AT_ONCE", 10)
    monkeypatch.setattr(collecting, "CONNECTIONS", 20)
    remind(100)
    left: list[weakref.ref[Cycle]] = []
    held: list[int] = []

    async def post(message: Message) -> Answer:
        left.append(weakref.ref(Cycle()))
        held.append(sum(each() is not None for each in left))
        return Answer("retry", "connect")

    delivery.drain(engine, settings, post=post)
    assert len(left) == 100
    assert max(held) <= 50, "20, and what two lanes have in flight"
