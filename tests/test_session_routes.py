"""Signing in over HTTP (F1): a link once, a cookie that scripts can't read, nothing for the curious."""

from http.cookies import SimpleCookie
from urllib.parse import urlencode

import bcrypt
import pytest
from starlette.applications import Starlette

from reengagement import auditing, sessions
from reengagement.dashboard.routes import build_session_routes
from reengagement.database import clock, engine_of
from tests.people import People
from tests.served import call, served


@pytest.fixture
def origin_of(settings):
    """Serve the routes of an installation with these changes to its settings."""

    def serve(**changes):
        return served(Starlette(routes=build_session_routes(settings.model_copy(update=changes))))

    yield serve
    engine_of(settings).dispose()


@pytest.fixture
def link(engine, settings):
    with engine.begin() as connection:
        return sessions.new_link(connection, settings, clock(connection)).removeprefix(settings.public_url)


def cookie_of(reply):
    return SimpleCookie(reply.headers["set-cookie"])[sessions.COOKIE]


def who(engine, settings, token):
    with engine.connect() as connection:
        return sessions.who(connection, settings, token, clock(connection))


def test_a_link_leads_to_the_dashboard_with_a_session(origin_of, engine, settings, link):
    with origin_of() as origin:
        reply = call(origin, "GET", f"{link}&lang=ru")
    assert (reply.status, reply.headers["location"]) == (303, "/?lang=ru")
    assert who(engine, settings, cookie_of(reply).value) == "admin"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(origin_of, link):
    with origin_of() as origin:
        cookie = cookie_of(call(origin, "GET", link))
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == "/"
    assert not cookie["secure"]


def test_over_https_the_cookie_goes_over_https_only(origin_of, link):
    with origin_of(public_url="https://admin.example.org") as origin:
        assert cookie_of(call(origin, "GET", link))["secure"]


def test_a_used_link_leads_to_a_page_that_says_so(origin_of, link):
    with origin_of() as origin:
        call(origin, "GET", link)
        reply = call(origin, "GET", link)
    assert (reply.status, reply.headers["location"]) == (303, "/?refused=link")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("query", ["", "?token=", "?token=%00", "?token=x&token=y", "?lang=<script>&token=x"])
def test_nonsense_opens_nothing_and_is_not_repeated(origin_of, query):
    with origin_of() as origin:
        reply = call(origin, "GET", f"/session/sign-in{query}")
    assert (reply.status, reply.headers["location"]) == (303, "/?refused=link")
    assert "set-cookie" not in reply.headers


def test_neither_a_prefetch_nor_a_head_uses_the_link_up(origin_of, link):
    with origin_of() as origin:
        assert call(origin, "HEAD", link).status == 204
        assert call(origin, "GET", link, headers={"Sec-Purpose": "prefetch;prerender"}).status == 204
        assert "set-cookie" in call(origin, "GET", link).headers


def test_links_are_neither_kept_nor_handed_on(origin_of, link):
    with origin_of() as origin:
        reply = call(origin, "GET", link)
    assert (reply.headers["cache-control"], reply.headers["referrer-policy"]) == ("no-store", "no-referrer")


def test_the_demos_way_in_exists_in_the_demo_only(origin_of, engine, settings):
    with origin_of() as origin:
        assert call(origin, "POST", "/session/demo").status == 404
    with origin_of(demo=True) as origin:
        assert call(origin, "GET", "/session/demo").status == 405
        token = cookie_of(call(origin, "POST", "/session/demo")).value
    assert who(engine, settings.model_copy(update={"demo": True}), token) == "demo"
    assert who(engine, settings, token) is None, "a demo's session holds in a demo only"


def test_without_a_database_nobody_gets_in_and_nothing_is_told(origin_of, tmp_path):
    with origin_of(database_url=f"postgresql:///x?host={tmp_path}") as origin:
        reply = call(origin, "GET", "/session/sign-in?token=x")
    assert reply.status == 503
    assert str(tmp_path).encode() not in reply.body


