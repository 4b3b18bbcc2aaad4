"""Limits on what one visitor may send: the size of a body, and how often."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

LARGEST_BODY = 8 * 1024
MOST_VISITORS = 50_000
"""Buckets kept; the one unused longest goes first."""


class TooLarge(Exception):
    """The body is larger than anything a browser sends here."""


async def body_of(request: Request) -> bytes:
    """Return the body. Raises TooLarge once it is over LARGEST_BODY; the rest isn't read."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > LARGEST_BODY:
        raise TooLarge
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise TooLarge
    return body


@dataclass
class _Bucket:
    left: float
    at: float


class RateLimit:
    """A token bucket a visitor: `burst` at once, `per_minute` in the long run.

    Kept in this process: with several web processes a visitor has as many times the rate, which is no
    harm to what it protects, the database.
    """

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_minute / 60, burst, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def allows(self, visitor: str) -> bool:
        """Take one from the visitor's bucket; tell whether there was one."""
        now = self._clock()
        bucket = self._buckets.pop(visitor, None) or _Bucket(self._burst, now)
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[visitor] = bucket
        if len(self._buckets) > MOST_VISITORS:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True


def address_of_visitor(request: Request) -> str:
    """Return where the connection comes from; behind a proxy that it trusts, uvicorn says who is behind."""
    return request.client.host if request.client else "unknown"
