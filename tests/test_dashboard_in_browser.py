"""The dashboard in a real browser: cookies, websockets, double clicks, and how it looks."""

import json
import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert, select, text, update

from reengagement import database
from reengagement.tables import delivery, notification, run
from tests import browser
from tests.dashboards import zone_where_it_is
from tests.records import add_campaign, add_notification, days
from tests.served import call

SECRET_NAME = "Аврора Тайнина"


@pytest.fixture
def site(clone_url, engine, people):
    """A web process; one campaign whose only reminder was sent, and one user who has lapsed."""
    with engine.connect() as connection:
        people.now = database.clock(connection)
    people.add("avrora", days_ago=40, name=SECRET_NAME)
    people.add("alice", days_ago=6)
    with engine.begin() as connection:
        avrora = add_campaign(connection, "avrora", people.now - days(1))
        add_notification(connection, avrora, sent_at=people.now)
    with browser.serving(DATABASE_URL=clone_url, REENGAGEMENT_TIMEZONE=zone_where_it_is(12)) as found:
        yield found


@pytest.fixture
def page(chromium):
    context = chromium.new_context(locale="ru-RU", viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def heard(page: Page) -> list[bytes]:
    """Return the list into which all that the page's websocket receives will come."""
    frames: list[bytes] = []

    def note(frame: str | bytes) -> None:
        frames.append(frame.encode() if isinstance(frame, str) else frame)

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    return frames


@pytest.mark.parametrize("paths", [("/", "/?embed=true", "/nonsense"), ("/overview", "/")])
def test_a_fresh_process_shows_a_stranger_nothing_but_the_sign_in_page(site, page, paths):
    """F1. Whatever the address, the first of all requests too; and nothing else comes over the websocket."""
    frames = heard(page)
    for path in paths:
        page.goto(site.url + path)
        expect(page.get_by_role("heading", name="Вход")).to_be_visible()
        expect(page.get_by_test_id("stMetric")).to_have_count(0)
    said = b"".join(frames)
    assert "Вход".encode() in said
    assert SECRET_NAME.encode() not in said
    assert "Обзор".encode() not in said
    assert b"overview.py" not in said


def test_the_one_time_link_works_once_and_signing_out_closes_every_tab(site, page, chromium):
    """F1. The other tab loads its page anew: where Streamlit drew it anew, one in five stayed white."""
    page.goto(site.link)
    expect(page.get_by_role("heading", name="Обзор")).to_be_visible()
    assert page.url == f"{site.url}/"
    [cookie] = [found for found in page.context.cookies() if found["name"] == "reengagement_session"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)

    stranger = chromium.new_context(locale="en-US").new_page()
    stranger.goto(site.link)
    expect(stranger.get_by_text("This link was used already, or it has expired.")).to_be_visible()
    expect(stranger.get_by_test_id("stMetric")).to_have_count(0)

    page.evaluate("window.is_as_it_was = true")
    second = page.context.new_page()
    second.goto(site.url)
    second.get_by_role("button", name="Выйти").click()
    expect(second.get_by_role("heading", name="Вход")).to_be_visible()
    expect(page.get_by_role("heading", name="Вход")).to_be_visible()
    expect(page.get_by_text(SECRET_NAME)).to_have_count(0)
    assert not page.evaluate("window.is_as_it_was")


MARK_TOTALS = "() => document.querySelectorAll('[data-testid=stMetric]').forEach(one => (one.marked = true))"
MARKED_TOTALS = (
    "() => [...document.querySelectorAll('[data-testid=stMetric]')].filter(one => one.marked).length"
)
FOUR_LINES = {
    "Обзор": [
        "✅ Планировщик выполнен успешно!",
        "🆕 Новых кампаний: 1",
        "📨 Уведомлений запланировано: 1",
        "✔️ Кампаний закрыто: 0",
    ],
    "Overview": [
        "✅ Planner finished successfully!",
        "🆕 New campaigns: 1",
        "📨 Notifications scheduled: 1",
        "✔️ Campaigns closed: 0",
    ],
}


def test_pressing_run_twice_quickly_is_one_run_with_four_lines_in_the_language_chosen(site, page, engine):
    """B2, E2, F7."""
    page.goto(site.link)
    expect(page.get_by_test_id("stMetric")).to_have_count(8)
    page.evaluate(MARK_TOTALS)
    page.get_by_role("button", name="Запустить планировщик").dblclick()
    expect_four_lines(page, "Обзор")
    page.get_by_text("EN", exact=True).click()
    expect_four_lines(page, "Overview")
    assert page.url == f"{site.url}/?lang=en"
    assert page.evaluate(MARKED_TOTALS) == 8, "the totals were drawn anew, which flickers"
    page.reload()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    with engine.connect() as connection:
        assert connection.execute(select(run.c.started_by, run.c.state)).all() == [("admin", "done")]


def expect_four_lines(page, title):
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    answer = page.locator(".st-key-outcome p").first
    expect(answer).to_contain_text(FOUR_LINES[title][-1])
    assert answer.inner_text().splitlines() == FOUR_LINES[title]


def test_a_click_raises_the_total_at_once_without_a_reload(site, page, engine):
    """Nor does a moment without the database load the page anew."""
    page.goto(f"{site.link}&lang=en")
    clicked = page.get_by_test_id("stMetric").filter(has_text=re.compile("^Clicked"))
    expect(clicked).to_contain_text("0")
    with engine.begin() as connection:
        connection.execute(update(notification).values(clicked=True, clicked_at=database.clock(connection)))
    expect(clicked).to_contain_text("1")
    page.evaluate("window.is_as_it_was = true")
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementSession" RENAME TO "Away"'))
    expect(page.get_by_text("The database can't be used at the moment").first).to_be_visible()
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "Away" RENAME TO "ReengagementSession"'))
    expect(clicked).to_contain_text("1")
    assert page.evaluate("window.is_as_it_was"), "what someone was typing would be lost"


def test_f5_a_failed_delivery_is_sent_again_from_the_queue_and_a_link_shows_the_same(
    site, page, engine, people
):
    with engine.begin() as connection:
        connection.execute(update(notification).values(run_id=1))
        one = connection.execute(select(notification.c.id)).scalar_one()
        for service, state, reason in (("one", "rejected", "http_413"), ("other", "unknown", "timeout")):
            connection.execute(
                insert(delivery).values(
                    notification_id=one,
                    subscription_id=service,
                    endpoint_hash=service.encode(),
                    push_service=f"https://{service}.example.org",
                    state=state,
                    reason=reason,
                    queued_at=people.now,
                    next_attempt_at=people.now,
                    expires_at=people.now + days(1),
                    settled_at=people.now,
                )
            )
    page.goto(f"{site.link}&lang=en")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 1600})  # to be scrolled would close the list of choices
    browser.refresh_with_each_click(page)
    page.goto(f"{site.url}/queue?lang=en")
    expect(page.get_by_role("button", name="Send all again")).to_have_count(2)
    expect(page.get_by_role("heading", name="Consumers")).to_be_visible()
    browser.at_rest(page)
    page.get_by_role("combobox", name="Push service").click()
    page.get_by_role("option", name="other.example.org").click()
    expect(page.get_by_text("Show them")).to_have_count(1)
    page.get_by_text("Show them").click()
    expect(page).to_have_url(re.compile(r"service=https%3A%2F%2Fother.example.org.*cause=unknown_timeout"))
    page.reload()
    page.get_by_role("button", name="Send all again").dblclick()
    expect(page.get_by_text("1 delivery is sent again.")).to_be_visible()
    expect(page.get_by_text("Nothing went wrong in the last 24 hours.")).to_be_visible()
    with engine.connect() as connection:
        states = dict(connection.execute(select(delivery.c.subscription_id, delivery.c.state)).all())
    assert states == {"one": "rejected", "other": "queued"}


