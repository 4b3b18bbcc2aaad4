"""Sending: every row of what a push service expects, and what each answer means (D2, D3)."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st
from py_vapid import jwt
from yarl import URL

from reengagement import endpoints
from reengagement.answers import classify
from reengagement.demo.phone import subscription_of, token_of
from reengagement.demo.push_service import Running, running
from reengagement.endpoints import PUSH_HOSTS, address_of, is_public, may_be_posted
from reengagement.errors import SettingsError
from reengagement.vapid import CachingVapid
from reengagement.webpush import (
    Answer,
    Message,
    Sender,
    _PrivateAddress,
    _PublicResolver,
    endpoint_hash,
    make_vapid_keys,
    payload_of,
    public_key_of,
    push_service_of,
    topic_of,
)
from tests.tricks import SSRF
from tests.wire import Wire

PRIVATE, PUBLIC = make_vapid_keys()
SUBJECT = "mailto:push@example.org"
LINKS = {
    "click_url": "https://example.org/click/1",
    "shown_url": "https://example.org/shown/1",
    "landing_url": "https://example.org/open/1",
    "opt_out_url": "https://example.org/opt-out/1",
}
PAYLOAD = payload_of("Рекс скучает", "Анна, вернитесь 🐶", tag="t1", **LINKS)


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(public_key=PUBLIC) as service:
        yield service


@pytest.fixture
def push(service: Running) -> Running:
    service.reset()
    return service


def message_to(origin: str, user_id: str = "alice", **changes: Any) -> Message:
    endpoint, keys = subscription_of(origin, user_id)
    return replace(Message(endpoint, keys, PAYLOAD, 3600, topic_of(user_id)), **changes)


def post(*messages: Message, origin: str, timeout: float = 5.0) -> list[Answer]:
    async def run() -> list[Answer]:
        async with Sender(PRIVATE, SUBJECT, frozenset({origin}), timeout) as sender:
            return [await sender.post(message) for message in messages]

    return asyncio.run(run())


def post_without_a_connection(message: Message) -> Answer:
    """Post with a Sender that was never entered: any attempt at a request raises."""
    return asyncio.run(Sender(PRIVATE, SUBJECT).post(message))


# --- What is posted --------------------------------------------------------------------------------------


def test_a_message_arrives_decrypted_at_the_phone_it_was_meant_for(push: Running) -> None:
    [answer] = post(message_to(push.origin), origin=push.origin)

    assert answer == Answer("accepted", "http_201", 201)
    [arrived] = push.arrived()
    assert (arrived["userId"], arrived["ttl"], arrived["topic"]) == ("alice", 3600, topic_of("alice"))
    assert arrived["notification"]["title"] == "Рекс скучает"
    assert arrived["notification"]["body"] == "Анна, вернитесь 🐶"


def test_every_request_carries_what_push_services_ask_for_and_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Wire(b"HTTP/1.1 201 Created\r\nSet-Cookie: track=me\r\nContent-Length: 0\r\n\r\n") as wire:
        answers = post(message_to(wire.origin), message_to(wire.origin, "bob"), origin=wire.origin)

    assert [answer.outcome for answer in answers] == ["accepted", "accepted"]
    for request in wire.requests:
        assert request.headers["ttl"] == "3600"
        assert request.headers["urgency"] == "normal"
        assert re.fullmatch(r"[\w-]{32}", request.headers["topic"])
        assert request.headers["content-encoding"] == "aes128gcm"
        assert request.headers["authorization"].startswith("vapid t=")
        assert "cookie" not in request.headers


def test_the_path_is_posted_as_the_browser_gave_it() -> None:
    with Wire(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n") as wire:
        endpoint = wire.origin + "/w/?token=BQYAAA%2bd%3d%2F..%2e/a:b"
        post(message_to(wire.origin, endpoint=endpoint), origin=wire.origin)
    assert wire.requests[0].path == "/w/?token=BQYAAA%2bd%3d%2F..%2e/a:b"


@pytest.mark.parametrize(("ttl", "sent"), [(-5, "1"), (0, "1"), (1, "1"), (10**9, "2419200")])
def test_the_time_to_live_is_above_zero_and_within_four_weeks(ttl: int, sent: str) -> None:
    with Wire(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n") as wire:
        post(message_to(wire.origin, ttl=ttl), origin=wire.origin)
    assert wire.requests[0].headers["ttl"] == sent


def test_the_largest_payload_is_accepted_and_one_byte_more_is_never_posted(push: Running) -> None:
    largest = message_to(push.origin, payload=b'{"notification": {}}'.ljust(3993))
    [answer] = post(largest, origin=push.origin)
    assert answer.outcome == "accepted"
    assert push.arrived()[0]["notification"] == {}

    for payload in (b"x" * 3994, b""):
        answer = post_without_a_connection(message_to("https://fcm.googleapis.com", payload=payload))
        assert answer == Answer("rejected", "payload_size")


def test_two_messages_for_one_phone_have_nothing_in_common() -> None:
    with Wire(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n") as wire:
        message = message_to(wire.origin)
        post(message, message, origin=wire.origin)
    first, second = (request.body for request in wire.requests)
    assert first[:16] != second[:16]  # salt
    assert first[21:86] != second[21:86]  # key


# --- VAPID -----------------------------------------------------------------------------------------------


def test_each_origin_gets_a_signature_of_its_own() -> None:
    with running() as one, running() as other:

        async def run() -> list[Answer]:
            async with Sender(PRIVATE, SUBJECT, frozenset({one.origin, other.origin})) as sender:
                order = (one, other, one, other)
                return [await sender.post(message_to(service.origin)) for service in order]

        answers = asyncio.run(run())
    assert [answer.outcome for answer in answers] == ["accepted"] * 4


def test_a_signature_lasts_twelve_hours_and_is_renewed_an_hour_early() -> None:
    now = [1_800_000_000.0]
    vapid = CachingVapid(PRIVATE, SUBJECT, lambda: now[0])

    def claims(header: str) -> dict[str, Any]:
        found = re.fullmatch(r"vapid t=(.+),k=(.+)", header)
        assert found is not None
        decoded: dict[str, Any] = jwt.decode(*found.groups())
        return decoded

    first = vapid.authorization("https://fcm.googleapis.com")
    assert claims(first) == {
        "aud": "https://fcm.googleapis.com",
        "exp": 1_800_000_000 + 12 * 3600,
        "sub": SUBJECT,
    }
    now[0] += 11 * 3600 - 1
    assert vapid.authorization("https://fcm.googleapis.com") == first
    now[0] += 1
    renewed = vapid.authorization("https://fcm.googleapis.com")
    assert claims(renewed)["exp"] == now[0] + 12 * 3600
    now[0] -= 30 * 3600  # a clock that was set back would leave an expiry beyond the 24 hours allowed
    assert claims(vapid.authorization("https://fcm.googleapis.com"))["exp"] == now[0] + 12 * 3600


def test_a_key_that_phones_did_not_subscribe_with_is_refused_and_marked(push: Running) -> None:
    async def run() -> Answer:
        other, _ = make_vapid_keys()
        async with Sender(other, SUBJECT, frozenset({push.origin})) as sender:
            return await sender.post(message_to(push.origin))

    assert asyncio.run(run()) == Answer("rejected", "http_403", 403, refused=True)
    assert push.arrived() == []


def test_key_pairs_are_made_and_the_public_key_follows_from_the_private_one() -> None:
    private, public = make_vapid_keys()
    assert public_key_of(private) == public
    assert len(base64.urlsafe_b64decode(private + "=")) == 32
    assert len(base64.urlsafe_b64decode(public + "=")) == 65
    assert make_vapid_keys()[0] != private


@pytest.mark.parametrize("key", ["", "nonsense!", "AAAA", "A" * 43, "_" * 43])
def test_a_malformed_private_key_is_refused_by_name_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError, match="VAPID_PRIVATE_KEY") as raised:
        Sender(key, SUBJECT)
    assert len(key) < 5 or key not in str(raised.value)


@pytest.mark.parametrize("subject", ["", "someone@example.org", "https://example.org/contact"])
def test_a_subject_that_cannot_be_signed_for_is_refused_at_once(subject: str) -> None:
    with pytest.raises(SettingsError, match="VAPID_SUBJECT"):
        Sender(PRIVATE, subject)


@pytest.mark.parametrize(
    "origin", ["example.org", "https://a.org/path", "https://u@a.org", "https://[::1]", "ftp://a"]
)
def test_an_allowed_origin_must_be_a_plain_origin(origin: str) -> None:
    with pytest.raises(SettingsError, match="REENGAGEMENT_PUSH_ORIGINS"):
        Sender(PRIVATE, SUBJECT, frozenset({origin}))


# --- What each answer means ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "accepted"),
        (201, "accepted"),
        (202, "accepted"),
        (204, "accepted"),
        (301, "rejected"),
        (307, "rejected"),
        (400, "rejected"),
        (401, "rejected"),
        (403, "rejected"),
        (404, "gone"),
        (406, "rejected"),
        (408, "retry"),
        (410, "gone"),
        (413, "rejected"),
        (429, "retry"),
        (500, "retry"),
        (502, "retry"),
        (503, "retry"),
        (504, "retry"),
    ],
)
def test_each_status_has_its_outcome(push: Running, status: int, outcome: str) -> None:
    push.behave(status)
    [answer] = post(message_to(push.origin), origin=push.origin)
    assert (answer.outcome, answer.reason, answer.status) == (outcome, f"http_{status}", status)
    assert answer.refused is (status in (400, 401, 403))


def test_windows_says_406_where_others_say_429() -> None:
    windows = address_of("https://wns2-par02p.notify.windows.com/w/?token=x")
    apple = address_of("https://web.push.apple.com/x")
    assert windows is not None
    assert apple is not None
    assert classify(406, {}, windows, 0) == Answer("retry", "http_406", 406, 120.0)
    assert classify(406, {}, apple, 0).outcome == "rejected"


NOON = "Tue, 10 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {}, 120.0),
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "0"}, 0.0),
        (429, {"Retry-After": "Tue, 10 Mar 2026 12:05:00 GMT", "Date": NOON}, 300.0),
        (429, {"Retry-After": "Tue, 10 Mar 2026 11:00:00 GMT", "Date": NOON}, 0.0),
        (429, {"Retry-After": "Thu, 01 Jan 1970 00:02:00 GMT"}, 20.0),
        (429, {"Retry-After": "soon"}, 120.0),
        (429, {"Retry-After": "-3"}, 120.0),
        (429, {"Retry-After": "9" * 400}, 120.0),
        (429, {"Retry-After": "999999999"}, 86400.0),
        (429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86400.0),
        (429, {"Retry-After": "1 Jan 99999999999999999999 00:00:00 GMT"}, 120.0),
        (429, {"Retry-After": "1 Jan 2026 99999999999:00:00 GMT"}, 120.0),
        (503, {"Retry-After": "30"}, 30.0),
        (503, {}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_services_own_clock(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    address = address_of("https://fcm.googleapis.com/x")
    assert address is not None
    assert classify(status, headers, address, now=100.0).retry_after == seconds


@given(st.integers(100, 599), st.text(), st.text())
def test_no_header_is_too_odd_to_be_read(status: int, retry_after: str, date: str) -> None:
    address = address_of("https://fcm.googleapis.com/x")
    assert address is not None
    answer = classify(status, {"Retry-After": retry_after, "Date": date}, address, now=0.0)
    assert answer.retry_after is None or 0 <= answer.retry_after <= 86400


def test_a_redirect_is_never_followed(push: Running) -> None:
    target = message_to(push.origin).endpoint
    with Wire(f"HTTP/1.1 307 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()) as wire:
        [answer] = post(message_to(wire.origin), origin=wire.origin)
    assert answer == Answer("rejected", "http_307", 307)
    assert push.arrived() == []


def test_a_status_counts_even_if_the_body_after_it_never_comes() -> None:
    with Wire(b"HTTP/1.1 410 Gone\r\nContent-Length: 9\r\n\r\n") as wire:
        [answer] = post(message_to(wire.origin), origin=wire.origin, timeout=0.3)
    assert answer == Answer("gone", "http_410", 410)


# --- Ambiguity: what may have arrived is never posted again ----------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "reason", "arrived"),
    [
        ("hang", "timeout", 0),
        ("accept_then_hang", "timeout", 1),
        ("reset", "reset", 0),
        ("accept_then_reset", "reset", 1),
    ],
)
def test_a_lost_answer_is_unknown_whether_or_not_the_message_arrived(
    push: Running, behaviour: str, reason: str, arrived: int
) -> None:
    push.behave(behaviour)
    [answer] = post(message_to(push.origin), origin=push.origin, timeout=0.4)
    assert answer == Answer("unknown", reason)
    assert push.counts()["accepted"] == arrived


def test_an_answer_that_is_no_http_is_unknown() -> None:
    with Wire(b"220 mail.example.org ESMTP\r\n\r\n") as wire:
        [answer] = post(message_to(wire.origin), origin=wire.origin)
    assert answer == Answer("unknown", "malformed")


def test_a_connection_closed_instead_of_an_answer_is_unknown() -> None:
    with Wire(b"", close_after=1) as wire:
        [answer] = post(message_to(wire.origin), origin=wire.origin)
    assert answer == Answer("unknown", "reset")


def test_a_refused_connection_is_a_retry() -> None:
    with Wire(b"") as wire:
        origin = wire.origin
    assert post(message_to(origin), origin=origin) == [Answer("retry", "connect")]


def test_a_name_that_does_not_resolve_is_a_retry() -> None:
    origin = "http://no-such-host.invalid-name.test:8000"
    assert post(message_to(origin), origin=origin) == [Answer("retry", "dns")]


def test_a_handshake_that_never_ends_is_a_retry_for_nothing_of_the_message_was_written() -> None:
    with Wire(b"", silent=True) as wire:
        origin = wire.origin.replace("http:", "https:")
        answers = post(message_to(origin), origin=origin, timeout=0.4)
    assert answers == [Answer("retry", "connect")]


def test_an_untrusted_certificate_is_a_retry(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=x"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with Wire(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", tls=context) as wire:
        answers = post(message_to(wire.origin), origin=wire.origin)
    assert answers == [Answer("retry", "tls")]
    assert wire.requests == []


def test_what_a_service_saw_is_never_posted_again_whenever_it_closes_connections() -> None:
    """D5: connections closed before, amid or after requests; a pooled one that was closed costs nothing."""
    with Wire(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", close_after=2, capricious=True) as wire:
        messages = [message_to(wire.origin, f"user{n}") for n in range(200)]
        outcomes: dict[str, str] = {}

        async def work(sender: Sender, waiting: Iterator[Message]) -> None:
            for message in waiting:
                outcomes[message.endpoint.rpartition("/")[2]] = (await sender.post(message)).outcome

        async def run() -> None:
            async with Sender(PRIVATE, SUBJECT, frozenset({wire.origin})) as sender:
                waiting = iter(messages)
                await asyncio.gather(*[work(sender, waiting) for _ in range(30)])

        asyncio.run(run())
    seen = [request.path.rpartition("/")[2] for request in wire.requests]
    assert len(seen) == len(set(seen)), "the same message was posted twice"
    assert not [token for token in seen if outcomes[token] == "retry"], "what was seen would be posted again"
    assert all(token in seen for token, outcome in outcomes.items() if outcome == "accepted")
    count = Counter(outcomes.values())
    assert count["accepted"] == len(seen) - len(wire.unanswered)
    assert len(wire.unanswered) <= count["unknown"] < 1.5 * len(wire.unanswered)
    assert count["retry"] == 0


# --- Where a request may go ------------------------------------------------------------------------------

FCM = "https://fcm.googleapis.com"


@pytest.mark.parametrize("endpoint", SSRF.values(), ids=SSRF.keys())
def test_nothing_is_posted_outside_the_known_push_services(endpoint: str) -> None:
    message = message_to(FCM, endpoint=endpoint)
    assert post_without_a_connection(message) == Answer("rejected", "not_allowed")


HOSTS = st.sampled_from(["fcm.googleapis.com", "x.push.apple.com", "127.0.0.1", "evil.org", "[::1]"])
GLUE = st.sampled_from([*"/\\@:?#.%[]; \t\r\n", "//", ":443", ":80", "%2f", "%40", "user:word@", "。", "㏕"])


@given(
    st.sampled_from(["https://", "http://", "https:", "//", ""]), st.lists(st.one_of(HOSTS, GLUE), max_size=6)
)
@example("https://", ["fcm.googleapis.com", "/", "@", "evil.org"])
def test_what_is_allowed_is_what_the_request_is_made_to(scheme: str, parts: list[str]) -> None:
    """Two readings of one address are how requests are led astray: ours and the HTTP client's must agree."""
    endpoint = scheme + "".join(parts)
    address = address_of(endpoint)
    if address is None:
        return
    url = URL(endpoint, encoded=True)
    assert (url.scheme, url.host, url.port) == (address.scheme, address.host, address.port)
    assert (url.user, url.password) == (None, None)
    if may_be_posted(address, frozenset()):
        assert (url.scheme, url.port) == ("https", 443)
        assert any(url.host == host or str(url.host).endswith(f".{host}") for host in PUSH_HOSTS)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/a:b",
        "https://fcm.googleapis.com:443/wp/x",
        "HTTPS://FCM.googleapis.com/x",
        "https://jmt17.google.com/x",
        "https://updates.push.services.mozilla.com/wpush/v2/x",
        "https://web.push.apple.com/x",
        "https://db5p.notify.windows.com/w/?token=x%2b",
    ],
)
def test_the_known_push_services_are_allowed(endpoint: str) -> None:
    with pytest.raises(RuntimeError, match="async with"):  # it got as far as wanting a connection
        post_without_a_connection(message_to(FCM, endpoint=endpoint))


