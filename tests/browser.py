"""A real browser for the tests, and a web process for it to look at.

`python -m tests.browser` sees to it that there is one: Chromium or Chrome on the path, else Debian's
package where apt can be used. Without one, tests that need it are skipped and say so; in CI they fail.

Pages are looked at in Chromium's headless shell where that is there, the same engine without the browser's
own windows: a page costs a third less of the processor. It shows no notifications, so for these the whole
browser is taken.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import debian
from tests.redis_server import _free_port

ROOT = Path(__file__).parent.parent
SHELL = "chromium-headless-shell"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
expect.set_options(timeout=30_000)
"""For a machine that is busy with other things; what is there already isn't waited for."""

ANY = re.compile(r"http://\S+")
LINK = re.compile(r"http://\S+/session/sign-in\?token=\S+")


def program() -> str | None:
    """Return the path of the system's browser, None if there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or (str(ON_A_MAC) if ON_A_MAC.exists() else None)


def install() -> str | None:
    """Return the path of a browser, installed with apt-get if there is none and that can be done."""
    if program() is None:
        debian.install(["chromium", SHELL], "some tests look at the pages in a real browser")
    return program()


@contextmanager
def running(*, notifications: bool = False) -> Iterator[Browser]:
    """Yield a browser, on request one that can show notifications.

    Where there is none, skip the test aloud, or fail it in CI.
    """
    path = program()
    if path is None:
        complaint = "There is no browser: install chromium, or `make test` as someone who may use apt-get."
        if os.environ.get("CI"):
            pytest.fail(complaint)
        pytest.skip(complaint)
    if not notifications:
        path = shutil.which(SHELL) or path
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Site:
    """A web process: its address, and the link that it printed."""

    url: str
    link: str


@contextmanager
def serving(script: str = "streamlit_app.py", **variables: str) -> Iterator[Site]:
    """Yield a web process of its own, started as anyone would, with these environment variables.

    A `script` other than ours prints no link to wait for.
    """
    port = _free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REENGAGEMENT_")}
    words = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env={**kept, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    try:
        yield _ready(
            process, lines, f"http://localhost:{port}", LINK if script == "streamlit_app.py" else ANY
        )
    finally:
        process.terminate()
        process.wait(30)


APP = """
from contextlib import asynccontextmanager

import streamlit as st

from reengagement.dashboard import handing_over


@asynccontextmanager
async def lifespan(app):
    with handing_over.running_here():
        yield


app = st.App("script.py", lifespan=lifespan)
"""


@contextmanager
def serving_page(folder: Path, script: str) -> Iterator[Site]:
    """Yield a web process with one page, whose script is this; it is written into `folder`."""
    (folder / "script.py").write_text(script)
    (folder / "app.py").write_text(APP)
    with serving(str(folder / "app.py"), PYTHONPATH=str(ROOT)) as site:
        yield site


def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)


def _ready(
    process: subprocess.Popen[str], lines: queue.Queue[str], url: str, link_in: re.Pattern[str]
) -> Site:
    """Wait until the web process has printed its link and answers."""
    said = ""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            said += lines.get(timeout=0.2)
        except queue.Empty:
            continue
        if (link := link_in.search(said)) and _healthy(url):
            return Site(url, link.group())
    raise RuntimeError(f"the web process doesn't start: {said}")


def _healthy(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=10) as answer:
        return bool(answer.read() == b"ok")


def at_rest(page: Page) -> None:
    """Wait until the script has run and nothing is a skeleton any more."""
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


REFRESH_WITH_EACH_CLICK = """
const refreshers = [];
const real = window.setInterval;
window.setInterval = (refresh, wait, ...rest) => {
    if (500 <= wait && wait <= 5000) refreshers.push(refresh);
    return real(refresh, wait, ...rest);
};
for (const moment of ['pointerdown', 'pointerup', 'mouseup', 'click'])
    window.addEventListener(moment, () => refreshers.forEach(refresh => refresh()));
"""


def refresh_with_each_click(page: Page) -> None:
    """Let the page's own refreshes come in the very moment of a click: after its handler, before its rerun.

    For pages that are opened from now on.
    """
    page.add_init_script(REFRESH_WITH_EACH_CLICK)


if __name__ == "__main__":
    found = install()
    click.echo(f"Browser for the tests: {found or 'none; the tests that need one are skipped'}")
