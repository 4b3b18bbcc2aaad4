"""Killed, stopped, paused: real consumers, each in its own working folder, lose and repeat nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from bench import accounts, chaos, servers, unreliable
from bench.chaos import Product
from bench.fleet import STOP_SECONDS, Fleet, Machine, fleet
from bench.unreliable import CALM, Mood, PushService
from reengagement import delivery
from reengagement.delivery.draining import LANES, POSTED_AT_ONCE
from reengagement.settings import Settings, parse
from reengagement.tables import OPEN_STATES
from reengagement.webpush import make_vapid_keys
from tests.people import People

SILENT = Mood("silent", {"accept, hang": 1})


@pytest.fixture
def service() -> Iterator[PushService]:
    """Three push services that do as they are told."""
    with unreliable.running() as running:
        yield running


@pytest.fixture
def environment(clone_url: str, service: PushService) -> dict[str, str]:
    """What stands in the `.env` of each consumer."""
    private_key, _ = make_vapid_keys()
    return {
        "DATABASE_URL": clone_url,
        "VAPID_PRIVATE_KEY": private_key,
        "VAPID_SUBJECT": "mailto:ops@example.org",
        "REENGAGEMENT_PUSH_ORIGINS": ",".join(service.origins),
    }


@dataclass
class Sending:
    """A product whose reminders wait for `release`, and what became of their deliveries."""

    product: Product
    people: People

    def states(self) -> dict[str, int]:
        return chaos.patiently(lambda: accounts.states(self.product.engine))

    def open(self) -> int:
        states = self.states()
        return sum(states[state] for state in ("waiting", *OPEN_STATES))

    def until(self, reached: Callable[[], Any], running: Fleet, seconds: float = 60) -> None:
        """Wait for something; consumers that have ended are started again."""
        deadline = time.monotonic() + seconds
        while not chaos.patiently(reached):
            assert time.monotonic() < deadline, (self.states(), running.machines[0].log.read_text()[-3000:])
            running.tend()
            time.sleep(0.05)

    def until_alive(self, running: Fleet) -> None:
        self.until(lambda: self.product.consumers_alive() == len(running.machines), running)


@pytest.fixture
def sending(engine: Engine, service: PushService, people: People) -> Callable[[int], Sending]:
    """Make a product with so many reminders, each to one phone."""

    def make(deliveries: int) -> Sending:
        product = Product(engine, deliveries * 3 // 4, random.Random(0))
        product.prepare(service.origins, deliveries)
        return Sending(product, people)

    return make


def stop(machine: Machine) -> float:
    """Send SIGTERM; return how many seconds the consumer took to end."""
    assert machine.process is not None
    began = time.monotonic()
    machine.process.send_signal(signal.SIGTERM)
    assert machine.process.wait(3 * STOP_SECONDS) == 0
    return time.monotonic() - began


def broken(promises: list[accounts.Promise]) -> list[accounts.Promise]:
    return [promise for promise in promises if not promise.is_kept]


def test_d2_d5_whatever_is_killed_nothing_is_lost_and_nobody_is_reminded_twice(
    sending, service, environment, clones, data_dir, engine, tmp_path
):
    """D2, D5: `kill -9` of workers and of a consumer, PostgreSQL restarted, a push service that resets."""
    there = sending(600)
    service.be(Mood("rough", {"201": 8, "500": 1, "accept, reset": 1}, (0.2, 0.8)))
    clones.wait()  # a restart would end the copying of a database
    with fleet(tmp_path, environment, 2) as running:
        there.until_alive(running)
        for fault in ("worker", "consumer", "PostgreSQL", "worker"):
            there.product.release(150)
            there.until(there.product.is_posting, running)
            match fault:
                case "worker":
                    running.kill_worker()
                case "consumer":
                    running.kill_consumer()
                case _:
                    servers.restart_postgresql(data_dir, servers.FAST)
        service.be(CALM)
        there.until(lambda: there.states()["waiting"] == 0, running)
        running.stop()
        assert running.orphans() == []
    finish(there, parse(environment))
    assert broken(accounts.audit(engine, service.accepted, 600)) == []
    unknown = accounts.unknown_by_reason(engine)
    lost, unheard = unknown.pop("worker_lost", 0) + unknown.pop("stopped", 0), sum(unknown.values())
    assert lost <= POSTED_AT_ONCE * LANES * 5, "two workers, and a consumer with two, and a restart"
    assert unheard <= service.withheld


def finish(there: Sending, settings: Settings) -> None:
    """Do what time would: leases end (nobody is alive who could hold one), retries fall due."""
    for _ in range(6):
        there.people.execute(
            """UPDATE "ReengagementDelivery" SET "leaseEndsAt" = "leaseEndsAt" - interval '1 hour'"""
        )
        delivery.take_back(there.product.engine, settings)
        there.product.pull_forward()
        delivery.drain(there.product.engine, settings)
        if not there.open():
            return
    pytest.fail(f"not settled: {there.states()}")


def test_d5_sigterm_ends_a_consumer_within_ten_seconds_though_a_push_service_hangs(
    sending, service, environment, tmp_path
):
    """D5: what was in flight is settled: unknown where it had left, queued again where it hadn't."""
    there = sending(100)
    service.be(SILENT)
    with fleet(tmp_path, environment, 1) as running:
        there.until_alive(running)
        there.product.release(100)
        there.until(lambda: service.requests > 20, running)
        (machine,) = running.machines
        assert stop(machine) < STOP_SECONDS
        states = there.states()
        assert (states["posting"], states["claimed"]) == (0, 0)
        assert states["unknown"] == service.requests == len(service.accepted)
        assert there.product.consumers_alive() == 0