@pytest.mark.parametrize(
    "near", ["http://127.0.0.1:{other}", "http://localhost:{port}", "https://127.0.0.1:{port}"]
)
def test_an_origin_that_is_set_allows_itself_only(push: Running, near: str) -> None:
    port = int(push.origin.rpartition(":")[2])
    origin = near.format(port=port, other=port + 1)
    assert post(message_to(origin), origin=push.origin) == [Answer("rejected", "not_allowed")]


def test_a_push_service_whose_name_leads_to_a_private_address_is_not_posted_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoints, "PUSH_HOSTS", ("localhost",))
    answers = post(message_to("https://localhost"), origin="https://example.org")
    assert answers == [Answer("retry", "private_address")]


def test_a_name_that_the_operator_set_may_lead_to_a_private_address() -> None:
    async def resolve(named: frozenset[tuple[str, int]]) -> list[str]:
        found = await _PublicResolver(named).resolve("localhost", 8000)
        return [result["host"] for result in found]

    assert asyncio.run(resolve(frozenset({("localhost", 8000)})))
    with pytest.raises(_PrivateAddress):
        asyncio.run(resolve(frozenset({("localhost", 8001)})))


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        ("142.250.74.10", True),
        ("2a00:1450:4001:82a::200a", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_private_addresses_are_told_from_public_ones(ip: str, public: bool) -> None:
    assert is_public(ip) is public


# --- Subscriptions that can't be used --------------------------------------------------------------------

GOOD = subscription_of(FCM, "alice")[1]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        None,
        "p256dh",
        [1],
        {"p256dh": GOOD["p256dh"]},
        {"p256dh": GOOD["p256dh"], "auth": None},
        {"p256dh": GOOD["p256dh"], "auth": 7},
        {"p256dh": GOOD["p256dh"], "auth": "AAAA"},
        {"p256dh": GOOD["p256dh"], "auth": ""},
        {"p256dh": GOOD["p256dh"], "auth": "ключ"},
        {"p256dh": "", "auth": GOOD["auth"]},
        {"p256dh": "%%%", "auth": GOOD["auth"]},
        {"p256dh": GOOD["p256dh"][:-2], "auth": GOOD["auth"]},
        {"p256dh": base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode(), "auth": GOOD["auth"]},
        {"p256dh": base64.urlsafe_b64encode(b"\x02" * 65).decode(), "auth": GOOD["auth"]},
    ],
)
def test_keys_that_cannot_be_decoded_mean_gone_without_a_request(keys: Any) -> None:
    assert post_without_a_connection(message_to(FCM, keys=keys)) == Answer("gone", "bad_keys")


