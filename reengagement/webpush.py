"""One encrypted message to one push service, and what its answer means (RFC 8030, 8291, 8292).

Knows nothing of the database. A fresh key a message is required, so there is no batching; speed comes from
one session and one VAPID signature an origin (measured: 56 times `pywebpush.webpush()` in a loop).
No endpoint and no key stands in an `Answer`, in an exception or in a log.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult
from aiohttp.http import StreamWriter
from aiohttp.payload import BytesPayload
from pywebpush import WebPusher
from yarl import URL

from reengagement.answers import Answer, classify
from reengagement.endpoints import (
    Address,
    address_of,
    endpoint_hash,
    is_public,
    may_be_posted,
    other_channel,
    push_service_of,
)
from reengagement.errors import SettingsError
from reengagement.payload import payload_of, topic_of
from reengagement.vapid import BadKey, CachingVapid, decode, make_vapid_keys, public_key_of

__all__ = [
    "Answer",
    "Message",
    "Sender",
    "endpoint_hash",
    "make_vapid_keys",
    "payload_of",
    "public_key_of",
    "push_service_of",
    "topic_of",
]

TIMEOUT_SECONDS = 15.0
CONNECTIONS_PER_HOST = 400
"""As many as a worker has requests in flight: none waits for a connection, to leave after a pause began."""
STALE_CONNECTIONS = 5
"""So many pooled connections that turn out closed are passed over before a retry is left to the queue."""
READ_OF_ANSWER = 2**14
LARGEST_PLAIN_PAYLOAD = 3993
"""Bytes; one more and the library silently makes a body that push services refuse."""
LARGEST_TTL = 28 * 24 * 3600
"""Seconds; what FCM accepts."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be posted. `keys` is the host's jsonb as it is; `ttl` in seconds."""

    endpoint: str
    keys: Mapping[str, Any]
    payload: bytes
    ttl: int
    topic: str


class _PrivateAddress(OSError):
    """The name of a push service resolves to private addresses only."""


class _Encryption(WebPusher):  # type: ignore[misc]
    """pywebpush's encryption for keys that are decoded already: it would copy and decode them again."""

    def __init__(self, point: bytes, auth: bytes) -> None:
        self.verbose = False
        self.receiver_key, self.auth_key = point, auth


def _encrypt(message: Message) -> bytes:
    """Return the body for aes128gcm, under a key made for it. Raises BadKey."""
    keys = message.keys if isinstance(message.keys, Mapping) else {}
    point, auth = decode(keys.get("p256dh"), 65), decode(keys.get("auth"), 16)
    if point[0] != 4:
        raise BadKey
    try:
        return bytes(_Encryption(point, auth).encode(message.payload)["body"])
    except ValueError:  # 65 bytes that are no point of the curve
        raise BadKey from None


def _reason_of_loss(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    return "malformed" if isinstance(error, aiohttp.ClientResponseError) else "reset"


def _was_found_closed(error: Exception) -> bool:
    """Tell whether an attempt that had not begun met a pooled connection that its server had closed."""
    lost = isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError))
    return lost and not isinstance(error, aiohttp.ClientConnectorError)


