"""Subscribing from a browser: only for whom the product vouches, and only to push services."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from reengagement import references
from reengagement.database import engine_of
from reengagement.demo import phone
from reengagement.http import build_app, limits
from reengagement.http.subscribing import AT_ONCE
from reengagement.settings import Settings
from tests.people import People
from tests.served import Reply, call, served
from tests.test_http import now_of
from tests.tricks import SSRF

HOST_SECRET = "h" * 32
SITE = "https://dogs.example.org"
ENDPOINT = "https://fcm.googleapis.com/fcm/send/secret-of-alice"
PATH = "/reengagement/subscriptions"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def installation(settings: Settings) -> Settings:
    return settings.model_copy(update={"host_secret": HOST_SECRET, "cors_origins": (SITE,)})


@pytest.fixture
def origin(installation: Settings, people: People) -> Iterator[str]:
    people.add("alice")
    people.add("bob")
    with served(build_app(installation)) as origin:
        yield origin
    engine_of(installation).dispose()


def voucher(engine: Engine, user_id: str = "alice", minutes: float = 10, secret: str = HOST_SECRET) -> str:
    return references.make(secret, user_id, now_of(engine) + timedelta(minutes=minutes), "subscribe")


def wish(user: str, endpoint: str = ENDPOINT, **keys: str) -> dict[str, Any]:
    _, good = phone.subscription_of("https://fcm.googleapis.com", "alice")
    return {"user": user, "subscription": {"endpoint": endpoint, "expirationTime": None, "keys": good | keys}}


def send(origin: str, method: str, body: Any, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(origin, method, PATH, data, JSON | headers)


def saved(people: People) -> list[Any]:
    return people.rows('SELECT "userId", endpoint FROM "PushSubscription" ORDER BY endpoint')


def test_a_browser_subscribes_renews_and_leaves(origin: str, engine: Engine, people: People) -> None:
    user = voucher(engine)
    assert send(origin, "POST", wish(user)).status == 204
    assert send(origin, "POST", wish(user)).status == 204
    assert [tuple(row.values()) for row in saved(people)] == [("alice", ENDPOINT)]
    other = {"user": voucher(engine, "bob"), "endpoint": ENDPOINT}
    assert send(origin, "DELETE", other).status == 204
    assert len(saved(people)) == 1, "nobody removes another's phone"
    assert send(origin, "DELETE", {"user": user, "endpoint": ENDPOINT}).status == 204
    assert send(origin, "DELETE", {"user": user, "endpoint": ENDPOINT}).status == 204
    assert saved(people) == []


def test_nobody_subscribes_for_whom_the_product_does_not_vouch(
    origin: str, engine: Engine, people: People
) -> None:
    vouchers = [
        "alice",
        "",
        "ж.ff.x",
        voucher(engine, secret="x" * 32),
        voucher(engine, minutes=0),
        voucher(engine, minutes=61),
        voucher(engine, "nobody"),
        references.make(HOST_SECRET, "alice", now_of(engine) + timedelta(minutes=5), "click"),
    ]
    for user in vouchers:
        answer = send(origin, "POST", wish(user))
        assert answer.status == 403
        assert json.loads(answer.body)["error"].startswith("user: ")
    assert saved(people) == []


def test_an_endpoint_that_leads_elsewhere_is_refused_when_saved(
    origin: str, engine: Engine, people: People
) -> None:
    for trick, endpoint in SSRF.items():
        answer = send(origin, "POST", wish(voucher(engine, trick), endpoint))
        assert (trick, answer.status) == (trick, 400)
        assert (
            b"subscription.endpoint: must be of a push service" in answer.body
            or endpoint == SSRF["a path too long"]
        )
        assert not endpoint or endpoint.encode() not in answer.body
    assert saved(people) == []


def test_a_push_services_name_that_resolves_to_loopback_is_refused_when_saved(
    origin: str, engine: Engine, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: found if host == "fcm.googleapis.com" else real(host, *a, **k),
    )
    assert send(origin, "POST", wish(voucher(engine))).status == 400
    assert saved(people) == []


def test_a_body_that_is_no_subscription_is_refused_in_words(origin: str) -> None:
    refused = [
        (b"", 400, "The body"),
        (b"{", 400, "The body"),
        (b"[]", 400, "The body"),
        (b'{"user": "x"}', 400, "subscription"),
        (b'{"user": 1, "subscription": {}}', 400, "user"),
        (b'{"<b>": 1}', 400, "user"),
        (b'{"user": "\xff"}', 400, "The body"),
        (b"[" * 8000, 400, "The body"),
        (b" " * 8193, 413, "too large"),
    ]
    for body, status, names in refused:
        answer = send(origin, "POST", body)
        assert answer.status == status
        assert names in json.loads(answer.body)["error"]
        assert b"<b>" not in answer.body


def test_keys_that_nothing_can_be_encrypted_for_are_refused(
    origin: str, engine: Engine, people: People
) -> None:
    bad = ({"auth": ""}, {"auth": "AAAA"}, {"p256dh": "AAAA"}, {"p256dh": "BA" + "A" * 85}, {"auth": "жжж"})
    for keys in bad:
        answer = send(origin, "POST", wish(voucher(engine), **keys))
        assert answer.status == 400
        assert b"subscription.keys" in answer.body
    assert saved(people) == []


def test_a_form_of_another_site_cannot_subscribe(origin: str, engine: Engine) -> None:
    """A form needs no leave of CORS, and can't send JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert send(origin, "POST", wish(voucher(engine)), **{"Content-Type": kind}).status == 415


def test_only_pages_of_the_configured_origins_may_subscribe_across_origins(origin: str) -> None:
    def asked(of: str) -> Reply:
        ask = {"Origin": of, "Access-Control-Request-Method": "POST"}
        return call(origin, "OPTIONS", PATH, headers=ask | {"Access-Control-Request-Headers": "content-type"})

    assert asked(SITE).headers["Access-Control-Allow-Origin"] == SITE
    assert "Access-Control-Allow-Credentials" not in asked(SITE).headers
    assert asked("https://evil.example.org").headers["Access-Control-Allow-Origin"] is None


def test_without_a_secret_of_the_product_nobody_subscribes(settings: Settings, engine: Engine) -> None:
    with served(build_app(settings)) as origin:
        assert send(origin, "POST", wish(voucher(engine))).status == 404
    engine_of(settings).dispose()


def test_one_user_has_so_many_tries_and_another_is_not_held_up(origin: str, engine: Engine) -> None:
    alice, bob = voucher(engine), voucher(engine, "bob")
    body = {"user": alice, "endpoint": ENDPOINT}
    answers = [send(origin, "DELETE", body).status for _ in range(AT_ONCE + 1)]
    assert answers == [204] * AT_ONCE + [429]
    assert send(origin, "DELETE", {"user": bob, "endpoint": ENDPOINT}).status == 204


def test_a_bucket_fills_with_time_and_the_longest_unused_is_forgotten() -> None:
    now = [0.0]
    limit = limits.RateLimit(per_minute=60, burst=2, clock=lambda: now[0])
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    now[0] = 0.99
    assert not limit.allows("a")
    now[0] = 1.5
    assert limit.allows("a")
    assert not limit.allows("a")
