"""Figures for Prometheus: whoever has the secret reads them, nobody else learns that they are there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, insert

from reengagement import heartbeat, pause
from reengagement.database import clock, engine_of
from reengagement.heartbeat import Consumer
from reengagement.http import build_app
from reengagement.settings import Settings
from reengagement.tables import delivery
from tests.records import add_campaign, add_notification
from tests.served import call, served

SECRET = "m" * 16
PATH = "/reengagement/metrics"


@pytest.fixture
def origin(settings: Settings) -> Iterator[str]:
    watched = settings.model_copy(update={"metrics_secret": SECRET})
    with served(build_app(watched)) as origin:
        yield origin
    engine_of(watched).dispose()


def figures(origin: str) -> dict[str, float]:
    answer = call(origin, "GET", PATH, headers={"Authorization": f"Bearer {SECRET}"})
    assert answer.status == 200
    families = text_string_to_metric_families(answer.body.decode())
    return {
        " ".join([sample.name.removeprefix("reengagement_"), *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def add_delivery(connection, notification_id, state, settled_ago=None):
    now = clock(connection)
    connection.execute(
        insert(delivery).values(
            notification_id=notification_id,
            subscription_id=state,
            endpoint_hash=state.encode() + str(settled_ago).encode(),
            push_service="https://push.example.org",
            state=state,
            queued_at=now - timedelta(minutes=10),
            next_attempt_at=now,
            expires_at=now,
            settled_at=None if settled_ago is None else now - settled_ago,
        )
    )


def test_what_waits_what_became_of_a_day_and_who_lives(origin: str, engine: Engine) -> None:
    """F5."""
    with engine.begin() as connection:
        now = clock(connection)
        owner = add_notification(connection, add_campaign(connection, "alice"), settled_at=now)
        add_delivery(connection, owner, "queued")
        add_delivery(connection, owner, "accepted", timedelta(hours=23))
        add_delivery(connection, owner, "gone", timedelta(hours=25))
        heartbeat.beat(connection, Consumer(id="c1", host="h", pid=1, version="1", workers=2), now)
        pause.pause(connection, by="test", now=now)
    found = figures(origin)
    assert found["deliveries_open queued"] == 1
    assert found["deliveries_open posting"] == 0
    assert found["deliveries_settled_last_day accepted"] == 1
    assert "deliveries_settled_last_day gone" not in found
    assert 599 < found["oldest_waiting_seconds"] < 700
    assert (found["consumers_alive"], found["workers_alive"], found["paused"]) == (1, 2, 1)
    assert "last_run_state done" not in found


def test_without_the_secret_nothing_is_told(origin: str) -> None:
    for given in (None, "", "Bearer ", f"Bearer {SECRET}x", f"Basic {SECRET}", "Bearer é"):
        headers = {} if given is None else {"Authorization": given}
        answer = call(origin, "GET", PATH, headers=headers)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert b"reengagement_" not in answer.body


def test_where_no_secret_is_set_there_is_no_such_page(settings: Settings) -> None:
    with served(build_app(settings)) as origin:
        assert call(origin, "GET", PATH, headers={"Authorization": "Bearer "}).status == 404
