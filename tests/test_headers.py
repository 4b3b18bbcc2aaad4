"""Headers of every answer: on the dashboard, the routes beside it, and scripts for other sites."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from reengagement.headers import Headers
from tests.served import call, served


def answer(request):
    kind = "text/javascript" if request.url.path.endswith(".js") else "text/html"
    reply = PlainTextResponse("", media_type=kind)
    if request.url.path == "/own":
        reply.headers["Content-Security-Policy"] = "default-src 'none'"
        reply.set_cookie("one", "1")
        reply.set_cookie("two", "2", secure=True)
    return reply


@pytest.fixture(params=[False, True])
def https(request):
    return request.param


@pytest.fixture
def origin(https):
    routes = [Route("/{path:path}", answer)]
    with served(Starlette(routes=routes, middleware=[Middleware(Headers, https=https)])) as found:
        yield found


def test_pages_take_scripts_from_here_alone_and_are_framed_by_nobody(origin):
    headers = call(origin, "GET", "/overview").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:"} & set(policy["script-src"].split())
    assert (policy["frame-ancestors"], policy["object-src"]) == ("'none'", "'none'")
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")


def test_a_service_worker_gets_no_policy_since_it_lives_on_another_site(origin):
    headers = call(origin, "GET", "/reengagement/sw.js").headers
    assert "content-security-policy" not in headers
    assert headers["x-content-type-options"] == "nosniff"
    policy = call(origin, "GET", "/reengagement/health").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")


def test_what_a_route_says_itself_stays_and_over_https_no_cookie_travels_openly(origin, https):
    headers = call(origin, "GET", "/own").headers
    assert headers.get_all("content-security-policy") == ["default-src 'none'"]
    plain, secure = headers.get_all("set-cookie")
    assert ("Secure" in plain) is https
    assert secure.count("Secure") == 1


def test_what_streamlit_tells_everyone_of_its_caches_is_closed(origin):
    assert call(origin, "GET", "/_stcore/metrics").status == 404


def test_no_address_is_logged_for_one_time_links_stand_in_some(origin, caplog):
    """F1."""
    caplog.set_level(logging.INFO, "uvicorn.access")
    access = logging.getLogger("uvicorn.access")
    access.addHandler(caplog.handler)
    try:
        assert call(origin, "GET", "/?token=secret").status == 200
    finally:
        access.removeHandler(caplog.handler)
    assert "secret" not in caplog.text
