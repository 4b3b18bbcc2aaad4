"""How the dashboard looks: in both languages and themes, on a desk and on a phone; also if names are hostile.

With SCREENSHOTS=http://localhost:8501, the address of a running demo, it is that demo which is looked at,
and what is seen is kept in docs/screenshots/.
"""

import os
from itertools import product
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import insert

from reengagement import auditing, database, heartbeat, variants
from reengagement.dashboard import navigation
from reengagement.heartbeat import Consumer
from reengagement.tables import run
from reengagement.words import words
from tests import axe, browser
from tests.dashboards import zone_where_it_is
from tests.records import add_campaign, add_notification, days

KEPT = Path(__file__).parent.parent / "docs" / "screenshots"
DEMO = os.environ.get("SCREENSHOTS")
FOR_THE_README = "overview-en-light-1280"
WIDTHS = (1280, 390)
THEMES = {"light": "rgb(251, 252, 253)", "dark": "rgb(18, 24, 31)"}
"""The background of each, as .streamlit/config.toml has it."""
TALLEST = 6000
KEPT_OF_OTHERS = {("light", 1280), ("dark", 390)}
"""Of pages other than the overview; all are looked at."""

TOO_WIDE = """() => [...document.querySelectorAll('[data-testid=stMain] *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .filter(one => !one.closest('[data-testid=stDataFrame], [data-testid=stMetricChart], .js-plotly-plot'))
    .map(one => one.outerHTML.slice(0, 120))"""
"""What reaches past the screen; tables and charts scroll or are drawn to fit."""
LONG_NAME = "Максимилиан-Константин Преображенский-Задунайский " * 20
HOSTILE = (
    '<img src=x onerror="window.hurt = true"><b class="hurt">b</b> **hurt** *hurt* [hurt](https://evil.example)'
    " :red[hurt] $hurt$ {dogName} =1+1 "
)
HURT = """() => window.hurt ||
    [...document.querySelectorAll('[src="x"], .hurt, [href*="evil"], strong, em, span')]
    .filter(one => one.textContent.trim() === 'hurt' || !one.matches('strong, em, span'))
    .map(one => one.outerHTML.slice(0, 120)).join('')"""
"""What stored text has become beyond text."""
GO = "(path) => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')); }"
"""As the browser's own way forward: the page changes, the program that shows it needn't be loaded anew."""
OPENED = (
    "campaigns?campaign=hostile",
    "runs?run=1",
    "why?id=long",
    "messages?variant=emotional-1-1",
)
"""Pages of one campaign, one run, one user, one text."""


