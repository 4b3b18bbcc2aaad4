"""The user's own *no more reminders*: a page that asks, is honoured at once, and takes it back (A4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Engine

from reengagement import delivery, planner, references
from reengagement.database import engine_of
from reengagement.http import build_app
from reengagement.settings import Settings
from tests.people import People
from tests.served import Reply, call, served
from tests.test_delivery import KEYS, Phones
from tests.test_http import now_of

SECRET = "s" * 32
FCM = "https://fcm.googleapis.com"


@pytest.fixture
def installation(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret": SECRET})


@pytest.fixture
def origin(installation: Settings) -> Iterator[str]:
    with served(build_app(installation)) as origin:
        yield origin
    engine_of(installation).dispose()


@pytest.fixture
def path(engine: Engine) -> str:
    return f"/reengagement/opt-out/{reference(engine)}"


def reference(engine: Engine, user_id: str = "alice", days: float = 1, purpose: Any = "opt-out") -> str:
    return references.make(SECRET, user_id, now_of(engine) + timedelta(days=days), purpose)


def plan(engine: Engine, settings: Settings, people: People, days: float = 0) -> planner.RunReport:
    return planner.run(engine, settings, started_by="test", now=people.now + timedelta(days=days))


def page(origin: str, path: str, language: str = "en") -> Reply:
    return call(origin, "GET", path, headers={"Accept-Language": f"{language},de;q=0.5"})


def test_a4_who_opts_out_gets_nothing_more_neither_what_waits_nor_in_a_later_lapse(
    origin: str, engine: Engine, installation: Settings, people: People, path: str
) -> None:
    people.add("alice", days_ago=6)
    people.subscribe("alice", f"{FCM}/alice", KEYS)
    assert plan(engine, installation, people).new_campaigns == 1
    assert call(origin, "POST", path).status == 303
    campaign = people.one('SELECT * FROM "ReengagementCampaign"')
    assert (campaign["isActive"], campaign["closedReason"], campaign["unsubscribed"]) == (
        False,
        "opted_out",
        True,
    )
    phones = Phones()
    delivery.drain(engine, installation, post=phones, clock=lambda connection: people.now)
    assert phones.posted == []
    people.step("alice", people.now + timedelta(days=1))
    assert plan(engine, installation, people, days=10).new_campaigns == 0


def test_a4_taking_it_back_lets_the_next_lapse_begin_a_campaign(
    origin: str, engine: Engine, installation: Settings, people: People, path: str
) -> None:
    people.add("alice", days_ago=6)
    plan(engine, installation, people)
    call(origin, "POST", path)
    assert call(origin, "POST", f"{path}/undo").status == 303
    assert plan(engine, installation, people, days=1).new_campaigns == 0, "the same lapse isn't opened again"
    people.step("alice", people.now + timedelta(days=2))
    assert plan(engine, installation, people, days=10).new_campaigns == 1


def test_only_a_press_changes_anything_and_the_page_says_how_things_stand(
    origin: str, people: People, path: str
) -> None:
    for method in ("GET", "HEAD"):
        assert call(origin, method, path).status == 200
    assert people.rows('SELECT 1 FROM "ReengagementOptOut"') == []
    assert "Don&#x27;t remind me any more" in page(origin, path).body.decode()
    assert "Больше не напоминать" in page(origin, path, "ru").body.decode()
    for _ in range(2):
        assert call(origin, "POST", path).headers["Location"] == path
    assert "Напоминать снова" in page(origin, path, "ru-RU").body.decode()
    assert 'lang="ru"' in page(origin, path, "ru-RU").body.decode()


def test_the_page_loads_nothing_and_stands_in_no_frame(origin: str, path: str) -> None:
    headers = page(origin, path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_wrong_an_expired_or_another_links_reference_opens_nothing(
    origin: str, engine: Engine, people: People
) -> None:
    forged = ("alice", reference(engine, days=-1), reference(engine, purpose="click"), "%3Cscript%3E")
    for wrong, method in product(forged, ("GET", "POST")):
        answer = call(origin, method, f"/reengagement/opt-out/{wrong}")
        assert (answer.status, answer.body) == (404, b"Not found.\n")
    assert people.rows('SELECT 1 FROM "ReengagementOptOut"') == []
