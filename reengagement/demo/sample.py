"""The demo's host: the dog-training platform's tables, and the five people of its test guide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, text

from reengagement.demo.phone import subscription_of

ADMIN_PASSWORD_HASH = "$2b$10$eom0md2HcI4gkXgGH9Z/cuSobb54a8YDoA9piXSt/pUYtUcS4wajy"
"""bcrypt of "demo"."""
NO_PASSWORD = "!"
"""What no bcrypt hash equals: these people can't sign in."""

StatusType = Literal["text", "enum"]

_STATUSES = "'NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'RESET'"

_TABLES = """
CREATE TABLE "User" (
    id text PRIMARY KEY,
    username text UNIQUE,
    email text UNIQUE,
    password text NOT NULL,
    role text NOT NULL DEFAULT 'USER',
    "createdAt" timestamp(3) NOT NULL,
    "updatedAt" timestamp(3) NOT NULL
);
CREATE TABLE "Profile" (
    "userId" text NOT NULL UNIQUE REFERENCES "User" ON DELETE CASCADE,
    "dogName" text
);
CREATE TABLE "UserTraining" (
    id text PRIMARY KEY,
    "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE,
    "createdAt" timestamp(3) NOT NULL,
    "updatedAt" timestamp(3) NOT NULL
);
CREATE INDEX ON "UserTraining" ("userId");
CREATE TABLE "UserStep" (
    id text PRIMARY KEY,
    "userTrainingId" text NOT NULL REFERENCES "UserTraining" ON DELETE CASCADE,
    "dayNumber" integer NOT NULL,
    "stepIndex" integer NOT NULL,
    status {status} NOT NULL DEFAULT 'NOT_STARTED',
    "createdAt" timestamp(3) NOT NULL,
    "updatedAt" timestamp(3) NOT NULL
);
CREATE INDEX ON "UserStep" ("userTrainingId");
CREATE TABLE "Course" (
    id text PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE "UserCourse" (
    "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE,
    "courseId" text NOT NULL REFERENCES "Course",
    status {status} NOT NULL DEFAULT 'NOT_STARTED',
    "completedAt" timestamp(3),
    "updatedAt" timestamp(3) NOT NULL,
    PRIMARY KEY ("userId", "courseId")
);
CREATE TABLE "CourseReview" (
    "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE,
    "courseId" text NOT NULL REFERENCES "Course",
    rating double precision,
    PRIMARY KEY ("userId", "courseId")
);
CREATE TABLE "PushSubscription" (
    id text PRIMARY KEY,
    "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE,
    endpoint text NOT NULL UNIQUE,
    keys jsonb NOT NULL,
    "createdAt" timestamp(3) NOT NULL,
    "updatedAt" timestamp(3) NOT NULL
);
CREATE INDEX ON "PushSubscription" ("userId");
CREATE TABLE "ReengagementSettings" (
    "userId" text NOT NULL UNIQUE REFERENCES "User" ON DELETE CASCADE,
    enabled boolean NOT NULL DEFAULT true,
    "preferredTime" text,
    timezone text NOT NULL DEFAULT 'Europe/Moscow',
    "maxNotificationsPerWeek" integer NOT NULL DEFAULT 3
);
"""


def create_host_tables(connection: Connection, *, status_type: StatusType = "text") -> None:
    """Create the platform's own tables, empty; statuses are text or, as Prisma makes them, an enum."""
    status = "text"
    if status_type == "enum":
        connection.exec_driver_sql(f'CREATE TYPE "TrainingStatus" AS ENUM ({_STATUSES})')
        status = '"TrainingStatus"'
    for statement in _TABLES.format(status=status).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)


@dataclass(frozen=True)
class _Someone:
    """One of the guide's five. Their newest steps are `hours` old, so nobody is inactive yet."""

    id: str
    username: str
    dog: str | None
    steps: int
    hours: int
    phones: int
    course: str | None = None
    rating: float | None = None


