"""Simulated push services: the same post gets the same answer, whatever the order of posting."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from reengagement.simulate.behaviour import Behaviour
from reengagement.webpush import Answer, Message


class Postal:
    """Answers posts at `now`, which whoever simulates moves on."""

    def __init__(self, behaviour: Behaviour, seed: int, now: datetime) -> None:
        self.behaviour = behaviour
        self.seed = seed
        self.now = now
        self._dies_at: dict[str, datetime] = {}

    def add_phone(self, endpoint: str, at: datetime) -> None:
        """A browser has subscribed; draw how long it will live."""
        life = -math.log(1 - self._chance("life", endpoint)) * self.behaviour.phone_life
        self._dies_at[endpoint] = at + timedelta(days=life)

    def is_alive(self, endpoint: str) -> bool:
        """Tell whether the subscription would still accept a message."""
        return self._dies_at.get(endpoint, self.now) > self.now

    async def post(self, message: Message) -> Answer:
        """Return what the push service says to this message now."""
        if not self.is_alive(message.endpoint):
            return Answer("gone", "http_410", status=410)
        drawn = self._chance(message.topic, message.endpoint, self.now.isoformat())
        if drawn < self.behaviour.hiccup / 2:
            return Answer("retry", "http_503", status=503)
        if drawn < self.behaviour.hiccup:
            return Answer("retry", "http_429", status=429, retry_after=300.0)
        if drawn < self.behaviour.hiccup + self.behaviour.lost_answer:
            return Answer("unknown", "timeout")
        return Answer("accepted", "http_201", status=201)

    def _chance(self, *of: str) -> float:
        """Return a number in [0, 1) that depends on these words and the seed alone."""
        digest = hashlib.blake2b("\0".join((str(self.seed), *of)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
