"""The whole path, with a real consumer process, a real broker and a push service that decrypts."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reengagement import http, metrics, planner
from reengagement.demo import phone, push_service
from reengagement.settings import parse
from reengagement.webpush import make_vapid_keys
from tests.people import People
from tests.served import call, served

ROOT = Path(__file__).parent.parent


@contextmanager
def consumer(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real consumer, as operators type it, until the context ends."""
    command = ["huey_consumer", "tasks.huey", "-k", "process", "-w", "2", "-g", "TERM", "-t", "8"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=ROOT, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def eventually(read: Callable[[], Any], log: Path, seconds: float = 30) -> Any:
    """Return the first true value that `read` gives within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := read()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return value


@pytest.mark.parametrize("broker", ["postgres", "redis"])
def test_d1_d2_g1_from_an_inactive_user_to_a_return(broker, engine, clone_url, redis_url, tmp_path):
    """B1, B4, C3, D1, D2, F2, G1: user, run, Huey, push service, text with the dog, click, step, return."""
    people = People(engine, datetime(2026, 1, 1))
    people.now = people.one("SELECT (now() AT TIME ZONE 'UTC')::timestamp(3) AS now")["now"]
    people.add("alice", days_ago=6, dog="Барни")
    private_key, _ = make_vapid_keys()
    log = tmp_path / "consumer.log"
    with push_service.running() as push:
        people.subscribe("alice", *phone.subscription_of(push.origin, "alice"))
        environment = {
            "DATABASE_URL": clone_url,
            "VAPID_PRIVATE_KEY": private_key,
            "VAPID_SUBJECT": "mailto:ops@example.org",
            "REENGAGEMENT_PUSH_ORIGINS": push.origin,
            **({"REDIS_URL": redis_url} if broker == "redis" else {}),
        }
        settings = parse(environment)
        report = planner.run(engine, settings, started_by="test")
        assert (report.new_campaigns, report.scheduled_notifications) == (1, 1)
        with consumer(environment, log):
            (arrived,) = eventually(push.arrived, log)
            shown = arrived["notification"]
            assert "Барни" in shown["title"] + shown["body"]
            eventually(lambda: totals(engine).sent == 1, log)
            assert eventually(lambda: people.rows('SELECT * FROM "ReengagementConsumer"'), log)
        with served(http.build_app(settings)) as origin:
            path = urlsplit(shown["data"]["clickUrl"]).path
            assert [call(origin, "POST", path).status for _ in range(2)] == [204, 204]
        people.step("alice", people.one("SELECT (now() AT TIME ZONE 'UTC')::timestamp(3) AS now")["now"])
        assert planner.run(engine, settings, started_by="test").closed_campaigns == 1
    seen = totals(engine)
    figures = (seen.campaigns, seen.active, seen.sent, seen.clicked, seen.returned)
    assert figures == (1, 0, 1, 1, 1)


def totals(engine) -> metrics.Totals:
    with engine.connect() as connection:
        return metrics.totals(connection)


def test_e1_the_tick_makes_the_days_run_once_however_many_consumers(engine, clone_url, tmp_path):
    """E1: two consumers start together on a day whose run is due; there is one scheduled run."""
    people = People(engine, datetime(2026, 1, 1))
    people.execute(
        "UPDATE \"ReengagementSetting\" SET value = '\"2020-01-01T00:00:00\"' WHERE name = 'installed_at'"
    )
    environment = {
        "DATABASE_URL": clone_url,
        "REENGAGEMENT_RUN_AT": "00:00",
        "REENGAGEMENT_RUN_UNTIL": "23:59:59.999",
    }
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    with consumer(environment, logs[0]), consumer(environment, logs[1]):
        eventually(lambda: people.rows("SELECT 1 FROM \"ReengagementRun\" WHERE state = 'done'"), logs[0])
        eventually(lambda: len(people.rows('SELECT 1 FROM "ReengagementConsumer"')) == 2, logs[1])
    done = people.rows("SELECT * FROM \"ReengagementRun\" WHERE state = 'done'")
    assert [(row["kind"], row["startedBy"]) for row in done] == [("scheduled", "schedule")]
