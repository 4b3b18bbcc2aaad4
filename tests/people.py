"""Alice has lapsed, Bob is active, Charlie came back: users of the host for the tests."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

_numbers = itertools.count(1)


class People:
    """Inserts users of the host, each in a transaction of its own; times are days before `now`."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self.engine = engine
        self.now = now

    def add(
        self,
        user_id: str,
        *,
        days_ago: float | None = None,
        steps: int = 2,
        dog: str | None = None,
        name: str | None = "",
        email: str | None = None,
        role: str = "USER",
    ) -> str:
        """Insert a user whose `steps` completed steps are `days_ago` old; None for no steps."""
        with self.engine.begin() as connection:
            self._insert_user(connection, user_id, user_id if name == "" else name, email, role)
            if dog is not None:
                connection.execute(
                    text('INSERT INTO "Profile" ("userId", "dogName") VALUES (:id, :dog)'),
                    {"id": user_id, "dog": dog},
                )
            connection.execute(
                text(
                    'INSERT INTO "UserTraining" (id, "userId", "createdAt", "updatedAt")'
                    " VALUES (:training, :id, :at, :at)"
                ),
                {"training": f"training-{user_id}", "id": user_id, "at": self.now - timedelta(days=400)},
            )
            if days_ago is not None:
                for _ in range(steps):
                    self._insert_step(connection, user_id, self.now - timedelta(days=days_ago), "COMPLETED")
        return user_id

    def step(self, user_id: str, at: datetime, status: str = "COMPLETED") -> None:
        """Insert one more step, dated `at` (naive UTC)."""
        with self.engine.begin() as connection:
            self._insert_step(connection, user_id, at, status)

    def move_steps(self, user_id: str, at: datetime) -> None:
        """Date all the user's steps `at`, as the document does."""
        self.execute(
            'UPDATE "UserStep" SET "updatedAt" = :at WHERE "userTrainingId" IN'
            ' (SELECT id FROM "UserTraining" WHERE "userId" = :id)',
            at=at,
            id=user_id,
        )

    def subscribe(self, user_id: str, endpoint: str, keys: dict[str, str]) -> str:
        """Insert a push subscription and return its id."""
        subscription_id = f"subscription-{next(_numbers)}"
        self.execute(
            'INSERT INTO "PushSubscription" (id, "userId", endpoint, keys, "createdAt", "updatedAt")'
            " VALUES (:sid, :id, :endpoint, CAST(:keys AS jsonb), :at, :at)",
            sid=subscription_id,
            id=user_id,
            endpoint=endpoint,
            keys=json.dumps(keys),
            at=self.now,
        )
        return subscription_id

    def execute(self, statement: str, **values: Any) -> None:
        """Execute one statement in a transaction of its own."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """Return the rows of a query."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(statement), values).mappings())

    def one(self, statement: str, **values: Any) -> Any:
        """Return the only row of a query."""
        (row,) = self.rows(statement, **values)
        return row

    def _insert_user(
        self, connection: Connection, user_id: str, name: str | None, email: str | None, role: str
    ) -> None:
        connection.execute(
            text(
                'INSERT INTO "User" (id, username, email, password, role, "createdAt", "updatedAt")'
                " VALUES (:id, :name, :email, '', :role, :at, :at)"
            ),
            {"id": user_id, "name": name, "email": email, "role": role, "at": self.now - timedelta(days=400)},
        )

    def _insert_step(self, connection: Connection, user_id: str, at: datetime, status: str) -> None:
        connection.execute(
            text(
                'INSERT INTO "UserStep"'
                ' (id, "userTrainingId", "dayNumber", "stepIndex", status, "createdAt", "updatedAt")'
                " VALUES (gen_random_uuid()::text, :training, 1, 1, :status, :at, :at)"
            ),
            {"training": f"training-{user_id}", "status": status, "at": at},
        )
