"""The doors in a real browser (F1): accounts of the host, a provider, and what a stranger finds."""

import re
from collections.abc import Iterable, Iterator
from http.cookies import SimpleCookie
from unittest.mock import MagicMock

import bcrypt
import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from starlette.routing import BaseRoute
from streamlit.runtime import Runtime
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

from reengagement import settings
from reengagement.dashboard import navigation, serving
from reengagement.tables import audit
from tests import browser
from tests.provider import CLIENT, SECRET, Provider
from tests.served import Reply, call, served

PASSWORD = "лапы-в-руки"
SECRET_NAME = "Аврора Тайнина"
ANYONES = {
    "/_stcore/agent/openapi.json": b"agent API",
    "/_stcore/health": b"ok",
    "/_stcore/host-config": b"allowedOrigins",
    "/reengagement/device.js": b"tests of messages",
    "/reengagement/health": b'"status"',
    "/reengagement/sw.js": b"Shows a reminder",
    "/session/load-again.js": b"location.reload()",
}
"""What alone a stranger is answered with, and words of it: Streamlit's own, and what browsers load."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NEVER_SAID = (SECRET_NAME.encode(), b"stMetric", b"boss@example.org", b"ReengagementCampaign")


@pytest.fixture
def provider():
    found = Provider()
    with served(found.app) as origin:
        yield found, origin


@pytest.fixture
def site(clone_url, engine, people, provider):
    """A web process with all doors open; Мария is an admin of the host."""
    people.add("boss", name="Мария", email="boss@example.org", role="ADMIN")
    people.add("avrora", days_ago=40, name=SECRET_NAME)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    people.execute('UPDATE "User" SET password = :hash', hash=hashed)
    oidc = {
        "REENGAGEMENT_OIDC_METADATA_URL": f"{provider[1]}/.well-known/openid-configuration",
        "REENGAGEMENT_OIDC_CLIENT_ID": CLIENT,
        "REENGAGEMENT_OIDC_CLIENT_SECRET": SECRET,
    }
    with browser.serving(DATABASE_URL=clone_url, REENGAGEMENT_SIGN_IN="link,accounts,oidc", **oidc) as found:
        yield found


@pytest.fixture
def page(chromium):
    context = chromium.new_context(locale="ru-RU", viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def deeds(engine):
    with engine.connect() as connection:
        rows = connection.execute(select(audit.c.who, audit.c.what, audit.c.details).order_by(audit.c.id))
        return [(row.who, row.what, row.details["door"]) for row in rows if row.details]


def test_an_admin_of_the_host_signs_in_and_a_role_taken_away_ends_it_within_a_minute(
    site, page, people, engine
):
    """F1. Charts and tables are drawn under the policy for scripts, which nothing breaks."""
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    page.goto(site.url)
    page.get_by_label("Имя пользователя или почта").fill("boss@example.org")
    page.get_by_label("Пароль").fill("не тот")
    page.get_by_role("button", name="Войти", exact=True).click()
    expect(page.get_by_text("Имя и пароль не подходят друг к другу")).to_be_visible()
    page.get_by_label("Имя пользователя или почта").fill("boss@example.org")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Обзор")).to_be_visible()
    page.goto(f"{site.url}/audit?lang=ru")
    expect(page.get_by_role("heading", name="Журнал")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    assert deeds(engine)[-2:] == [
        ("stranger", "sign_in_refused", "accounts"),
        ("Мария", "signed_in", "accounts"),
    ]
    people.execute("""UPDATE "User" SET role = 'USER' WHERE id = 'boss'""")
    expect(page.get_by_role("heading", name="Вход")).to_be_visible(timeout=60_000)
    assert not complaints


def test_a_whole_sign_in_at_a_provider_and_signing_out_in_one_tab_ends_all(site, page, provider, engine):
    """F1. Who isn't an admin comes back to the sign-in page."""
    said, _origin = provider
    said.says = {"email": "boss@example.org", "email_verified": False}
    page.goto(site.url)
    page.get_by_role("button", name="Перейти к службе входа").click()
    expect(page.get_by_text("Служба входа вас знает")).to_be_visible()
    said.says = {"email": "boss@example.org", "email_verified": True}
    page.get_by_role("button", name="Перейти к службе входа").click()
    expect(page.get_by_role("heading", name="Обзор")).to_be_visible()

    second = page.context.new_page()
    second.goto(f"{site.url}/audit")
    expect(second.get_by_role("heading", name="Журнал")).to_be_visible()
    second.get_by_role("button", name="Выйти").click()
    expect(second.get_by_role("heading", name="Вход")).to_be_visible()
    expect(page.get_by_role("heading", name="Вход")).to_be_visible(timeout=10_000)
    page.reload()
    expect(page.get_by_role("heading", name="Вход")).to_be_visible()
    assert [deed for deed in deeds(engine) if deed[2] == "oidc"] == [
        ("stranger", "sign_in_refused", "oidc"),
        ("Мария", "signed_in", "oidc"),
    ]