def _reason_not_begun(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "private_address" if isinstance(error.__cause__, _PrivateAddress) else "dns"
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls"
    return "connect"


class _Body(BytesPayload):
    """A request body that knows whether anything was handed to a live connection.

    aiohttp sends headers and a body of this size in one write, made right after the check here. So where
    `begun` is False the push service has seen nothing of the message, whichever way the attempt ended, be
    it a pooled connection that was found closed. After it, an error can't be told from a lost answer.
    """

    begun = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        transport = writer.transport if isinstance(writer, StreamWriter) else None
        self.begun = transport is not None and not transport.is_closing()
        await super().write_with_length(writer, content_length)


class _PublicResolver(AbstractResolver):
    """Resolves names, and drops private addresses but for origins that the operator named."""

    def __init__(self, named: frozenset[tuple[str, int]]) -> None:
        self._named = named
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if (host.lower(), port) in self._named:
            return found
        public = [result for result in found if is_public(result["host"])]
        if not public:
            raise _PrivateAddress
        return public

    async def close(self) -> None:
        await self._inner.close()


def _named(origin: str) -> Address:
    """Return the address of an origin that the operator allows; SettingsError if it is no plain origin."""
    address = address_of(origin)
    if address is None or origin.count("/") != 2 or "?" in origin or "#" in origin:
        raise SettingsError(
            f"REENGAGEMENT_PUSH_ORIGINS: {origin!r} must be an origin such as https://push.example.org"
        )
    return address


class Sender:
    """Posts messages over one session: one a process, inside one event loop, as an async context manager.

    `allowed_origins` are exact origins beside the known push services. Raises SettingsError for a key,
    a subject or an origin that can't be used.
    """

    def __init__(
        self,
        vapid_private_key: str,
        subject: str,
        allowed_origins: frozenset[str] = frozenset(),
        timeout: float = TIMEOUT_SECONDS,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._named = frozenset(_named(origin) for origin in allowed_origins)
        self._allowed = frozenset(address.origin for address in self._named)
        self._vapid = CachingVapid(vapid_private_key, subject, clock)
        self._vapid.check(self._allowed)
        self._timeout = timeout
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = _PublicResolver(frozenset((address.host, address.port) for address in self._named))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, limit=0, limit_per_host=CONNECTIONS_PER_HOST),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, message: Message) -> Answer:
        """Return what became of `message`; nothing that a subscription or a push service does raises.

        1. Recognise what isn't Web Push, and where no request may go.
        2. Encrypt; keys that can't be decoded mean that the subscription is dead.
        3. Post, and say what the answer means.
        """
        channel = other_channel(message.endpoint, message.keys)
        if channel is not None:
            return Answer("unsupported", channel)
        address = address_of(message.endpoint)
        if address is not None and address.is_under("invalid"):
            return Answer("gone", "invalid_endpoint")
        if address is None or not may_be_posted(address, self._allowed):
            return Answer("rejected", "not_allowed")
        if not 0 < len(message.payload) <= LARGEST_PLAIN_PAYLOAD:
            return Answer("rejected", "payload_size")
        try:
            encrypted = _encrypt(message)
        except BadKey:
            return Answer("gone", "bad_keys")
        return await self._exchange(message, address, encrypted)

    async def _exchange(self, message: Message, address: Address, encrypted: bytes) -> Answer:
        """Post once; again at once, within the same timeout, where a pooled connection was found closed."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        headers = self._headers(message, address)
        for _ in range(STALE_CONNECTIONS):
            body = _Body(encrypted)
            try:
                return await self._request(message.endpoint, headers, body, address, deadline)
            except asyncio.CancelledError:  # whoever gave this up counts on the answer, not on the error
                if body.begun:
                    raise
                return Answer("retry", "stopped")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if body.begun:
                    return Answer("unknown", _reason_of_loss(error))
                if not _was_found_closed(error):
                    return Answer("retry", _reason_not_begun(error))
        return Answer("retry", "connect")

    async def _request(
        self, endpoint: str, headers: dict[str, str], body: _Body, address: Address, deadline: float
    ) -> Answer:
        if self._session is None:
            raise RuntimeError("Enter the Sender with `async with` before posting.")
        remaining = deadline - asyncio.get_running_loop().time()
        async with self._session.post(
            URL(endpoint, encoded=True),  # as the browser gave it: its path is opaque
            data=body,
            headers=headers,
            allow_redirects=False,
            # aiohttp rounds timeouts above the threshold up to whole seconds; leases count on ours.
            timeout=aiohttp.ClientTimeout(total=max(0.001, remaining), ceil_threshold=3600),
        ) as response:
            with suppress(aiohttp.ClientError, TimeoutError):  # read so that the connection can be reused
                await response.content.read(READ_OF_ANSWER)
            return classify(response.status, response.headers, address, self._clock())

    def _headers(self, message: Message, address: Address) -> dict[str, str]:
        return {
            "Authorization": self._vapid.authorization(address.origin),
            "TTL": str(min(max(1, message.ttl), LARGEST_TTL)),
            "Urgency": "normal",
            "Topic": message.topic,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
        }
