"""A push service that misbehaves as told, and counts what it accepted, by phone and topic.

It takes plain HTTP on a few ports of loopback: a few push services. What it accepts it accepts on receipt,
whatever it then answers, so a sender that is killed before it hears the answer has still reminded somebody.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

ACCEPT = "201"
WITHHELD = ("reset", "hang", "accept, reset", "accept, hang")
"""After these the sender can't know: each may leave one delivery unknown."""
RETRY_AFTER_SECONDS = 3


@dataclass(frozen=True)
class Mood:
    """How often which answer is given (weights), and after how many seconds, at least and at most."""

    name: str
    answers: Mapping[str, float] = field(default_factory=lambda: {ACCEPT: 1.0})
    latency: tuple[float, float] = (0.05, 0.5)
    away: bool = False
    """Nothing listens: connections are refused."""


CALM = Mood("calm", {ACCEPT: 1}, (0.0, 0.05))
MOODS = (
    Mood("accepting", latency=(0.05, 1.5)),
    Mood("a bad day", {ACCEPT: 88, "500": 4, "503": 2, "429": 1, "410": 2, "reset": 1, "accept, reset": 2}),
    Mood("answering 500", {ACCEPT: 2, "500": 8}),
    Mood("answering 429", {ACCEPT: 5, "429": 5}),
    Mood("answering 410", {ACCEPT: 9, "410": 1}),
    Mood("resetting", {ACCEPT: 8, "reset": 2}),
    Mood("resetting after it has accepted", {ACCEPT: 8, "accept, reset": 2}),
    Mood("hanging", {ACCEPT: 8, "hang": 1, "accept, hang": 1}),
    Mood("silent", {"hang": 1, "accept, hang": 1}),
    Mood("away", away=True),
)


class PushService:
    """Several push services in one thread; what it counts may be read from any."""

    def __init__(self, seed: int, origins: int = 3) -> None:
        self.accepted: Counter[tuple[bytes, str]] = Counter()
        """By SHA-256 of the endpoint, and topic."""
        self.answers: Counter[str] = Counter()
        self.requests = 0
        self.last_request_at = 0.0
        self.mood = CALM
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._ports = [0] * origins
        self._do(self._listen())
        self._ports = [server.sockets[0].getsockname()[1] for server in self._servers]

    @property
    def origins(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    @property
    def withheld(self) -> int:
        """How many requests got no answer."""
        return sum(self.answers[each] for each in WITHHELD)

    def be(self, mood: Mood) -> None:
        """Answer so from now on."""
        if mood.away != self.mood.away:
            self._do(self._leave() if mood.away else self._listen())
        self.mood = mood

    def close(self) -> None:
        self._do(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _listen(self) -> None:
        for port in self._ports:
            server = await self._loop.create_server(
                lambda: _Connection(self), "127.0.0.1", port, backlog=4096
            )
            self._servers.append(server)

    async def _leave(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def take(self, head: bytes) -> tuple[str, float]:
        """Take a request in; return how to answer, and after how many seconds."""
        self.requests += 1
        self.last_request_at = time.monotonic()
        (answer,) = self._chance.choices(list(self.mood.answers), list(self.mood.answers.values()))
        self.answers[answer] += 1
        if answer.startswith(("201", "accept")):
            self.accepted[_key(head)] += 1
        return answer, self._chance.uniform(*self.mood.latency)


class _Connection(asyncio.Protocol):
    def __init__(self, service: PushService) -> None:
        self._service = service
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        whole = end + 4 + int(_headers(head).get("content-length", 0))
        if len(self._buffer) >= whole:
            del self._buffer[:whole]
            answer, seconds = self._service.take(head)
            asyncio.get_running_loop().call_later(seconds, self._answer, answer)

    def _answer(self, answer: str) -> None:
        if self._transport.is_closing() or answer.endswith("hang"):
            return
        if answer.endswith("reset"):
            ours = self._transport.get_extra_info("socket")
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
            return
        wait = b"Retry-After: %d\r\n" % RETRY_AFTER_SECONDS if answer == "429" else b""
        self._transport.write(b"HTTP/1.1 %b X\r\n%bContent-Length: 0\r\n\r\n" % (answer.encode(), wait))


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _key(head: bytes) -> tuple[bytes, str]:
    headers = _headers(head)
    endpoint = f"http://{headers['host']}{head.split(b' ', 2)[1].decode()}"
    return hashlib.sha256(endpoint.encode()).digest(), headers["topic"]


@contextmanager
def running(seed: int = 0) -> Iterator[PushService]:
    """Run a push service until the context ends."""
    service = PushService(seed)
    try:
        yield service
    finally:
        service.close()