def test_a_stranger_gets_nothing_but_the_sign_in_page_on_every_page_and_route(site, page):
    """F1. Whatever address they claim to have: a loopback address proves nothing, all here have one."""
    frames: list[bytes] = []
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived",
            lambda frame: frames.append(frame if isinstance(frame, bytes) else frame.encode()),
        ),
    )
    stale = {"name": "reengagement_session", "value": "x" * 43, "url": site.url}
    page.context.add_cookies([stale])
    for name in ("", *navigation.names()):
        page.goto(f"{site.url}/{name}")
        expect(page.get_by_role("heading", name="Вход")).to_be_visible()
        expect(page.get_by_test_id("stMain").get_by_role("heading")).to_have_count(1)
    said = b"".join(frames)
    assert "Вход".encode() in said
    assert not [word for word in NEVER_SAID if word in said]
    assert not [name for name in navigation.names() if f"{name}.py".encode() in said]


def addresses(routes: Iterable[BaseRoute], at: str = "") -> Iterator[str]:
    """Yield the address of each route, and of what lies under it; a user's id stands for what it takes."""
    for route in routes:
        path = at + re.sub(r"{[^}]*}", "avrora", route.path)
        yield from (path or "/", f"{path}/", f"{path}/avrora")
        yield from addresses(getattr(route, "routes", None) or (), path)


def test_a_stranger_gets_nothing_from_any_route_by_any_method(site, clone_url, monkeypatch):
    """F1. The routes come from the tables of the application and of Streamlit: a new one is walked too."""
    monkeypatch.setenv("DATABASE_URL", clone_url)
    monkeypatch.setenv("REENGAGEMENT_SIGN_IN", "link,accounts")
    monkeypatch.setenv("REENGAGEMENT_DEMO", "1")
    settings.load.cache_clear()
    walked = {*addresses(serving.routes()), *addresses(create_streamlit_routes(MagicMock(spec=Runtime)))}
    claims = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "Forwarded": "for=127.0.0.1",
        "Cookie": "reengagement_session=x; _streamlit_user=x",
    }
    for path in sorted(walked):
        for method in METHODS:
            reply = call(site.url, method, path, b"", claims)
            assert is_nothing(path, reply), (method, path, reply)
            assert not SimpleCookie(reply.headers["set-cookie"] or "").get("reengagement_session")
            assert not [word for word in NEVER_SAID if word in reply.body], (method, path)
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["x-frame-options"] == "DENY"


def is_nothing(path: str, reply: Reply) -> bool:
    """Tell whether an answer is a refusal, a way elsewhere, Streamlit's empty page, or what is anyone's."""
    if 300 <= reply.status < 500 or reply.body == b"":
        return True
    return b'<div id="root">' in reply.body or (path in ANYONES and ANYONES[path] in reply.body)
