"""Writes what simulated people do into the host's tables, a day at a time, by COPY."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from reengagement.demo.names import COURSES
from reengagement.demo.phone import subscription_of
from reengagement.demo.population import Person
from reengagement.demo.sample import NO_PASSWORD
from reengagement.simulate.behaviour import Behaviour
from reengagement.simulate.crowd import BETWEEN_STEPS, Session

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as everywhere
STEPS_A_DAY = 4
"""Steps of a training day, for `dayNumber` and `stepIndex`."""
SETTINGS_SHARE = 0.15

COLUMNS = {
    "User": ("id", "username", "email", "password", "role", "createdAt", "updatedAt"),
    "Profile": ("userId", "dogName"),
    "ReengagementSettings": ("userId", "enabled"),
    "UserTraining": ("id", "userId", "createdAt", "updatedAt"),
    "UserStep": ("id", "userTrainingId", "dayNumber", "stepIndex", "status", "createdAt", "updatedAt"),
    "UserCourse": ("userId", "courseId", "status", "completedAt", "updatedAt"),
    "CourseReview": ("userId", "courseId", "rating"),
    "PushSubscription": ("id", "userId", "endpoint", "keys", "createdAt", "updatedAt"),
}
"""In the order in which foreign keys allow them."""


def moment(milliseconds: int) -> datetime:
    """Return a time of the crowd's as the database has it."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(at: datetime) -> int:
    """Return a time of the database as the crowd has it."""
    return (at - EPOCH) // timedelta(milliseconds=1)


class Product:
    """Collects rows, and copies them into the tables when told to. `on_phone` hears of new subscriptions."""

    def __init__(
        self,
        people: Sequence[Person],
        behaviour: Behaviour,
        origin: str,
        seed: int,
        on_phone: Callable[[str, datetime], None],
    ) -> None:
        self.people = people
        self.behaviour = behaviour
        self.origin = origin
        self.chance = np.random.default_rng((seed, 1))
        self.on_phone = on_phone
        self.endpoints: dict[int, list[str]] = defaultdict(list)
        """The subscriptions that each user has ever had; the last are the newest."""
        self._done: dict[int, int] = defaultdict(int)
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
        self._steps = 0

    def write(self, connection: Connection) -> None:
        """Copy what has been collected, in one transaction."""
        driver = connection.connection.driver_connection
        assert driver is not None
        with connection.begin(), driver.cursor() as cursor:
            for table, columns in COLUMNS.items():
                if not self._rows[table]:
                    continue
                names = ", ".join(f'"{column}"' for column in columns)
                with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
                    for row in self._rows[table]:
                        copy.write_row(row)
                self._rows[table].clear()

    def open_courses(self, connection: Connection) -> None:
        """Add the courses that there are."""
        rows = [{"id": _course(number), "name": name} for number, name in enumerate(COURSES)]
        with connection.begin():
            connection.exec_driver_sql('INSERT INTO "Course" (id, name) VALUES (%(id)s, %(name)s)', rows)

    def join(self, user: int, at: datetime) -> None:
        """A user signs up, with a first training and what phones they have."""
        one = self.people[user]
        self._add("User", one.id, one.username, one.email, NO_PASSWORD, "USER", at, at)
        self._add("Profile", one.id, one.dog)
        if self.chance.random() < SETTINGS_SHARE:
            self._add("ReengagementSettings", one.id, bool(self.chance.random() < 0.75))
        self._add("UserTraining", self._training(user), one.id, at, at)
        for _ in range(one.phones):
            self.subscribe(user, at)

    def subscribe(self, user: int, at: datetime) -> None:
        """A user allows reminders on one more phone."""
        n = len(self.endpoints[user])
        endpoint, keys = subscription_of(self.origin, self.people[user].id, n)
        self.endpoints[user].append(endpoint)
        identity = f"subscription-{user + 1:05}-{n}"
        self._add("PushSubscription", identity, self.people[user].id, endpoint, json.dumps(keys), at, at)
        self.on_phone(endpoint, at)

    def practise(self, session: Session, until: int) -> int:
        """A user completes steps, and perhaps a course; return how many steps lie before `until`."""
        count = 0
        for number in range(session.steps):
            at = session.at + number * BETWEEN_STEPS
            if at < until:
                self._step(session.user, moment(at), "COMPLETED")
                self._progress(session.user, moment(at))
                count += 1
        if session.unfinished and count == session.steps:
            self._step(session.user, moment(session.at + (session.steps - 1) * BETWEEN_STEPS), "IN_PROGRESS")
        return count

    def _step(self, user: int, at: datetime, status: str) -> None:
        self._steps += 1
        place = self._done[user] % self.behaviour.steps_a_course
        day, index = place // STEPS_A_DAY + 1, place % STEPS_A_DAY
        self._add("UserStep", f"step-{self._steps:08}", self._training(user), day, index, status, at, at)

    def _progress(self, user: int, at: datetime) -> None:
        """One more step is done; the last one of a course completes it and opens the next training."""
        self._done[user] += 1
        if self._done[user] % self.behaviour.steps_a_course:
            return
        course = self._done[user] // self.behaviour.steps_a_course - 1
        if course < len(COURSES):
            identity = _course((course + user) % len(COURSES))
            self._add("UserCourse", self.people[user].id, identity, "COMPLETED", at, at)
            if self.chance.random() < self.behaviour.review_share:
                rating = float(self.chance.choice([2, 3, 3.5, 4, 4.5, 5, 5]))
                self._add("CourseReview", self.people[user].id, identity, rating)
        self._add("UserTraining", self._training(user), self.people[user].id, at, at)

    def _training(self, user: int) -> str:
        return f"training-{user + 1:05}-{self._done[user] // self.behaviour.steps_a_course + 1}"

    def _add(self, table: str, *row: Any) -> None:
        self._rows[table].append(row)


def _course(number: int) -> str:
    return f"course-{number + 1:02}"
