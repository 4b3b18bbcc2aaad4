"""A product's own page, as docs/embedding.md has it: from subscribing to the counted click, in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from examples.product_site.site import build_site, reengagement_user
from reengagement import planner, references
from reengagement.database import clock, engine_of
from reengagement.demo import phone as phones
from reengagement.demo import push_service
from reengagement.settings import Settings, parse
from reengagement.vapid import make_vapid_keys
from tests import browser as browsers
from tests.people import People
from tests.served import served
from tests.test_http import now_of
from tests.test_service_worker import phone_at

EMBEDDING = (Path(__file__).parent.parent / "docs" / "embedding.md").read_text()
SECRET = "h" * 32
AS_A_PUSH_SERVICE_WOULD = """([endpoint, keys]) => {
    const given = { endpoint, expirationTime: null, keys };
    PushManager.prototype.subscribe = async () => ({ toJSON: () => given });
}"""
"""The one thing that can't be had here: a push service on the internet that hands the browser an endpoint."""


@pytest.fixture(scope="module")
def chrome():
    with browsers.running(notifications=True) as found:
        yield found


def test_d2_g1_a_browser_subscribes_is_reminded_shows_it_and_the_press_is_counted(
    chrome: Browser, engine: Engine, clone_url: str, people: People
) -> None:
    with engine.connect() as connection:
        people.now = clock(connection)
    people.add("alice", days_ago=6, dog="Барни")
    with push_service.running() as push:
        settings = installation(clone_url, push.origin)
        with served(build_site(settings)) as site, phone_at(chrome, site, "/?user=alice") as phone:
            phone.page.evaluate(AS_A_PUSH_SERVICE_WOULD, list(phones.subscription_of(push.origin, "alice")))
            phone.page.get_by_role("button").click()
            expect(phone.page.get_by_role("status")).to_contain_text("Готово")

            reached = settings.model_copy(update={"public_url": site})
            planner.run(engine, reached, started_by="test")
            send_in_a_process(engine, reached)
            (arrived,) = push.arrived()
            phone.receive(json.dumps({"notification": arrived["notification"]}))
            (shown,) = phone.shown()
            assert "Барни" in shown[0] + shown[1]
            assert phone.press()["left"] == 0
            phone.page.wait_for_timeout(500)
        engine_of(settings).dispose()
    notification = people.one('SELECT * FROM "ReengagementNotification"')
    assert (notification["sent"], notification["opened"], notification["clicked"]) == (True, True, True)


def installation(clone_url: str, push_origin: str) -> Settings:
    return parse(
        {
            "DATABASE_URL": clone_url,
            "VAPID_PRIVATE_KEY": make_vapid_keys()[0],
            "VAPID_SUBJECT": "mailto:ops@example.org",
            "REENGAGEMENT_PUSH_ORIGINS": push_origin,
            "REENGAGEMENT_HOST_SECRET": SECRET,
        }
    )


def send_in_a_process(engine: Engine, settings: Settings) -> None:
    """Send in a process of its own: this thread's loop belongs to the browser."""
    script = "from reengagement import database, delivery, settings as s; c = s.load();"
    environment = {
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "VAPID_PRIVATE_KEY": settings.vapid_private_key or "",
        "VAPID_SUBJECT": settings.vapid_subject or "",
        "REENGAGEMENT_PUSH_ORIGINS": ",".join(settings.push_origins),
        "REENGAGEMENT_PUBLIC_URL": settings.public_url,
    }
    command = [sys.executable, "-c", script + "assert delivery.drain(database.engine_of(c), c).accepted == 1"]
    subprocess.run(command, env=environment, check=True)


def snippet(language: str, containing: str) -> str:
    """Return the block of the document that holds these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", EMBEDDING, re.S)
    return next(block for block in blocks if containing in block)


def subject_of(engine: Engine, reference: str) -> str:
    return references.read(SECRET, reference, now_of(engine), "subscribe")


def test_the_documents_python_signs_what_we_accept(engine: Engine) -> None:
    room: dict[str, object] = {}
    exec(snippet("python", "reengagement_user"), room)
    assert subject_of(engine, room["reengagement_user"](SECRET, "алиса")) == "алиса"
    assert subject_of(engine, reengagement_user(SECRET, "алиса")) == "алиса"


def test_the_documents_javascript_signs_what_we_accept(engine: Engine) -> None:
    if shutil.which("node") is None:
        complaint = "There is no node: the document's JavaScript isn't tried."
        pytest.fail(complaint) if os.environ.get("CI") else pytest.skip(complaint)
    script = snippet("js", "createHmac") + f"\nprocess.stdout.write(reengagementUser('{SECRET}', 'алиса'))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert subject_of(engine, done.stdout) == "алиса"


def test_the_example_saves_as_the_document_says() -> None:
    page = (Path(__file__).parent.parent / "examples" / "product_site" / "page.html").read_text()
    for line in (
        "pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })",
        "/subscriptions",
    ):
        assert line in page
        assert line in snippet("js", "pushManager")
