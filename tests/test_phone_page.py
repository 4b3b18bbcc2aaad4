"""The demo's phone in a real browser: a press is reported as a service worker would report it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from reengagement.demo.phone import subscription_of
from reengagement.demo.push_service import Running, running
from reengagement.webpush import Message, Sender, make_vapid_keys, payload_of, topic_of
from tests import browser as browsers
from tests.wire import Wire

PRIVATE, _ = make_vapid_keys()
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def push() -> Iterator[Running]:
    with running() as service:
        yield service


@pytest.fixture
def dashboard() -> Iterator[Wire]:
    with Wire(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", close_after=1) as wire:
        yield wire


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browsers.running(notifications=True) as browser:
        yield browser


@pytest.fixture
def page(push: Running, chrome: Browser) -> Iterator[Page]:
    """The phone's page, in Russian; whatever its console says against it fails the test."""
    complaints: list[str] = []
    with chrome.new_context(locale="ru-RU") as browser:
        page = browser.new_page()
        page.on(
            "console", lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{push.origin}/")
        yield page
    assert complaints == []


def send(push: Running, dashboard: Wire, user_id: str, title: str = "Рекс ждёт", tag: str = "t") -> None:
    """Send a reminder from a loop of its own: this thread's belongs to the browser."""

    async def post() -> None:
        async with Sender(PRIVATE, "mailto:a@example.org", frozenset({push.origin})) as sender:
            endpoint, keys = subscription_of(push.origin, user_id)
            links = {
                name: f"{dashboard.origin}/{name}/{user_id}"
                for name in ("click_url", "shown_url", "opt_out_url")
            }
            payload = payload_of(title, "Текст", tag=tag, landing_url=f"{push.origin}/trainings", **links)
            answer = await sender.post(Message(endpoint, keys, payload, 60, topic_of(tag)))
            assert answer.outcome == "accepted"

    thread = threading.Thread(target=lambda: asyncio.run(post()))
    thread.start()
    thread.join()


def reports(dashboard: Wire) -> list[str]:
    return [request.path for request in dashboard.requests]


def test_an_empty_phone_says_what_to_do_next(page: Page) -> None:
    page.get_by_text("«Запустить планировщик»").wait_for()
    page.get_by_role("button", name="English").click()
    page.get_by_text("“Run planner”").wait_for()
    page.reload()
    page.get_by_text("“Run planner”").wait_for()


def test_a_press_is_reported_and_opens_the_link(page: Page, push: Running, dashboard: Wire) -> None:
    send(push, dashboard, "alice")
    page.locator(".notification .open").wait_for()
    with page.expect_popup() as opened:
        page.locator(".notification .open").click()
    opened.value.get_by_text("/trainings").wait_for()
    page.get_by_text("Пока тихо").wait_for()
    assert sorted(reports(dashboard)) == ["/click_url/alice", "/shown_url/alice"]


def test_the_newest_comes_first_and_the_same_tag_replaces(page: Page, push: Running, dashboard: Wire) -> None:
    for user, title in (("alice", "Первое"), ("bob", NASTY), ("alice", "Второе")):
        send(push, dashboard, user, title)
    page.get_by_text("Второе").wait_for()
    assert page.locator(".title").all_inner_texts() == ["Второе", NASTY]
    page.get_by_label("Чей телефон").select_option("bob")
    assert page.locator(".title").all_inner_texts() == [NASTY]


def test_a_notification_can_be_dismissed_by_keyboard_and_is_no_click(
    page: Page, push: Running, dashboard: Wire
) -> None:
    send(push, dashboard, "alice")
    button = page.get_by_role("button", name="Убрать уведомление «Рекс ждёт»")
    button.wait_for()
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Пока тихо").wait_for()
    page.reload()
    page.get_by_text("Пока тихо").wait_for()
    assert reports(dashboard) == ["/shown_url/alice"]


def test_a_push_service_can_be_told_to_refuse_from_the_page(page: Page, push: Running) -> None:
    page.get_by_text("Как отвечает пуш-сервис").click()
    page.get_by_label("Ответ", exact=True).select_option("410")
    page.get_by_text("отвечает не как обычно").wait_for()
    assert push._call("GET", "/behaviour")[0]["answer"] == 410
    page.get_by_label("Ответ", exact=True).select_option("ordinary")
    page.get_by_text("отвечает не как обычно").wait_for(state="hidden")
    assert push._call("GET", "/behaviour") == []
