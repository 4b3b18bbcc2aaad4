"""A press in a real browser: its deed is done once and its answer is shown, whatever happens meanwhile."""

import pytest
from playwright.sync_api import expect

from tests import browser

SCRIPT = """
import time
from pathlib import Path

import streamlit as st

from reengagement.dashboard import handing_over, pressing, refreshing

DEEDS = Path(__file__).with_name("deeds")


def deed():
    answer = pressing.kept("said")
    DEEDS.write_text(DEEDS.read_text() + "x")
    time.sleep(float(st.query_params["takes"]))
    answer.what = f"{len(DEEDS.read_text())} done"


def refreshed():
    st.text(f"at {time.monotonic()}")


pressing.wait_for_deed()
pressing.button("Do", deed)
st.button("Something else")
st.text(pressing.kept("said").what or "nothing done")
refreshing.show(refreshed, 0.5)
handing_over.wait()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pressing")


@pytest.fixture(scope="module")
def site(folder):
    """A page whose deed takes as many seconds as its address says."""
    with browser.serving_page(folder, SCRIPT) as served:
        yield served


@pytest.fixture
def deeds(folder):
    """The file that has a letter for each deed."""
    path = folder / "deeds"
    path.write_text("")
    return path


@pytest.fixture
def page(chromium):
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_a_press_in_the_moment_of_a_refresh_is_one_press(site, page, deeds):
    """Streamlit's browser side sends it with the refresh and again by itself."""
    browser.refresh_with_each_click(page)
    page.goto(f"{site.url}?takes=0")
    expect(page.get_by_text("at ")).to_be_visible()
    page.get_by_role("button", name="Do").click()
    expect(page.get_by_text("1 done")).to_be_visible()
    page.get_by_role("button", name="Something else").click()
    browser.at_rest(page)
    expect(page.get_by_text("1 done")).to_be_visible()
    assert deeds.read_text() == "x"


def test_what_is_pressed_meanwhile_doesnt_take_the_answer_away(site, page, deeds):
    """Nor does a double click, whose second press ends the first one's script run, do the deed twice."""
    page.goto(f"{site.url}?takes=1")
    page.get_by_role("button", name="Do").dblclick()
    page.get_by_role("button", name="Something else").click()
    expect(page.get_by_text("1 done")).to_be_visible()
    browser.at_rest(page)
    assert deeds.read_text() == "x"