ACCOUNTS = {"sign_in": ("accounts",)}


@pytest.fixture
def boss(people: People):
    hashed = bcrypt.hashpw("верно".encode(), bcrypt.gensalt(4)).decode()
    people.add("boss", name="Мария", role="ADMIN")
    people.execute('UPDATE "User" SET password = :hash', hash=hashed)


def enter(origin, name="Мария", password="верно", path="/session/account", **headers):
    return call(origin, "POST", path, urlencode({"account": name, "password": password}).encode(), headers)


def test_an_account_of_the_host_opens_a_session_for_as_long_as_its_role(
    origin_of, engine, settings, boss, people
):
    settings = settings.model_copy(update=ACCOUNTS)
    with origin_of(**ACCOUNTS) as origin:
        reply = enter(origin, path="/session/account?lang=ru")
        assert call(origin, "GET", "/session/sign-in?token=x").status == 404, "that door is closed"
    assert (reply.status, reply.headers["location"]) == (303, "/?lang=ru")
    assert cookie_of(reply)["httponly"]
    assert who(engine, settings, cookie_of(reply).value) == "Мария"
    assert who(engine, settings.model_copy(update={"sign_in": ("link",)}), cookie_of(reply).value) is None
    people.execute("""UPDATE "User" SET role = 'USER'""")
    assert who(engine, settings, cookie_of(reply).value) is None


def test_wrong_and_unknown_get_the_same_answer_and_the_sixth_attempt_none(origin_of, engine, boss):
    with origin_of(**ACCOUNTS) as origin:
        wrong = enter(origin, password="falsch")
        unknown = enter(origin, name="<b>nobody</b>")
        tries = [enter(origin, password="falsch").headers["location"] for _ in range(5)]
        assert enter(origin).headers["location"] == "/?refused=attempts", "the right one neither"
    assert (wrong.status, wrong.headers["location"]) == (303, "/?refused=account")
    assert (unknown.status, unknown.headers["location"]) == (303, "/?refused=account")
    assert tries == ["/?refused=account"] * 4 + ["/?refused=attempts"]
    assert "set-cookie" not in wrong.headers
    with engine.connect() as connection:
        found = auditing.read(connection, what="sign_in_refused")
    assert found.total == 6
    assert {note.who for note in found.notes} == {"stranger"}
    assert {note.details["account"] for note in found.notes} == {"Мария", "<b>nobody</b>"}


def test_attempts_are_counted_by_the_address_that_the_proxy_on_this_machine_names(origin_of, boss):
    """And one address is stopped, whatever it tries, while another may go on."""
    with origin_of(**ACCOUNTS) as origin:
        for number in range(20):
            enter(origin, name=f"n{number}", **{"X-Forwarded-For": "203.0.113.1"})
        locked = enter(origin, **{"X-Forwarded-For": "203.0.113.1"})
        other = enter(origin, **{"X-Forwarded-For": "203.0.113.2"})
    assert locked.headers["location"] == "/?refused=attempts"
    assert "set-cookie" in other.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://admin.example.org"}, 303),
    ],
)
def test_a_form_on_another_site_signs_nobody_in(origin_of, boss, headers, status):
    with origin_of(**ACCOUNTS, public_url="https://admin.example.org") as origin:
        reply = enter(origin, **headers)
    assert reply.status == status
    assert ("set-cookie" in reply.headers) is (status == 303)


@pytest.mark.parametrize(
    "body", [b"", b"account=%00&password=%ff", b"x" * 5000, "account=я".encode(), b"a&" * 100]
)
def test_what_is_no_form_of_ours_opens_nothing(origin_of, body):
    with origin_of(**ACCOUNTS) as origin:
        reply = call(origin, "POST", "/session/account", body)
    assert reply.status in (303, 400)
    assert "set-cookie" not in reply.headers
