"""The dog-training platform's own tables, as its Prisma schema has them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    delete,
    false,
    func,
    literal_column,
    null,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, insert

from reengagement.arrays import rows_of
from reengagement.errors import HostError
from reengagement.host import Subscription

_Time = TIMESTAMP(precision=3)
_COMPLETED: ColumnElement[str] = literal_column("'COMPLETED'")
"""Untyped, so that it compares with text and with an enum alike, and a partial index still fits."""

GOOD_RATING = 4
ADMIN = "ADMIN"

_metadata = MetaData()
user = Table(
    "User",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("username", Text),
    Column("email", Text),
    Column("role", Text),
    Column("password", Text),
)
profile = Table("Profile", _metadata, Column("userId", Text, primary_key=True), Column("dogName", Text))
training = Table("UserTraining", _metadata, Column("id", Text, primary_key=True), Column("userId", Text))
step = Table(
    "UserStep",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("userTrainingId", Text),
    Column("status", Text),
    Column("updatedAt", _Time),
)
course = Table("Course", _metadata, Column("id", Text, primary_key=True), Column("name", Text))
user_course = Table(
    "UserCourse",
    _metadata,
    Column("userId", Text, primary_key=True),
    Column("courseId", Text, primary_key=True),
    Column("status", Text),
    Column("completedAt", _Time),
    Column("updatedAt", _Time),
)
review = Table(
    "CourseReview",
    _metadata,
    Column("userId", Text, primary_key=True),
    Column("courseId", Text, primary_key=True),
    Column("rating", Double),
)
subscription = Table(
    "PushSubscription",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("userId", Text),
    Column("endpoint", Text),
    Column("keys", JSONB),
    Column("createdAt", _Time),
    Column("updatedAt", _Time),
)
host_settings = Table(
    "ReengagementSettings",
    _metadata,
    Column("userId", Text, primary_key=True),
    Column("enabled", Boolean),
)

REQUIRED = (user, training, step, subscription)
OPTIONAL = (profile, course, user_course, review, host_settings)
FOR_ACCOUNTS = (user.c.password,)
"""Columns that only signing in with the host's own accounts needs."""