def test_keys_in_ordinary_base64_with_padding_are_read_as_well(push: Running) -> None:
    origin = push.origin
    users = [f"user{n}" for n in range(20)]  # among so many keys are some with + and /

    def ordinary(value: str) -> str:
        return base64.b64encode(base64.urlsafe_b64decode(value + "==")).decode()

    messages = [message_to(origin, user) for user in users]
    written = [{name: ordinary(value) for name, value in message.keys.items()} for message in messages]
    assert any("+" in keys["p256dh"] for keys in written)
    post(
        *[replace(message, keys=keys) for message, keys in zip(messages, written, strict=True)], origin=origin
    )
    counts = push.counts()
    assert (counts["accepted"], counts["undecryptable"]) == (20, 0)


@pytest.mark.parametrize("endpoint", ["https://permanently-removed.invalid/fcm/send/x", "https://invalid/x"])
def test_a_removed_subscription_is_gone_without_a_request(endpoint: str) -> None:
    assert post_without_a_connection(message_to(FCM, endpoint=endpoint)) == Answer("gone", "invalid_endpoint")


@pytest.mark.parametrize(
    ("endpoint", "keys", "channel"),
    [
        ("ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]", {}, "expo"),
        ("ExpoPushToken[xxxxxxxxxxxxxxxxxxxxxx]", GOOD, "expo"),
        ("https://fcm.googleapis.com/x", {"expo": "token"}, "expo"),
        ("some-token", {"p256dh": "expo", "auth": "expo"}, "expo"),
        ("some-token", {"rustore": True}, "rustore"),
        ("some-token", {"type": "RuStore"}, "rustore"),
    ],
)
def test_other_channels_are_recognised_and_never_posted(endpoint: str, keys: Any, channel: str) -> None:
    message = message_to(FCM, endpoint=endpoint, keys=keys)
    assert post_without_a_connection(message) == Answer("unsupported", channel)
    assert push_service_of(endpoint, keys) == channel


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        ("https://fcm.googleapis.com/fcm/send/secret", "https://fcm.googleapis.com"),
        ("https://FCM.googleapis.com:443/secret", "https://fcm.googleapis.com"),
        ("http://127.0.0.1:8090/push/secret", "http://127.0.0.1:8090"),
        ("ExponentPushToken[secret]", "expo"),
        ("secret", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_push_service_is_named_by_its_origin_alone(endpoint: str, service: str) -> None:
    assert push_service_of(endpoint) == service


def test_an_endpoint_is_known_by_its_hash() -> None:
    assert endpoint_hash("a").hex().startswith("ca978112ca1bbdca")
    assert len(endpoint_hash("\ud800")) == 32


def test_no_endpoint_and_no_key_stands_in_a_log_or_an_answer(
    push: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    written = []
    for behaviour in (201, 410, 500, "reset", "hang"):
        push.behave(behaviour)
        written += post(message_to(push.origin), origin=push.origin, timeout=0.3)
    with Wire(b"nonsense\r\n\r\n") as wire:
        written += post(message_to(wire.origin), origin=wire.origin)
    written += post(message_to(wire.origin), origin=wire.origin)
    shown = caplog.text + repr(written)
    secrets = (token_of("alice"), *message_to(FCM).keys.values(), PRIVATE)
    assert not [secret for secret in secrets if secret in shown]
    assert len(written) == 7


# --- The payload -----------------------------------------------------------------------------------------


def test_the_payload_holds_what_the_service_worker_and_safari_need() -> None:
    payload = json.loads(payload_of("Титул", "Текст", tag="n1", **LINKS))
    assert payload == {
        "web_push": 8030,
        "notification": {
            "title": "Титул",
            "body": "Текст",
            "tag": "n1",
            "navigate": LINKS["landing_url"],
            "data": {
                "clickUrl": LINKS["click_url"],
                "shownUrl": LINKS["shown_url"],
                "optOutUrl": LINKS["opt_out_url"],
                "optOutTitle": "Больше не напоминать",
            },
        },
    }


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Я" * 10_000, "тело"),
        ("Title", "тело " * 5_000),
        ("🐶" * 10_000, "👩‍👩‍👧‍👦" * 10_000),
        ("<script>" * 1_000, '"' * 10_000),
        ("\x00" * 3_000, "\\" * 3_000),
        ("e\u0301" * 3_000, "👍🏽" * 3_000),
        ("\ud800", "\udfff" * 5_000),
    ],
)
def test_long_texts_are_cut_so_that_the_payload_stays_small_and_whole(title: str, body: str) -> None:
    payload = payload_of(title, body, tag="n1", **LINKS)
    assert len(payload) <= 2000
    notification = json.loads(payload)["notification"]
    for original, kept in ((title, notification["title"]), (body, notification["body"])):
        assert kept
        if kept != original.encode("utf-8", "replace").decode():
            assert kept.endswith("…")
            signs = regex.findall(r"\X", kept[:-1])
            assert signs == regex.findall(r"\X", original.encode("utf-8", "replace").decode())[: len(signs)]
    assert len(payload) > 1500 or body == "тело"


def test_links_that_leave_no_room_are_refused() -> None:
    with pytest.raises(ValueError, match="links"):
        payload_of("t", "b", tag="n1", **{**LINKS, "landing_url": "https://example.org/" + "x" * 2000})


def test_a_topic_has_the_length_that_apple_takes() -> None:
    assert len(topic_of("campaign-1")) == 32
    assert topic_of("campaign-1") == topic_of("campaign-1") != topic_of("campaign-2")