DOCUMENT_PEOPLE = (
    _Someone("anna", "Анна", "Рекс", 24, 20, 1, "Первые команды щенка", 5),
    _Someone("boris", "Борис", "Буся", 9, 30, 2),
    _Someone("vera", "Вера", None, 15, 4, 1, "Прогулка без рывков", 4.5),
    _Someone("gleb", "Глеб", "Граф", 6, 44, 0),
    _Someone("daria", "Дарья", "Марта", 1, 26, 1),
)
"""Анна has all that a text may need, Вера no dog, Глеб no phone, Дарья one step too few (A2)."""


def create_admin(connection: Connection, now: datetime) -> None:
    """Add the product's one ADMIN, who signs in as `admin` with the password `demo`."""
    connection.execute(
        text(
            'INSERT INTO "User" (id, username, email, password, role, "createdAt", "updatedAt")'
            " VALUES ('admin', 'admin', 'admin@example.org', :hash, 'ADMIN', :now, :now)"
        ),
        {"hash": ADMIN_PASSWORD_HASH, "now": now},
    )


def document_people(connection: Connection, now: datetime, *, origin: str) -> None:
    """Add five users and an ADMIN, with whom the test guide's ways 1, 3 and 4 can be followed by hand.

    Their phones are at the push service of `origin`. Nobody is inactive: the guide's UPDATE makes them so.
    """
    create_admin(connection, now)
    for table, rows in _document_rows(now, origin):
        if rows:
            columns = ", ".join(f'"{name}"' for name in rows[0])
            values = ", ".join(f":{name}" for name in rows[0])
            connection.execute(text(f'INSERT INTO "{table}" ({columns}) VALUES ({values})'), rows)


def _document_rows(now: datetime, origin: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each table's rows, in the order in which foreign keys allow them."""
    joined = now - timedelta(days=90)
    times = {"createdAt": joined, "updatedAt": joined}
    people = DOCUMENT_PEOPLE
    yield (
        "User",
        [
            {"id": one.id, "username": one.username, "email": f"{one.id}@example.org"}
            | {"password": NO_PASSWORD, "role": "USER", **times}
            for one in people
        ],
    )
    yield "Profile", [{"userId": one.id, "dogName": one.dog} for one in people]
    yield "UserTraining", [{"id": f"training-{one.id}", "userId": one.id, **times} for one in people]
    yield "UserStep", [row for one in people for row in _steps(one, now)]
    passed = [one for one in people if one.course]
    yield "Course", [{"id": f"course-{one.id}", "name": one.course} for one in passed]
    done_at = now - timedelta(days=10)
    yield (
        "UserCourse",
        [
            {"userId": one.id, "courseId": f"course-{one.id}", "status": "COMPLETED"}
            | {"completedAt": done_at, "updatedAt": done_at}
            for one in passed
        ],
    )
    yield (
        "CourseReview",
        [{"userId": one.id, "courseId": f"course-{one.id}", "rating": one.rating} for one in passed],
    )
    yield "PushSubscription", [_phone(one, n, now, origin) for one in people for n in range(one.phones)]


def _steps(one: _Someone, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the user's completed steps, two a day up to the newest."""
    newest = now - timedelta(hours=one.hours)
    for number in range(one.steps):
        at = newest - timedelta(days=number // 2, minutes=7 * (number % 2))
        place = one.steps - 1 - number
        yield {
            "id": f"step-{one.id}-{place}",
            "userTrainingId": f"training-{one.id}",
            "dayNumber": place // 3 + 1,
            "stepIndex": place % 3,
            "status": "COMPLETED",
            "createdAt": at,
            "updatedAt": at,
        }


def _phone(one: _Someone, n: int, now: datetime, origin: str) -> dict[str, Any]:
    endpoint, keys = subscription_of(origin, one.id, n)
    return {
        "id": f"subscription-{one.id}-{n}",
        "userId": one.id,
        "endpoint": endpoint,
        "keys": json.dumps(keys),
        "createdAt": now,
        "updatedAt": now,
    }
