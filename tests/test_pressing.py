"""A press in a real browser: its deed is done once and its answer is shown, whatever happens meanwhile."""

import pytest
from playwright.sync_api import expect

from tests import browser

SCRIPT = """
import time
from pathlib import Path

import streamlit as st

from reengagement.dashboard import pressing

DEEDS = Path(__file__).with_name("deeds")


def deed():
    answer = pressing.kept("said")
    DEEDS.write_text(DEEDS.read_text() + "x")
    time.sleep(SECONDS)
    answer.what = f"{len(DEEDS.read_text())} done"


@st.fragment(run_every=0.5)
def refreshed():
    st.text(f"at {time.monotonic()}")


pressing.wait_for_deed()
pressing.button("Do", deed)
st.button("Something else")
st.text(pressing.kept("said").what or "nothing done")
refreshed()
"""

@pytest.fixture
def page(chromium):
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def deeds(tmp_path):
    """The file that has a letter for each deed."""
    path = tmp_path / "deeds"
    path.write_text("")
    return path


@pytest.fixture
def served(tmp_path, deeds):
    """Start a page whose deed takes so many seconds; return its address."""
    script = tmp_path / "script.py"

    def start(seconds):
        script.write_text(SCRIPT.replace("SECONDS", str(seconds)))
        return browser.serving(str(script), PYTHONPATH=str(browser.ROOT))

    return start


def test_a_press_in_the_moment_of_a_refresh_is_one_press(served, page, deeds):
    """Streamlit's browser side sends it with the refresh and again by itself."""
    browser.refresh_with_each_click(page)
    with served(0) as site:
        page.goto(site.url)
        expect(page.get_by_text("at ")).to_be_visible()
        page.get_by_role("button", name="Do").click()
        expect(page.get_by_text("1 done")).to_be_visible()
        page.get_by_role("button", name="Something else").click()
        browser.at_rest(page)
        expect(page.get_by_text("1 done")).to_be_visible()
    assert deeds.read_text() == "x"


def test_what_is_pressed_meanwhile_doesnt_take_the_answer_away(served, page, deeds):
    """Nor does a double click, whose second press ends the first one's script run, do the deed twice."""
    with served(1) as site:
        page.goto(site.url)
        page.get_by_role("button", name="Do").dblclick()
        page.get_by_role("button", name="Something else").click()
        expect(page.get_by_text("1 done")).to_be_visible()
        browser.at_rest(page)
    assert deeds.read_text() == "x"