@pytest.fixture
def demo(request):
    """The address of a demo: one that runs already, or one with twelve weeks of a small history."""
    if DEMO:
        yield DEMO
        return
    engine, people, url = (request.getfixturevalue(name) for name in ("engine", "people", "clone_url"))
    with engine.begin() as connection:
        now = people.now = database.clock(connection)
    people.add("long", days_ago=40, name=HOSTILE + LONG_NAME, dog=HOSTILE)
    people.add("due", days_ago=6, name=HOSTILE, dog=HOSTILE)
    with engine.begin() as connection:
        failed = {"kind": "manual", "started_by": HOSTILE, "state": "failed", "error": HOSTILE}
        connection.execute(insert(run).values(now=now, started_at=now, local_date=now.date(), **failed))
        for number in range(120):
            at = now - days(number * 0.7)
            names = {"id": "hostile", "run_id": 1} if number == 0 else {}
            one = add_campaign(connection, "long", at, is_active=number == 0, closed_reason=None, **names)
            add_notification(
                connection,
                one,
                number % 4 + 1,
                ("emotional", "educational", "motivational", "mixed")[number // 4 % 4],
                sent_at=at,
                clicked_at=at if number % 9 == 0 else None,
                title=HOSTILE,
                body=HOSTILE,
            )
        auditing.note(connection, HOSTILE, "sign_in_refused", now, door="accounts", account=HOSTILE)
        heartbeat.beat(connection, Consumer(id="c1", host=HOSTILE, pid=7, version="1", workers=2), now)
        written = {"title": '**hurt** <b class="hurt">b</b>', "body": "*hurt* $hurt$ :red[hurt]", "url": "/x"}
        variants.edit(connection, "emotional-1-1", **written, by=HOSTILE, now=now, based_on=1)
    noon = {"REENGAGEMENT_TIMEZONE": zone_where_it_is(12), "REENGAGEMENT_DEMO": "true"}
    with browser.serving(DATABASE_URL=url, **noon) as site:
        yield site.url


@pytest.mark.parametrize(
    ("language", "theme"), [("ru", "light"), pytest.param("en", "dark", marks=pytest.mark.long)]
)
def test_no_page_is_cut_off_fails_or_keeps_anyone_out(demo, chromium, language, theme):
    """F7. Every page, wide and narrow; with a demo named, in both themes, and pictures are kept."""
    axe.require()
    page = chromium.new_context(color_scheme=theme).new_page()
    page.on("websocket", lambda socket: socket.on("socketerror", lambda error: errors.append(error)))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{demo}/?lang={language}")
    expect(page.locator("form button").first).to_be_visible()
    look(page, f"sign-in-{language}", theme)
    page.locator("form button").first.click()
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    entries = [entry for section in navigation.SECTIONS for entry in section.entries]
    barriers: dict[str, object] = {}
    for entry in entries:
        name = entry.name
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        if barriers:
            page.evaluate(GO, f"/{name}?lang={language}")
        else:
            page.goto(f"{demo}/?lang={language}")
        expect(page.get_by_test_id("stMain").locator("h1")).to_have_text(entry.title(words(language)))
        browser.at_rest(page)
        look(page, f"{name}-{language}", theme)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert not page.evaluate(HURT), name
        barriers[name] = axe.violations(page)
    if not DEMO:
        open_what_is_hostile(page, demo, language, theme, barriers)
    assert not errors
    assert not {name: found for name, found in barriers.items() if found}
    page.context.close()


def open_what_is_hostile(
    page: Page, demo: str, language: str, theme: str, barriers: dict[str, object]
) -> None:
    """Look at one campaign, one user and one text of which every word is hostile, narrow and wide."""
    for path in OPENED:
        page.goto(f"{demo}/{path}&lang={language}")
        expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
        expect(page.get_by_test_id("stMain").get_by_text("hurt").first).to_be_visible()
        browser.at_rest(page)
        look(page, path, theme)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert not page.evaluate(HURT), path
        barriers[path] = axe.violations(page)


def look(page: Page, name: str, first: str) -> None:
    """Check at each width that nothing is wider than the screen; with a demo in both themes and pictures."""
    for theme, width in product(THEMES if DEMO else [first], WIDTHS):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", THEMES[theme])
        page.wait_for_timeout(200)
        assert not page.evaluate(TOO_WIDE), f"{name} in {theme} at {width}: cut off at the right"
        if DEMO and (name.startswith("overview") or (theme, width) in KEPT_OF_OTHERS):
            photograph(page, f"{name}-{theme}-{width}")
    page.emulate_media(color_scheme=first)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", THEMES[first])
    page.wait_for_timeout(200)


def photograph(page: Page, name: str) -> None:
    """Keep a picture of the whole page, which scrolls within itself: so make the window as tall as it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    width = page.viewport_size["width"] if page.viewport_size else WIDTHS[0]
    if name == FOR_THE_README:
        page.set_viewport_size({"width": width, "height": 790})
        page.wait_for_timeout(1000)
        page.screenshot(path=KEPT / "overview.png")
    for _ in range(3):
        page.wait_for_timeout(1000)
        height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(height, TALLEST)})
    page.wait_for_timeout(1000)
    page.screenshot(path=KEPT / f"{name}.png")
    with Image.open(KEPT / f"{name}.png") as picture:  # with a palette it takes a third of the room
        picture.convert("RGB").quantize(256).save(KEPT / f"{name}.png", optimize=True)
