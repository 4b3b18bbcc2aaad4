"""Devices of people who use the dashboard: added by a link of theirs, sent texts as tests, never reminded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from reengagement import auditing, database, devices, references
from reengagement.answers import Answer
from reengagement.database import engine_of
from reengagement.demo import phone, push_service
from reengagement.http import build_app
from reengagement.settings import Settings, parse
from reengagement.vapid import make_vapid_keys
from tests import browser as browsers
from tests.people import People
from tests.served import Reply, call, served
from tests.test_http import now_of
from tests.test_product_site import AS_A_PUSH_SERVICE_WOULD
from tests.tricks import SSRF

FCM = "https://fcm.googleapis.com"
JSON = {"Content-Type": "application/json"}
TEXT = "emotional-1-1"


@pytest.fixture
def installation(clone_url: str) -> Iterator[Settings]:
    keys = {"VAPID_PRIVATE_KEY": make_vapid_keys()[0], "VAPID_SUBJECT": "mailto:ops@example.org"}
    settings = parse({"DATABASE_URL": clone_url, "REENGAGEMENT_PUBLIC_URL": "http://dashboard", **keys})
    yield settings
    engine_of(settings).dispose()


@pytest.fixture
def origin(installation: Settings) -> Iterator[str]:
    with served(build_app(installation)) as found:
        yield found


def link(engine: Engine, settings: Settings, name: str = "Мария", minutes: float = 0) -> str:
    """Return the path of a link made so many minutes ago."""
    with engine.connect() as connection:
        made = database.clock(connection) - timedelta(minutes=minutes)
        return devices.link(connection, settings, name, made).removeprefix("http://dashboard")


def add(origin: str, path: str, **changes: Any) -> Reply:
    endpoint, keys = phone.subscription_of(FCM, "boss")
    wish = {"endpoint": endpoint, "expirationTime": None, "keys": keys} | changes
    return call(origin, "POST", path, json.dumps(wish).encode(), JSON)


def of(engine: Engine, name: str = "Мария") -> list[devices.Device]:
    with engine.connect() as connection:
        return list(devices.of(connection, name))


def noted(engine: Engine) -> list[tuple[str, str, dict[str, Any]]]:
    with engine.connect() as connection:
        return [(one.who, one.what, one.details) for one in auditing.read(connection, skip=0, limit=9).notes]


def test_a_browser_is_added_by_the_link_of_whoever_is_signed_in_and_by_no_other(origin, engine, installation):
    good = link(engine, installation)
    assert call(origin, "GET", good).status == 200
    with engine.connect() as connection:
        secret = references.secret_of(connection, installation)
    another = references.make(secret, "Мария", now_of(engine) + timedelta(minutes=5), "opt-out")
    for bad in (link(engine, installation, minutes=30), f"{good}x", f"/reengagement/device/{another}"):
        assert call(origin, "GET", bad).status == 404
        assert add(origin, bad).status == 404
    assert of(engine) == []
    assert add(origin, good).status == 204
    assert add(origin, good).status == 204, "a known one is renewed"
    assert [one.push_service for one in of(engine)] == [FCM]
    assert of(engine, "Пётр") == []


def test_a_device_must_be_of_a_push_service_as_a_users_must(origin, engine, installation):
    path = link(engine, installation)
    for endpoint in SSRF.values():
        assert add(origin, path, endpoint=endpoint).status == 400, endpoint
    assert add(origin, path, keys={"p256dh": "AAAA", "auth": "AAAA"}).status == 400
    assert add(origin, path, more="x").status == 400
    assert of(engine) == []


def test_the_trail_says_who_did_what_and_no_endpoint(origin, engine, installation):
    add(origin, link(engine, installation))
    (one,) = of(engine)
    with engine.begin() as connection:
        now = database.clock(connection)
        devices.note_test(connection, "Мария", one, TEXT, Answer("accepted", "http_201", 201), now)
        devices.remove(connection, "Пётр", one.key, now)
        devices.remove(connection, "Мария", one.key, now)
    assert [(who, what) for who, what, _ in noted(engine)] == [
        ("Мария", "device_removed"),
        ("Мария", "text_tried"),
        ("Мария", "device_added"),
    ]
    assert one.endpoint.rpartition("/")[2] not in str(noted(engine))


def test_a_device_that_is_gone_is_removed_and_a_second_press_at_once_sends_nothing(
    origin, engine, installation
):
    add(origin, link(engine, installation))
    (one,) = of(engine)
    with engine.begin() as connection:
        now = database.clock(connection)
        rests = devices.BETWEEN_TESTS
        pressed = [now, now + rests - timedelta(milliseconds=1), now + rests]
        assert [devices.may_test(connection, one.key, each) for each in pressed] == [True, False, True]
        devices.note_test(connection, "Мария", one, TEXT, Answer("gone", "http_410", 410), now)
        assert not devices.may_test(connection, one.key, now + timedelta(days=1))
    assert of(engine) == []


def test_of_many_devices_of_one_person_the_oldest_go(engine):
    with engine.begin() as connection:
        for number in range(devices.MOST + 2):
            at = now_of(engine) + timedelta(minutes=number)
            devices.add(connection, "Мария", f"{FCM}/{number}", {"p256dh": "p", "auth": "a"}, at)
    assert [one.endpoint[-2:] for one in of(engine)][-1] == "/2"


def test_a_text_is_edited_looked_at_saved_and_sent_to_a_device_of_ones_own(clone_url, engine, people: People):
    """C5. In a browser, from the editor to what the phone could decrypt; nothing of it is counted."""
    private_key, public_key = make_vapid_keys()
    with push_service.running(public_key=public_key) as push, browsers.running() as chromium:
        keys = {"VAPID_PRIVATE_KEY": private_key, "VAPID_SUBJECT": "mailto:ops@example.org"}
        keys["REENGAGEMENT_PUSH_ORIGINS"] = push.origin
        with (
            browsers.serving(DATABASE_URL=clone_url, **keys) as site,
            chromium.new_context(locale="en-GB", permissions=["notifications"]) as context,
        ):
            page = context.new_page()
            page.goto(site.link)
            expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            page.goto(f"{site.url}/messages?variant={TEXT}&lang=en")
            page.get_by_role("textbox", name="Title").fill("{dogName}, к ноге!")
            page.get_by_role("textbox", name="Body").fill("Проба пера")
            card = page.get_by_text("Рекс, к ноге!", exact=True).first
            expect(card).to_be_visible()
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_text("Saved as revision 2.")).to_be_visible()

            context.add_init_script(
                f"({AS_A_PUSH_SERVICE_WOULD})({json.dumps(phone.subscription_of(push.origin, 'boss'))})"
            )
            with context.expect_page() as opened:
                page.get_by_role("link", name="Add this browser").click()
            opened.value.get_by_role("button", name="Add this browser").click()
            expect(opened.value.get_by_role("status")).to_contain_text("Done")
            page.reload()
            page.get_by_role("button", name="Send a test").click()
            expect(page.get_by_text("The push service took it.")).to_be_visible()
            (arrived,) = push.arrived()
            push.behave(410)
            page.wait_for_timeout(1000 * devices.BETWEEN_TESTS.total_seconds())
            page.get_by_role("button", name="Send a test").click()
            expect(page.get_by_text("it was removed")).to_be_visible()
    said = arrived["notification"]
    assert (said["title"], said["body"]) == ("Рекс, к ноге!", "Проба пера")
    assert people.rows('SELECT 1 FROM "ReengagementDelivery"') == []
    assert people.rows('SELECT 1 FROM "ReengagementDevice"') == []
