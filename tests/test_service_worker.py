"""The service worker in a real browser: it shows, it reports, it opens what it may (G1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Worker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from reengagement.http import build_routes
from reengagement.payload import payload_of
from reengagement.settings import parse
from tests import browser as browsers
from tests.served import served
from tests.wire import Wire

REGISTER = """() => navigator.serviceWorker.register('/reengagement/sw.js', {scope: '/'})
    .then(() => navigator.serviceWorker.ready).then(() => null)"""
SHOWN = """() => navigator.serviceWorker.ready.then((one) => one.getNotifications())
    .then((all) => all.map(({title, body, tag}) => [title, body, tag]))"""
PRESS = """async (action) => {
    const opened = [];
    Clients.prototype.openWindow = async (url) => { opened.push(url); return null; };
    const [notification] = await self.registration.getNotifications();
    self.dispatchEvent(new NotificationEvent('notificationclick', {notification, action}));
    await new Promise((done) => setTimeout(done, 500));
    return {opened, left: (await self.registration.getNotifications()).length};
}"""
"""A press. Only the window's opening is recorded instead of done: a browser wants a finger for that."""


async def _site(_: Request) -> HTMLResponse:
    return HTMLResponse("<h1>The product</h1>")


class Phone:
    """A page of the product's site with the service worker at work."""

    def __init__(self, page: Page, worker: Worker, session: CDPSession, registration: str, site: str) -> None:
        self.page, self._worker, self._session = page, worker, session
        self._registration, self.site = registration, site

    def receive(self, data: str) -> None:
        """Let the browser deliver a push message."""
        message = {"origin": self.site, "registrationId": self._registration, "data": data}
        self._session.send("ServiceWorker.deliverPushMessage", message)
        self.page.wait_for_timeout(500)

    def shown(self) -> list[list[str]]:
        found: list[list[str]] = self.page.evaluate(SHOWN)
        return found

    def press(self, action: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self._worker.evaluate(PRESS, action)
        return found


@pytest.fixture
def dashboard() -> Iterator[Wire]:
    with Wire(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", close_after=1) as wire:
        yield wire


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browsers.running(notifications=True) as browser:
        yield browser


@contextmanager
def phone_at(chrome: Browser, site: str, path: str) -> Iterator[Phone]:
    """Yield a phone that has opened a page of the product's site, which has the worker installed by then."""
    with chrome.new_context() as browser:
        browser.grant_permissions(["notifications"], origin=site)
        page = browser.new_page()
        with browser.expect_event("serviceworker") as worker:
            page.goto(f"{site}{path}")
            page.evaluate(REGISTER)
        session = browser.new_cdp_session(page)
        known: list[dict[str, Any]] = []
        session.on(
            "ServiceWorker.workerRegistrationUpdated", lambda event: known.extend(event["registrations"])
        )
        session.send("ServiceWorker.enable")
        while not known:
            page.wait_for_timeout(50)
        yield Phone(page, worker.value, session, known[-1]["registrationId"], site)


@pytest.fixture
def phone(chrome: Browser, dashboard: Wire) -> Iterator[Phone]:
    settings = parse({"REENGAGEMENT_PUBLIC_URL": dashboard.origin})
    site_of_product = Starlette(routes=[*build_routes(settings), Route("/{path:path}", _site)])
    with served(site_of_product) as site, phone_at(chrome, site, "/lessons") as found:
        yield found


def reminder(dashboard: Wire, landing_url: str) -> str:
    links = {f"{what}_url": f"{dashboard.origin}/{what}/1" for what in ("click", "shown", "opt_out")}
    return payload_of("Рекс ждёт", "Вернитесь", tag="t1", landing_url=landing_url, **links).decode()


def reports(dashboard: Wire) -> list[str]:
    return [request.path for request in dashboard.requests]


def test_a_reminder_is_shown_and_reported_and_a_press_counts_and_opens_the_link(
    phone: Phone, dashboard: Wire
) -> None:
    landing = f"{dashboard.origin}/open/1"
    phone.receive(reminder(dashboard, landing))
    assert phone.shown() == [["Рекс ждёт", "Вернитесь", "t1"]]
    assert reports(dashboard) == ["/shown/1"]

    assert phone.press() == {"opened": [landing], "left": 0}
    assert reports(dashboard) == ["/shown/1", "/click/1"]


def test_no_more_reminders_stands_beside_a_reminder_opens_a_page_that_asks_and_is_no_click(
    phone: Phone, dashboard: Wire
) -> None:
    """A4."""
    phone.receive(reminder(dashboard, f"{dashboard.origin}/open/1"))
    assert phone.press("opt-out") == {"opened": [f"{dashboard.origin}/opt_out/1"], "left": 0}
    assert reports(dashboard) == ["/shown/1"]


def test_the_same_reminder_sent_again_replaces_the_first(phone: Phone, dashboard: Wire) -> None:
    for _ in range(2):
        phone.receive(reminder(dashboard, f"{phone.site}/trainings"))
    assert len(phone.shown()) == 1


def test_a_link_to_another_site_is_not_opened(phone: Phone, dashboard: Wire) -> None:
    phone.receive(reminder(dashboard, "https://evil.example.org/x"))
    assert phone.press()["opened"] == [f"{phone.site}/"]
    assert "/click/1" in reports(dashboard)


@pytest.mark.parametrize("data", ["", "nonsense", "{}", '{"notification": {"title": "x"}}', "null"])
def test_messages_of_others_are_left_to_others(phone: Phone, dashboard: Wire, data: str) -> None:
    phone.receive(data)
    assert [one for one in phone.shown() if one[0] == "x"] == []
    assert reports(dashboard) == []