def test_b6_a_pause_takes_effect_within_two_seconds_and_afterwards_what_has_not_expired_leaves(
    sending, service, environment, tmp_path, people
):
    """B6: with a drain under way, and one slow push service: no request may wait for a connection."""
    there = sending(800)
    for origin in service.origins[1:]:
        people.execute(
            'UPDATE "PushSubscription" SET endpoint = replace(endpoint, :other, :one)',
            other=origin,
            one=service.origins[0],
        )
    service.be(Mood("slow", latency=(2.5, 3.0)))
    with fleet(tmp_path, environment, 1) as running:
        there.until_alive(running)
        there.product.release(800)
        there.until(lambda: service.requests > 100, running)
        there.product.pause(on=True)
        time.sleep(chaos.PAUSE_WORKS_WITHIN)
        posted = service.requests
        assert posted < 700, "the backlog was to outlast the wait"
        time.sleep(3)
        assert service.requests == posted
        assert there.states()["posting"] == 0
        people.execute(
            """UPDATE "ReengagementDelivery" SET "expiresAt" = "queuedAt" - interval '1 day' WHERE id IN
               (SELECT id FROM "ReengagementDelivery" WHERE state = 'queued' ORDER BY id LIMIT 7)"""
        )
        service.be(Mood("well"))
        there.product.pause(on=False)
        there.until(lambda: there.open() == 0, running)
    states = there.states()
    assert (states["accepted"], states["expired"]) == (793, 7)
    assert broken(accounts.audit(there.product.engine, service.accepted, 800)) == []


@pytest.mark.long
def test_e1_three_consumers_on_three_machines_share_the_work_and_make_one_daily_run(
    sending, service, environment, tmp_path, people
):
    """E1: each in its own working folder, over one database."""
    people.execute(
        "UPDATE \"ReengagementSetting\" SET value = '\"2020-01-01T00:00:00\"' WHERE name = 'installed_at'"
    )
    there = sending(6_000)
    whole_day = {"REENGAGEMENT_RUN_AT": "00:00", "REENGAGEMENT_RUN_UNTIL": "23:59:59.999"}
    done = 'SELECT "startedBy" FROM "ReengagementRun" WHERE state = \'done\''
    with fleet(tmp_path, environment | whole_day, 3, workers=1) as running:
        there.until_alive(running)
        before = [machine.cpu_seconds() for machine in running.machines]
        there.product.release(6_000)
        there.until(lambda: people.rows(done) and there.open() == 0, running)
        used = [
            machine.cpu_seconds() - start for machine, start in zip(running.machines, before, strict=True)
        ]
    assert [row["startedBy"] for row in people.rows(done)] == ["schedule"]
    assert min(used) > max(used) / 10
    assert broken(accounts.audit(there.product.engine, service.accepted, 6_000)) == []


@pytest.mark.long
@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="finds a consumer's workers in /proc")
def test_d5_minutes_of_chaos_lose_nothing_and_repeat_nothing(capsys):
    """D5: what `make chaos` does, with a quarter of the reminders."""
    assert chaos.run(5_000, 60, seed=random.randrange(10**6), consumers=3, appendonly=True), (
        capsys.readouterr()
    )
