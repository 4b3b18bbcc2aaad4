"""The demo's host: the dog-training platform's tables, and the five people of its test guide."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection

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