def test_a_table_and_a_chart_can_be_taken_along_and_the_tables_file_is_safe(site, page, people):
    """The table's own download is out of reach: a name in it could be a formula."""
    people.execute("UPDATE \"User\" SET username = :name WHERE id = 'avrora'", name="=1+1")
    page.goto(f"{site.link}&lang=ru")
    table = page.get_by_test_id("stDataFrame").last
    expect(table).to_be_visible()
    table.hover()
    expect(page.get_by_label("Fullscreen").first).to_be_attached()
    expect(page.get_by_label("Download as CSV").first).to_be_hidden()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").last.click()
    header, row = download.value.path().read_text("utf-8-sig").splitlines()
    assert header.split(";")[0] == "Пользователь"
    assert row.split(";")[0] == "'=1+1"
    page.locator(".st-key-by_level").hover()
    with page.expect_download() as download:
        page.locator(".st-key-by_level .modebar-btn").click()
    assert download.value.suggested_filename == "by_level.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_in_the_demo_one_button_signs_in(clone_url, page):
    """F1."""
    with browser.serving(DATABASE_URL=clone_url, REENGAGEMENT_DEMO="true") as site:
        page.goto(f"{site.url}/?lang=en")
        page.get_by_role("button", name="Sign in to the demo").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        assert page.url == f"{site.url}/?lang=en"


def test_the_overview_has_its_name_as_an_address_too_and_unknown_ones_are_refused(site, page):
    """Streamlit has the first page at `/` alone, and would say in English that there is no such page; it
    would answer unknown paths and wrong methods with its page and 200.
    """
    for method, path, status in (
        ("GET", "/session/anything", 404),
        ("POST", "/session/demo", 404),
        ("POST", "/session/sign-in", 405),
        ("GET", "/reengagement/anything", 404),
        ("GET", "/reengagement/click/x", 405),
    ):
        reply = call(site.url, method, path)
        assert reply.status == status, path
        assert b"<html" not in reply.body
    assert json.loads(call(site.url, "GET", "/reengagement/health").body)["status"]
    reply = call(site.url, "GET", "/overview?lang=en&period=7")
    assert (reply.status, reply.headers["location"]) == (307, "./?lang=en&period=7")
    assert call(site.url, "GET", "/overview").headers["location"] == "./"
    page.goto(site.link)
    expect(page.get_by_role("heading", name="Обзор")).to_be_visible()
    page.goto(f"{site.url}/overview?lang=en")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert page.url == f"{site.url}/?lang=en"
    expect(page.get_by_text("Page not found")).to_have_count(0)
