"""A database of reminders that are due, for the benchmarks: written by SQL, not by people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, make_url, text

from reengagement import database, embedded, migrations
from reengagement.demo import sample
from reengagement.settings import default_data_dir

NAME = "reengagement_bench"

_STATEMENTS = (
    """INSERT INTO "User" (id, username, email, password, role, "createdAt", "updatedAt")
       SELECT 'user-' || n, 'user ' || n, NULL, '', 'USER', :old, :old FROM generate_series(1, :many) n""",
    """INSERT INTO "UserTraining" SELECT 'training-' || n, 'user-' || n, :old, :old
       FROM generate_series(1, :many) n""",
    """INSERT INTO "UserStep" SELECT 'step-' || n, 'training-' || n, 1, 1, 'COMPLETED', :old, :old
       FROM generate_series(1, :many) n""",
    """INSERT INTO "PushSubscription" (id, "userId", endpoint, keys, "createdAt", "updatedAt")
       SELECT 'subscription-' || n, 'user-' || n, :origin || '/push/' || n,
              CAST(:keys AS jsonb) -> (n % :different), :old, :old
       FROM generate_series(1, :many) n""",
    """INSERT INTO "ReengagementCampaign" (id, "userId", "lastActivityDate", "campaignStartDate",
           "nextNotificationDate", "createdAt", "updatedAt", "runId", ordinal)
       SELECT 'campaign-' || n, 'user-' || n, :old, :now, :now, :now, :now, 1, 1
       FROM generate_series(1, :many) n""",
    """INSERT INTO "ReengagementNotification" (id, "campaignId", level, "messageType", "variantId", title,
           body, url, "createdAt", "runId", "queuedAt", "expiresAt")
       SELECT 'campaign-' || n || '-1', 'campaign-' || n, 1, 'emotional', 'bench', 'Рекс скучает по занятиям',
              'Пять минут сегодня, и навык вернётся. Начните с того, что уже получалось.', '/trainings',
              :now, 1, :now, :later
       FROM generate_series(1, :many) n""",
)


@contextmanager
def empty_database(name: str = NAME, folder: Path | None = None) -> Iterator[str]:
    """Yield the address of a migrated database of an embedded PostgreSQL, dropped at the end."""
    cluster = embedded.ensure_running(folder or default_data_dir().with_name("reengagement-bench"))
    url = make_url(cluster).set(database=name).render_as_string(hide_password=False)
    execute(cluster, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    engine = database.make_engine(url)
    with engine.begin() as connection:
        sample.create_host_tables(connection)
    migrations.migrate(engine)
    engine.dispose()
    try:
        yield url
    finally:
        execute(cluster, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: str, *statements: str) -> None:
    """Execute each statement by itself."""
    engine = database.make_engine(url)
    with database.autocommit(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def fill(engine: Engine, origin: str, keys: Sequence[dict[str, Any]], many: int) -> None:
    """Write `many` users with one phone and one waiting reminder each; their keys repeat."""
    with engine.begin() as connection:
        now = database.clock(connection)
        values = {
            "many": many,
            "origin": origin,
            "keys": json.dumps(list(keys)),
            "different": len(keys),
            "now": now,
            "old": now - timedelta(days=6),
            "later": now + timedelta(hours=24),
        }
        for statement in _STATEMENTS:
            connection.execute(text(statement), values)
    with database.autocommit(engine) as connection:
        connection.execute(text("VACUUM ANALYZE"))
