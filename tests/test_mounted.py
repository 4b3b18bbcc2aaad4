"""Our pages inside another product's dashboard: under its prefix, behind its own guard, in its own menu."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from reengagement import database
from reengagement.dashboard import navigation
from reengagement.dashboard.navigation import build_pages
from reengagement.errors import SettingsError
from tests import browser
from tests.dashboards import zone_where_it_is
from tests.records import add_campaign, add_notification, days

EXAMPLE = "examples/host_dashboard/dashboard.py"


@pytest.fixture
def host_site(clone_url, engine, people):
    people.add("alice", days_ago=40, name="Аврора Тайнина")
    with engine.begin() as connection:
        now = database.clock(connection)
        one = add_campaign(connection, "alice", now - days(1))
        add_notification(connection, one, sent_at=now)
    noon = {"REENGAGEMENT_TIMEZONE": zone_where_it_is(12)}
    with browser.serving(EXAMPLE, DATABASE_URL=clone_url, **noon) as found:
        yield found


def test_another_dashboard_shows_our_pages_to_whom_its_own_guard_lets_in(host_site, chromium):
    page = chromium.new_context(locale="en-US").new_page()
    page.goto(f"{host_site.url}/re_overview")
    expect(page.get_by_text("These pages are for managers")).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    page.get_by_test_id("stSidebar").get_by_role("combobox").click()
    page.get_by_role("option", name="Марина").click()
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    for name in navigation.names():
        link = page.get_by_test_id("stSidebarNav").locator(f"a[href$='/re_{name}']")
        link.click()
        expect(page).to_have_url(re.compile(f"/re_{name}"))
        expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("A real dashboard has accounts")).to_have_count(0)
    page.wait_for_timeout(2500)  # what refreshes by itself asks the host's guard as well
    expect(page.get_by_text("These pages are for managers")).to_have_count(0)
    page.context.close()


def test_a_page_that_there_is_not_is_named_with_those_that_there_are():
    with pytest.raises(SettingsError, match=r"overviw.*overview"):
        build_pages(only=["overviw"])
