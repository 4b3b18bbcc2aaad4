"""The demo's push service refuses what a real one refuses, decrypts, and misbehaves on demand."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from py_vapid import Vapid02
from pywebpush import WebPusher

from reengagement.demo.arrivals import KEPT, Arrivals
from reengagement.demo.phone import subscription_of, token_of, user_of
from reengagement.demo.push_service import Running, listen, running
from reengagement.vapid import _private_key, make_vapid_keys
from tests.served import Reply, call

PRIVATE, PUBLIC = make_vapid_keys()
NOTIFICATION = {"title": "Рекс ждёт", "body": "Вернитесь", "tag": "t"}


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(public_key=PUBLIC) as service:
        yield service


@pytest.fixture
def push(service: Running) -> Running:
    service.reset()
    return service


def vapid(origin: str, private: str = PRIVATE, **claims: Any) -> str:
    signer = Vapid02(_private_key(private), conf={"no-strict": True})
    given = {"aud": origin, "exp": int(time.time()) + 3600, "sub": "mailto:a@example.org", **claims}
    return str(signer.sign(given)["Authorization"])


def push_to(origin: str, user_id: str = "alice", body: bytes | None = None, **headers: str | None) -> Reply:
    """Post as a sender does; a header given as None is left out."""
    endpoint, keys = subscription_of(origin, user_id)
    if body is None:
        plain = json.dumps({"notification": NOTIFICATION}).encode()
        body = WebPusher({"endpoint": endpoint, "keys": keys}).encode(plain)["body"]
    usual = {
        "TTL": "60",
        "Urgency": "normal",
        "Topic": "a-topic",
        "Content-Encoding": "aes128gcm",
        "Authorization": vapid(origin),
    }
    changed = {name.replace("_", "-").title(): value for name, value in headers.items()}
    sent = {name.title(): value for name, value in usual.items()} | changed
    wanted = {name: value for name, value in sent.items() if value is not None}
    return call(origin, "POST", endpoint.removeprefix(origin), body, wanted)


def reason(answer: Reply) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["reason"]


def test_a_good_message_is_accepted_decrypted_and_counted(push: Running) -> None:
    assert push_to(push.origin).status == 201
    [arrived] = push.arrived()
    assert (arrived["userId"], arrived["notification"]) == ("alice", NOTIFICATION)
    assert push.counts() == {
        "accepted": 1,
        "phones": 1,
        "undecryptable": 0,
        "refused": {},
        "repeated": [],
    }


def test_one_topic_sent_twice_to_one_phone_is_told(push: Running) -> None:
    for user, topic in (("alice", "first1"), ("alice", "first1"), ("alice", "second"), ("bob", "first1")):
        push_to(push.origin, user, topic=topic)
    assert push.counts()["repeated"] == [{"token": token_of("alice"), "topic": "first1", "count": 2}]
    assert [arrived["userId"] for arrived in push.arrived()] == ["bob", "alice", "alice", "alice"]


def test_a_message_encrypted_for_another_phone_is_accepted_but_cannot_be_read(push: Running) -> None:
    endpoint, keys = subscription_of(push.origin, "bob")
    for_bob = WebPusher({"endpoint": endpoint, "keys": keys}).encode(b"{}")["body"]
    assert push_to(push.origin, "alice", for_bob).status == 201
    assert push.counts()["undecryptable"] == 1
    assert push.arrived()[0]["notification"] is None


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"ttl": None}, (400, "TTL")),
        ({"ttl": "-1"}, (400, "TTL")),
        ({"urgency": "urgent"}, (400, "Urgency")),
        ({"topic": "a b"}, (400, "Topic")),
        ({"topic": "a" * 33}, (400, "Topic")),
        ({"topic": "a" * 29}, (400, "Topic")),
        ({"content_encoding": "aesgcm"}, (400, "Content-Encoding")),
        ({"content_encoding": None}, (400, "Content-Encoding")),
        ({"body": b""}, (400, "Content-Encoding")),
        ({"body": b"x" * 4097}, (413, "PayloadTooLarge")),
        ({"authorization": None}, (401, "VapidMissing")),
        ({"authorization": "Bearer x"}, (401, "VapidMissing")),
        ({"authorization": "vapid t=a.b.c,k=d"}, (401, "VapidSignature")),
    ],
)
def test_what_a_real_service_refuses_is_refused(
    push: Running, headers: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert reason(push_to(push.origin, **headers)) == refusal
    assert push.arrived() == []
    assert push.counts()["refused"] == {f"{refusal[0]} {refusal[1]}": 1}


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "https://fcm.googleapis.com"}, "VapidAudience"),
        ({"exp": int(time.time()) - 1}, "VapidExpiry"),
        ({"exp": int(time.time()) + 25 * 3600}, "VapidExpiry"),
        ({"sub": "mailto:x@localhost"}, "VapidSubject"),
        ({"sub": "mailto:x@host.local"}, "VapidSubject"),
        ({"sub": "mailto: x@example.org"}, "VapidSubject"),
        ({"sub": "https://localhost"}, "VapidSubject"),
        ({"sub": "someone"}, "VapidSubject"),
    ],
)
def test_claims_that_a_real_service_refuses_are_refused(
    push: Running, claims: dict[str, Any], why: str
) -> None:
    assert reason(push_to(push.origin, authorization=vapid(push.origin, **claims))) == (403, why)


def test_a_signature_by_a_key_that_phones_did_not_subscribe_with_is_refused(push: Running) -> None:
    other, _ = make_vapid_keys()
    assert reason(push_to(push.origin, authorization=vapid(push.origin, other))) == (403, "VapidKey")


def test_a_forged_signature_is_refused(push: Running) -> None:
    other, _ = make_vapid_keys()
    signed_by_other = vapid(push.origin, other).partition(",k=")[0]
    assert reason(push_to(push.origin, authorization=f"{signed_by_other},k={PUBLIC}")) == (
        401,
        "VapidSignature",
    )


def test_a_phone_that_does_not_exist_is_not_found(push: Running) -> None:
    for token in ("nobody", "YWxpY2U~x", "YWxpY2U~00", "%D1%8B~0"):
        assert call(push.origin, "POST", f"/push/{token}", b"x").status == 404


@pytest.mark.parametrize("status", [404, 410, 429, 500, 401])
def test_it_answers_as_instructed(push: Running, status: int) -> None:
    push.behave(status, retry_after="7")
    answer = push_to(push.origin)
    assert (answer.status, answer.headers["Retry-After"]) == (status, "7")
    assert push.arrived() == []


def test_an_instruction_may_hold_for_one_phone_and_for_a_number_of_times(push: Running) -> None:
    push.behave(503, times=2)
    push.behave(410, endpoint=subscription_of(push.origin, "alice")[0])
    assert [push_to(push.origin, "bob").status for _ in range(3)] == [503, 503, 201]
    assert [push_to(push.origin, "alice").status for _ in range(2)] == [410, 410]
    assert call(push.origin, "DELETE", "/behaviour").status == 204
    assert push_to(push.origin, "alice").status == 201


def test_it_can_take_a_message_in_and_cut_the_connection(push: Running) -> None:
    for behaviour, arrived in (("reset", 0), ("accept_then_reset", 1)):
        push.behave(behaviour)
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            push_to(push.origin)
        assert len(push.arrived()) == arrived


def test_it_can_be_slow(push: Running) -> None:
    push.behave(201, delay=0.3)
    begun = time.monotonic()
    assert push_to(push.origin).status == 201
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"answer": 99}', 422), (b'{"answr": 410}', 422), (b"nonsense", 422), (b"[]", 422)]
)
def test_a_malformed_instruction_is_refused(push: Running, body: bytes, status: int) -> None:
    answer = call(push.origin, "POST", "/behaviour", body, {"Content-Type": "application/json"})
    assert answer.status == status
    assert push_to(push.origin).status == 201


def test_another_sites_page_can_neither_instruct_nor_reach_it(push: Running) -> None:
    for path in ("/behaviour", "/reset"):
        assert (
            call(push.origin, "POST", path, b'{"answer": 410}', {"Content-Type": "text/plain"}).status == 415
        )
    assert call(push.origin, "GET", "/arrived", headers={"Host": "evil.example.org"}).status == 400


def test_it_listens_on_loopback_only() -> None:
    with listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.family == socket.AF_INET


def test_the_newest_arrivals_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "phone" / "arrivals.json"
    with running(data=file) as service:
        push_to(service.origin)
        before = service.arrived()
    assert file.stat().st_mode & 0o777 == 0o600
    with running(data=file) as service:
        assert service.arrived() == before
        push_to(service.origin, "bob")
        assert [item["userId"] for item in service.arrived()] == ["bob", "alice"]
        assert service.arrived()[0]["id"] > before[0]["id"]


@pytest.mark.parametrize("damage", ["", "{", "[1]", "null"])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "arrivals.json"
    file.write_text(damage)
    assert Arrivals(file).newest() == []
    assert file.with_suffix(".damaged").read_text() == damage


def test_only_so_many_arrivals_are_kept_but_all_are_counted() -> None:
    arrivals = Arrivals()
    for n in range(KEPT + 10):
        arrivals.add(token=f"t{n}", user_id="u", n=0, topic="", ttl=1, notification={}, now=float(n))
    assert len(arrivals.newest()) == KEPT
    newest = arrivals.newest()
    assert arrivals.newest(after=newest[2]["id"]) == newest[:2] == arrivals.newest(limit=2)
    assert arrivals.counts()["accepted"] == KEPT + 10


def test_arrivals_can_be_asked_for_by_user_and_from_an_id_on(push: Running) -> None:
    for user in ("alice", "bob", "alice"):
        push_to(push.origin, user)
    first = push.arrived()[-1]["id"]
    found = json.loads(call(push.origin, "GET", f"/arrived?after={first}&user=alice").body)
    assert [item["userId"] for item in found] == ["alice"]
    assert found[0]["id"] > first
    assert call(push.origin, "GET", "/arrived?after=x").status == 400


@pytest.mark.parametrize("user_id", ["alice", "cm3x9k2b0000", "Анна ~/?#", "", "a" * 500])
def test_a_phone_follows_from_its_token(user_id: str) -> None:
    assert user_of(token_of(user_id, 3)) == (user_id, 3)
    assert subscription_of("http://a", user_id) == subscription_of("http://a", user_id)
    assert subscription_of("http://a", user_id, 1)[1] != subscription_of("http://a", user_id, 0)[1]


def test_the_pages_may_load_nothing_from_elsewhere(push: Running) -> None:
    for path, kind in (
        ("/", "text/html"),
        ("/trainings", "text/html"),
        ("/assets/phone.css", "text/css"),
        ("/assets/phone.js", "text/javascript"),
    ):
        answer = call(push.origin, "GET", path)
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert b"https://" not in answer.body.replace(b"https://example.org", b"")
    assert call(push.origin, "GET", "/assets/__init__.py").body == call(push.origin, "GET", "/x").body
    assert call(push.origin, "PUT", "/counts").status == 405


def test_a_thread_that_ends_leaves_no_open_port() -> None:
    with running() as service:
        port = int(service.origin.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_a_hanging_request_does_not_keep_it_from_stopping() -> None:
    with running() as service:
        service.behave("hang")
        waiting = socket.create_connection(("127.0.0.1", int(service.origin.rpartition(":")[2])))
        waiting.sendall(b"POST /push/YWxpY2U~0 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
        time.sleep(0.2)
        begun = time.monotonic()
    waiting.close()
    assert time.monotonic() - begun < 3
