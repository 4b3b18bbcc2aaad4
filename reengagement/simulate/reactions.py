"""What people do when a reminder arrives: see it, press it, come back, opt out."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from reengagement import clicks, tables
from reengagement.simulate.behaviour import Behaviour
from reengagement.simulate.crowd import DAY, MINUTE, Crowd
from reengagement.simulate.product import milliseconds, moment

ARRIVED_ALL_THE_SAME = 0.5
"""Of the posts whose answer was lost."""
CLICK_SPREAD = 1.6
"""Standard deviation of the logarithm of the click's delay: a tenth comes more than seven times later."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """A notification that left, or may have left (`lost`), to one user."""

    id: str
    user: int
    level: int
    message_type: str
    variant_id: str
    with_dog: bool
    lost: bool
    at: datetime


@dataclass
class Reactions:
    """Draws what follows from reminders, and writes it when its time has come."""

    crowd: Crowd
    behaviour: Behaviour
    _events: list[tuple[int, str, str]] = field(default_factory=list)

    def receive(self, reminders: Sequence[Reminder]) -> None:
        """Draw what these people will do."""
        for one in reminders:
            if not one.lost or self._happens(ARRIVED_ALL_THE_SAME):
                self._receive(one)

    def _receive(self, one: Reminder) -> None:
        sent_at = milliseconds(one.at)
        if not self._happens(self.behaviour.shown_share):
            return
        self._plan(sent_at + self._wait(0.5 * MINUTE, 1.0), "shown", one.id)
        if self._happens(self._click_probability(one)):
            at = sent_at + self._wait(self.behaviour.click_delay * DAY, CLICK_SPREAD)
            self._plan(at, "click", one.id)
            if self._happens(self.behaviour.return_after_click):
                self.crowd.make_appointment(one.user, at + self._wait(8 * MINUTE, 1.0))
        elif self._happens(self.behaviour.return_after_shown * float(self.crowd.loyalty[one.user])):
            self.crowd.make_appointment(one.user, sent_at + int(self.crowd.chance.uniform(0.02, 3) * DAY))
        elif self._happens(self.behaviour.opt_out):
            self._plan(sent_at + self._wait(60 * MINUTE, 1.0), "opt_out", str(one.user))

    def _click_probability(self, one: Reminder) -> float:
        of = self.behaviour
        named = of.click_with_dog if one.with_dog else 1.0
        text = named * of.click_by_variant.get(one.variant_id, 1.0)
        probability = of.click_by_level[one.level] * of.click_by_type[one.message_type] * text
        return min(0.95, probability * float(self.crowd.loyalty[one.user]))

    def _happens(self, probability: float) -> bool:
        return bool(self.crowd.chance.random() < probability)

    def _wait(self, median: float, spread: float) -> int:
        """Return milliseconds, at least one second: log-normal about the median."""
        return max(1_000, int(median * np.exp(self.crowd.chance.normal(0, spread))))

    def _plan(self, at: int, what: str, whom: str) -> None:
        heapq.heappush(self._events, (at, what, whom))

    def write(self, connection: Connection, before: int, user_ids: Sequence[str]) -> None:
        """Record all that happens before that time, through the code that records real people's doings."""
        happened: dict[str, list[tuple[str, datetime]]] = {"shown": [], "click": [], "opt_out": []}
        while self._events and self._events[0][0] < before:
            at, what, whom = heapq.heappop(self._events)
            happened[what].append((whom, moment(at)))
        with connection.begin():
            if happened["shown"]:
                clicks.record_shown(connection, happened["shown"])
            if happened["click"]:
                clicks.record_clicks(connection, happened["click"])
            for user, when in happened["opt_out"]:
                connection.execute(
                    insert(tables.opt_out)
                    .values(user_id=user_ids[int(user)], created_at=when)
                    .on_conflict_do_nothing(index_elements=[tables.opt_out.c.user_id])
                )