class Tables:
    """The platform's tables as one connection sees them. Implements `reengagement.host.Host`."""

    def __init__(self, connection: Connection) -> None:
        present = _columns_present(connection)
        self.absent = frozenset(table.name for table in OPTIONAL if table.name not in present)
        missing = [table.name for table in REQUIRED if table.name not in present]
        if missing:
            raise HostError(
                f"The host's database has no table {_quoted(missing)}. "
                "Check DATABASE_URL: it must be the product's own database."
            )
        for table in REQUIRED + OPTIONAL:
            lacking = _lacking(table, present)
            if lacking and table.name not in self.absent:
                raise HostError(
                    f'The host\'s table "{table.name}" has no column {_quoted(lacking)}. '
                    "REENGAGEMENT_HOST names the module that must fit the host's tables."
                )

        self._keeps_passwords = user.c.password.name in present[user.name]

    def users(self) -> Select[Any]:
        return select(user.c.id.label("user_id"), user.c.username.label("name"), user.c.email, user.c.role)

    def admins(self) -> Select[Any]:
        return select(user.c.id.label("user_id"), user.c.username.label("name"), user.c.email).where(
            user.c.role == literal_column(f"'{ADMIN}'")
        )

    def accounts(self) -> Select[Any]:
        if not self._keeps_passwords:
            raise HostError(
                f'The host\'s table "{user.name}" has no column "{user.c.password.name}", so nobody can '
                "sign in with an account there. Take accounts out of REENGAGEMENT_SIGN_IN."
            )
        return self.admins().add_columns(user.c.password)

    def activity(self) -> Select[Any]:
        return (
            select(training.c.userId.label("user_id"), step.c.updatedAt.label("at"))
            .join(training, training.c.id == step.c.userTrainingId)
            .where(step.c.status == _COMPLETED)
        )

    def subscriptions(self) -> Select[Any]:
        return select(
            subscription.c.id.label("subscription_id"),
            subscription.c.userId.label("user_id"),
            subscription.c.endpoint,
            subscription.c["keys"],
        )

    def facts(self, of: FromClause) -> Select[Any]:
        dogs = self._dogs()
        courses = self._courses(of)
        return (
            select(
                of.c.user_id,
                user.c.username.label("user_name"),
                dogs.c.dog_name,
                func.coalesce(courses.c.completed, 0).label("courses_completed"),
                courses.c.best.label("best_course"),
            )
            .select_from(of)
            .outerjoin(user, user.c.id == of.c.user_id)
            .outerjoin(dogs, dogs.c.user_id == of.c.user_id)
            .outerjoin(courses, courses.c.user_id == of.c.user_id)
        )

    def reminders_refused(self) -> Select[Any]:
        if host_settings.name in self.absent:
            return select(user.c.id.label("user_id")).where(false())
        return select(host_settings.c.userId.label("user_id")).where(~host_settings.c.enabled)

    def save_subscription(
        self,
        connection: Connection,
        *,
        user_id: str,
        endpoint: str,
        p256dh: str,
        auth: str,
        now: datetime,
    ) -> None:
        keys = {"p256dh": p256dh, "auth": auth}
        connection.execute(
            insert(subscription)
            .values(
                id=str(uuid.uuid4()),
                userId=user_id,
                endpoint=endpoint,
                keys=keys,
                createdAt=now,
                updatedAt=now,
            )
            .on_conflict_do_update(
                index_elements=[subscription.c.endpoint],
                set_={"userId": user_id, "keys": keys, "updatedAt": now},
            )
        )

    def remove_subscriptions(self, connection: Connection, dead: Sequence[Subscription]) -> int:
        if not dead:
            return 0
        gone = rows_of(
            "gone",
            id=(Text, [one.subscription_id for one in dead]),
            endpoint=(Text, [one.endpoint for one in dead]),
            keys=(Text, [json.dumps(one.keys) for one in dead]),
        )
        removed = delete(subscription).where(
            subscription.c.id == gone.c.id,
            subscription.c.endpoint == gone.c.endpoint,
            subscription.c["keys"] == cast(gone.c["keys"], JSONB),
        )
        return connection.execute(removed).rowcount

    def _dogs(self) -> FromClause:
        if profile.name in self.absent:
            return _empty(user_id=Text, dog_name=Text)
        return select(profile.c.userId.label("user_id"), profile.c.dogName.label("dog_name")).subquery("dogs")

    def _courses(self, of: FromClause) -> FromClause:
        """How many courses each user of `of` completed, and the name of the best."""
        if user_course.name in self.absent:
            return _empty(user_id=Text, completed=Integer, best=Text)
        joined: FromClause = user_course
        name: ColumnElement[Any] = null()
        rating: ColumnElement[Any] = null()
        if course.name not in self.absent:
            joined = joined.outerjoin(course, course.c.id == user_course.c.courseId)
            name = course.c.name
        if review.name not in self.absent:
            own = and_(review.c.userId == user_course.c.userId, review.c.courseId == user_course.c.courseId)
            joined = joined.outerjoin(review, own)
            rating = case((review.c.rating >= GOOD_RATING, review.c.rating))
        latest = func.coalesce(user_course.c.completedAt, user_course.c.updatedAt)
        best_first = [rating.desc().nulls_last(), latest.desc().nulls_last(), user_course.c.courseId]
        ranked = (
            select(
                user_course.c.userId.label("user_id"),
                func.count().over(partition_by=user_course.c.userId).label("completed"),
                cast(name, Text).label("best"),
                func.row_number().over(partition_by=user_course.c.userId, order_by=best_first).label("place"),
            )
            .select_from(joined)
            .where(user_course.c.status == _COMPLETED, user_course.c.userId.in_(select(of.c.user_id)))
            .subquery("ranked")
        )
        return (
            select(ranked.c.user_id, ranked.c.completed, ranked.c.best).where(ranked.c.place == 1).subquery()
        )


def _empty(**types: Any) -> FromClause:
    """Return a subquery without rows, with columns of these names and types."""
    columns = [cast(null(), type_).label(label) for label, type_ in types.items()]
    return select(*columns).where(false()).subquery()


def _columns_present(connection: Connection) -> dict[str, set[str]]:
    """Return the columns of each table that an unqualified name finds."""
    rows = connection.execute(
        text(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE pg_table_is_visible(c.oid) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            " AND a.attnum > 0 AND NOT a.attisdropped AND c.relname = ANY(:names)"
        ),
        {"names": [table.name for table in REQUIRED + OPTIONAL]},
    )
    present: dict[str, set[str]] = {}
    for table, column in rows:
        present.setdefault(table, set()).add(column)
    return present


def _lacking(table: Table, present: dict[str, set[str]]) -> list[str]:
    """Return the columns that can't be done without and aren't there."""
    needed = [column.name for column in table.c if column not in FOR_ACCOUNTS]
    return [name for name in needed if name not in present.get(table.name, set())]


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
