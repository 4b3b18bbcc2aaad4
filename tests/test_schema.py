"""The migrated schema is the declared one, and an older system's tables are adopted without loss."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from huey.storage import PostgresStorage
from sqlalchemy import Connection, Engine, make_url, text

from reengagement import broker, database, migrations, planner
from reengagement.demo import sample
from reengagement.errors import NotMigrated
from reengagement.settings import parse
from reengagement.tables import metadata
from tests.conftest import _execute, database_named
from tests.people import People

COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind = 'r' AND c.relname = ANY(:tables)
"""
CONSTRAINTS = """
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relname = ANY(:tables) AND k.contype <> 'n'
"""
INDEXES = """
SELECT tablename, indexname, replace(indexdef, :schema || '.', '')
FROM pg_indexes WHERE schemaname = :schema AND tablename = ANY(:tables)
"""


def described(connection: Connection, schema: str) -> set[tuple[Any, ...]]:
    values = {"schema": schema, "tables": [table.name for table in metadata.sorted_tables]}
    return {
        tuple(str(each).replace(f"{schema}.", "") for each in row)
        for query in (COLUMNS, CONSTRAINTS, INDEXES)
        for row in connection.execute(text(query), values)
    }


def test_the_migrated_schema_is_the_declared_one(engine: Engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA declared"))
        connection.execute(text("SET LOCAL search_path = declared"))
        metadata.create_all(connection)
        connection.execute(text("SET LOCAL search_path = public"))
        assert described(connection, "public") == described(connection, "declared")


def test_the_brokers_tables_are_those_that_huey_would_make(engine: Engine, clone_url: str):
    address = make_url(clone_url).set(drivername="postgresql").render_as_string(hide_password=False)
    storage = PostgresStorage("x", dsn=address, table_prefix=broker.TABLE_PREFIX, create_tables=False)
    names = ("kv", "schedule", "task", "counter")

    def columns(prefix: str) -> list[Any]:
        query = (
            "SELECT replace(table_name, :prefix, ''), column_name, data_type, is_nullable,"
            " replace(column_default, :prefix, '')"
            " FROM information_schema.columns WHERE table_name = ANY(:tables) ORDER BY 1, 2"
        )
        with engine.connect() as connection:
            tables = [f"{prefix}_{name}" for name in names]
            return list(map(tuple, connection.execute(text(query), {"prefix": prefix, "tables": tables})))

    with engine.begin() as connection:
        for statement in storage.ddl:
            connection.execute(text(statement.replace(broker.TABLE_PREFIX, "plain")))
    assert columns(broker.TABLE_PREFIX) == columns("plain") != []


OLD_TABLES = """
CREATE TABLE "ReengagementCampaign" (
    "id" TEXT NOT NULL, "userId" TEXT NOT NULL, "isActive" BOOLEAN NOT NULL DEFAULT true,
    "currentLevel" INTEGER NOT NULL DEFAULT 1, "lastActivityDate" TIMESTAMP(3) NOT NULL,
    "campaignStartDate" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "lastNotificationSent" TIMESTAMP(3),
    "nextNotificationDate" TIMESTAMP(3), "returned" BOOLEAN NOT NULL DEFAULT false,
    "returnedAt" TIMESTAMP(3), "unsubscribed" BOOLEAN NOT NULL DEFAULT false,
    "totalNotificationsSent" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL,
    CONSTRAINT "ReengagementCampaign_pkey" PRIMARY KEY ("id"));
CREATE TABLE "ReengagementNotification" (
    "id" TEXT NOT NULL, "campaignId" TEXT NOT NULL, "level" INTEGER NOT NULL, "messageType" TEXT NOT NULL,
    "variantId" TEXT NOT NULL, "title" TEXT NOT NULL, "body" TEXT NOT NULL, "url" TEXT,
    "sent" BOOLEAN NOT NULL DEFAULT false, "sentAt" TIMESTAMP(3), "opened" BOOLEAN NOT NULL DEFAULT false,
    "openedAt" TIMESTAMP(3), "clicked" BOOLEAN NOT NULL DEFAULT false, "clickedAt" TIMESTAMP(3),
    "successCount" INTEGER NOT NULL DEFAULT 0, "failedCount" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "ReengagementNotification_pkey" PRIMARY KEY ("id"));
ALTER TABLE "ReengagementCampaign" ADD CONSTRAINT "ReengagementCampaign_userId_fkey"
    FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE;
ALTER TABLE "ReengagementNotification" ADD CONSTRAINT "ReengagementNotification_campaignId_fkey"
    FOREIGN KEY ("campaignId") REFERENCES "ReengagementCampaign"("id") ON DELETE CASCADE;
"""
OLD_CAMPAIGN = (
    'INSERT INTO "ReengagementCampaign" (id, "userId", "isActive", "lastActivityDate", "campaignStartDate",'
    ' returned, "returnedAt", unsubscribed, "updatedAt", "lastNotificationSent")'
    " VALUES (:id, :user, :active, :start, :start, :returned, :returned_at, :unsubscribed, :start, :start)"
)
OLD_NOTIFICATION = (
    'INSERT INTO "ReengagementNotification"'
    ' (id, "campaignId", level, "messageType", "variantId", title, body, sent, "sentAt", "createdAt")'
    " VALUES (:id, :campaign, 1, 'emotional', 'old-1', 'Заголовок', 'Текст', :sent, :at, :at)"
)


@pytest.fixture
def old_product(cluster_url: str, now: datetime):
    """A product that the older system has served for a while; not migrated."""
    _execute(cluster_url, "CREATE DATABASE old_product")
    engine = database.make_engine(database_named(cluster_url, "old_product"))
    with engine.begin() as connection:
        sample.create_host_tables(connection)
        connection.exec_driver_sql(OLD_TABLES)
    people = People(engine, now)
    for user in ("alice", "bob", "charlie"):
        people.add(user, days_ago=6)
    yield people
    engine.dispose()
    _execute(cluster_url, "DROP DATABASE old_product WITH (FORCE)")


def old_campaign(people: People, id: str, user: str, days_ago: float, **values: Any) -> None:
    start = people.now - timedelta(days=days_ago)
    given = {"active": True, "returned": False, "returned_at": None, "unsubscribed": False, **values}
    people.execute(OLD_CAMPAIGN, id=id, user=user, start=start, **given)


def test_an_older_systems_tables_are_adopted_and_nothing_is_lost(old_product: People):
    people = old_product
    old_campaign(people, "first", "alice", 40)
    old_campaign(people, "second", "alice", 1)
    returned_at = people.now - timedelta(days=10)
    old_campaign(people, "third", "bob", 20, active=False, returned=True, returned_at=returned_at)
    old_campaign(people, "fourth", "charlie", 20, active=False, unsubscribed=True)
    for number, sent in enumerate((True, False, False)):
        people.execute(OLD_NOTIFICATION, id=f"n{number}", campaign="second", sent=sent, at=people.now)
    assert migrations.migrate(people.engine)
    assert not migrations.migrate(people.engine)
    rows = {row["id"]: row for row in people.rows('SELECT * FROM "ReengagementCampaign"')}
    assert {key: (row["isActive"], row["closedReason"]) for key, row in rows.items()} == {
        "first": (False, "exhausted"),
        "second": (True, None),
        "third": (False, "returned"),
        "fourth": (False, "opted_out"),
    }
    assert rows["third"]["firstReturnAt"] == returned_at
    assert [row["ordinal"] for row in (rows["first"], rows["second"])] == [1, 2]
    kept = people.one('SELECT * FROM "ReengagementNotification"')
    assert (kept["id"], kept["sent"]) == ("n0", True)
    aside = people.rows('SELECT id, "row" FROM "ReengagementNotificationDuplicate" ORDER BY id')
    assert [(row["id"], row["row"]["title"]) for row in aside] == [("n1", "Заголовок"), ("n2", "Заголовок")]


def test_the_older_writer_still_works_beside_us(old_product: People):
    migrations.migrate(old_product.engine)
    old_campaign(old_product, "written-later", "alice", 1)
    old_product.execute(OLD_NOTIFICATION, id="n", campaign="written-later", sent=False, at=old_product.now)
    settings = parse({"DATABASE_URL": "postgresql://unused"})
    report = planner.run(old_product.engine, settings, started_by="test", now=old_product.now)
    assert (report.new_campaigns, report.scheduled_notifications) == (2, 2), "bob and charlie"


def test_nothing_of_the_hosts_own_tables_is_altered(engine: Engine, cluster_url: str):
    """Design: no columns, constraints, indexes, triggers or views on what is the host's."""
    host_tables = [
        "User", "Profile", "UserTraining", "UserStep", "Course", "UserCourse", "CourseReview",
        "PushSubscription", "ReengagementSettings",
    ]  # fmt: skip
    query = text(
        "SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " JOIN pg_constraint k ON k.oid = t.tgconstraint"
        " WHERE c.relname = ANY(:tables) AND k.conrelid::regclass::text LIKE '%Reengagement%'"
        " AND k.conrelid::regclass::text NOT LIKE '%ReengagementSettings%'"
    )
    with engine.connect() as connection:
        assert connection.execute(query, {"tables": host_tables}).scalar() == 0
        views = "SELECT count(*) FROM pg_views WHERE schemaname = 'public'"
        assert connection.execute(text(views)).scalar() == 0


def test_a_database_of_a_newer_version_is_refused(engine: Engine, people: People):
    people.execute(f"UPDATE \"{migrations.VERSION_TABLE}\" SET version_num = '9999'")
    with engine.connect() as connection, pytest.raises(NotMigrated, match="newer version"):
        migrations.check_migrated(connection)
