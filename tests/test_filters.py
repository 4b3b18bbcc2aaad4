"""What is picked goes into the address and stays there, in a real browser and whatever happens meanwhile."""

import re

import pytest
from playwright.sync_api import expect

from tests import browser

SCRIPT = """
import time

import streamlit as st

from reengagement.dashboard import filters, handing_over, refreshing

filters.catch_up("here")


def refreshed():
    st.text(f"at {time.monotonic()}")


refreshing.show(refreshed, 0.5)
st.button("Everything", on_click=filters.change, args=({"fruit": "", "name": ""},))
fruit = filters.choose("fruit", "Fruit", ["any", "apple", "pear"], str.title, help="One of them")
name = filters.write("name", "Name", help="Of it", placeholder="Write", resets=("page",))
st.text(f"{fruit} named {name or 'nothing'}")
handing_over.wait()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with browser.serving_page(tmp_path_factory.mktemp("filters"), SCRIPT) as served:
        yield served


@pytest.fixture
def page(chromium, site):
    context = chromium.new_context()
    page = context.new_page()
    browser.refresh_with_each_click(page)
    page.goto(f"{site.url}?page=2")
    expect(page.get_by_text("any named nothing")).to_be_visible()
    yield page
    context.close()


def pick(page, fruit):
    page.get_by_role("combobox", name="Fruit").click()
    page.get_by_role("option", name=fruit).click()


def test_a_pick_in_the_moment_of_a_refresh_stays_picked(page):
    """The refresh has its value, and the page is then drawn by the address from before."""
    for fruit in ["Apple", "Pear", "Apple", "Any", "Pear"]:
        pick(page, fruit)
        expect(page.get_by_text(f"{fruit.lower()} named nothing")).to_be_visible()
        address = "" if fruit == "Any" else f"fruit={fruit.lower()}"
        expect(page).to_have_url(re.compile(rf"page=2&?{address}$"))


def test_what_a_pick_resets_leaves_the_address(page):
    page.get_by_role("textbox", name="Name").fill("Rex")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_text("any named Rex")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?name=Rex$"))


def test_a_press_and_the_way_back_change_what_is_picked(page):
    pick(page, "Pear")
    expect(page.get_by_text("pear named nothing")).to_be_visible()
    page.get_by_role("button", name="Everything").click()
    expect(page.get_by_text("any named nothing")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("pear named nothing")).to_be_visible()
    expect(page.get_by_role("combobox", name="Fruit")).to_have_value("Pear")
