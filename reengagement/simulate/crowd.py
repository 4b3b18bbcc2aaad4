"""Simulated people: who practises, lapses and comes back on a day. No database, no clock.

Times are milliseconds since 1970 (naive UTC); users are numbers from 0.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reengagement.simulate.behaviour import Behaviour

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
BETWEEN_STEPS = 4 * MINUTE
MOST_STEPS = 7
"""In one session: with four minutes each it is over within half an hour."""

HOURS = np.array(
    [3, 3, 3, 3, 4, 4, 3, 3, 3, 4, 7, 9, 9, 7, 4, 1.5, 0.4, 0.1, 0.05, 0.05, 0.1, 0.4, 1.5, 3]
)  # fmt: skip
"""When people practise: weights of the 24 hours from 08:00 to 08:00."""

Times = npt.NDArray[np.int64]
Users = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Session:
    """One user's steps in a row: the time of the first, how many, whether one more was left open, and
    whether the user had been away."""

    user: int
    at: int
    steps: int
    unfinished: bool = False
    comes_back: bool = False


class Crowd:
    """The state of all people, and its only source of chance."""

    def __init__(self, users: int, begin: int, end: int, behaviour: Behaviour, seed: int) -> None:
        self.behaviour = behaviour
        self.chance = np.random.default_rng(seed)
        self.joins_at = self._draw_joins(users, begin, end)
        self.practice = self.chance.uniform(behaviour.practice_low, behaviour.practice_high, users)
        self.loyalty = self._draw_factors(users, behaviour.loyalty_spread)
        self.engaged = np.zeros(users, bool)
        self.away_since = np.full(users, -1, np.int64)
        """When the last session of someone who lapsed was; -1 for everyone else."""
        self.steps = np.zeros(users, np.int64)
        self.pinned = np.zeros(users, bool)
        """People who will not come back whatever happens (see `pin`)."""
        self._appointments: list[tuple[int, int]] = []

    def _draw_joins(self, users: int, begin: int, end: int) -> Times:
        """Joining grows evenly from 1 to `growth`: the inverse of its integral, at even chances."""
        share, growth = self.behaviour.first_day_share, max(self.behaviour.growth, 1.001)
        drawn = self.chance.random(users)
        slope = growth - 1
        place = (np.sqrt(1 + drawn * (growth**2 - 1)) - 1) / slope
        place[self.chance.random(users) < share] = 0
        first_day = self.chance.integers(0, max(1, min(DAY, end - begin)), users)
        joined = begin + (place * (end - begin)).astype(np.int64)
        return np.where(place == 0, begin + first_day, joined)

    def _draw_factors(self, users: int, spread: float) -> npt.NDArray[np.float64]:
        if spread <= 0:
            return np.ones(users)
        return self.chance.gamma(1 / spread**2, spread**2, users)

    def newcomers(self, begin: int, end: int) -> list[int]:
        """Return who joins in this time."""
        return [int(user) for user in np.flatnonzero((self.joins_at >= begin) & (self.joins_at < end))]

    def make_appointment(self, user: int, at: int) -> None:
        """Let a user come back at a time: a reminder has moved them to."""
        heapq.heappush(self._appointments, (at, user))

    def live(self, begin: int, end: int, *, weekend: bool) -> list[Session]:
        """Return the sessions of one day, from one morning's run to the next, in order of time."""
        starts: dict[int, int] = {user: int(self.joins_at[user]) for user in self.newcomers(begin, end)}
        today = np.concatenate([self._who_practises(begin, weekend), self._who_returns(begin)])
        starts.update(zip(today.tolist(), self._moments(len(today), begin, end), strict=True))
        while self._appointments and self._appointments[0][0] < end:
            at, user = heapq.heappop(self._appointments)
            if not self.pinned[user] and self.away_since[user] >= 0:
                starts[user] = max(at, begin)
        sessions = sorted(
            (self._session(user, at) for user, at in starts.items() if at < end),
            key=lambda session: (session.at, session.user),
        )
        for session in sessions:
            self._after(session)
        return sessions

    def _who_practises(self, begin: int, weekend: bool) -> Users:
        wish = self.practice * (self.behaviour.weekend_factor if weekend else 1)
        may = self.engaged & ~self.pinned & (self.joins_at < begin)
        return np.flatnonzero(may & (self.chance.random(len(wish)) < wish))

    def _who_returns(self, begin: int) -> Users:
        away = self.away_since >= 0
        days = np.maximum(begin - self.away_since, 0) / DAY
        rate = self.behaviour.return_a_day * np.exp(-days / self.behaviour.return_fades)
        wish = self.loyalty * (rate + self.behaviour.return_floor)
        return np.flatnonzero(away & ~self.pinned & (self.chance.random(len(wish)) < wish))

    def _moments(self, count: int, begin: int, end: int) -> list[int]:
        """Return times of day at which people practise, at least half an hour before the day's end."""
        hours = self.chance.choice(24, count, p=HOURS / HOURS.sum()) + self.chance.random(count)
        moments = begin + (hours * DAY / 24).astype(np.int64)
        return [int(at) for at in np.minimum(moments, max(begin, end - 30 * MINUTE))]

    def _session(self, user: int, at: int) -> Session:
        steps = 1 + int(self.chance.poisson(self.behaviour.extra_steps))
        unfinished = bool(self.chance.random() < self.behaviour.unfinished_share)
        return Session(user, at, min(steps, MOST_STEPS), unfinished, bool(self.away_since[user] >= 0))

    def _after(self, session: Session) -> None:
        user = session.user
        self.steps[user] += session.steps
        lapses = self.chance.random() < self.behaviour.lapse
        self.engaged[user] = not lapses
        self.away_since[user] = session.at if lapses else -1

    def pin(self, times: Sequence[int]) -> list[Session]:
        """Make some who practise stop for good, one with a last step at each of `times`; return the steps.

        So that, whenever a demo is filled, some are due at that very time of day.
        """
        old_hand = self.joins_at < min(times, default=0) - DAY
        may = np.flatnonzero(self.engaged & ~self.pinned & (self.steps >= 3) & old_hand)
        users = sorted(self.chance.choice(may, min(len(times), len(may)), replace=False).tolist())
        for user, at in zip(users, times, strict=False):
            self.pinned[user] = True
            self.engaged[user] = False
            self.away_since[user] = at
            self.steps[user] += 1
        return [Session(user, at, 1) for user, at in zip(users, times, strict=False)]
