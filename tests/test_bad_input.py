"""Bad input: a clear error or a sound result, and one bad user never stops a run for the others."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from reengagement import audience, planner
from reengagement.errors import DatabaseUnreachable, HostError
from reengagement.host import connect
from reengagement.rules import Rules

ROOT = Path(__file__).parent.parent


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as an operator would."""
    return subprocess.run(
        [sys.executable, "-m", "reengagement", *words],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def texts(people) -> dict[str, str]:
    rows = people.rows(
        'SELECT c."userId" AS user, n.title || \' \' || n.body AS text FROM "ReengagementNotification" n'
        ' JOIN "ReengagementCampaign" c ON c.id = n."campaignId"'
    )
    return {row["user"]: row["text"] for row in rows}


def test_hostile_and_odd_names_are_rendered_as_they_are_or_left_out(people, engine, settings):
    """C2, C3: a pet named {dogName} or <script>, emoji, 10,000 characters, no name at all."""
    names = {
        "braces": "{dogName}{userName}",
        "markup": "<script>alert(1)</script>",
        "emoji": "Рекс 🐕‍🦺",
        "long": "Я" * 10_000,
        "blank": "   ",
        "control": "Ре\nкс\x07",
        "percent": "%s \\N \t 'x\"",
    }
    for user, dog in names.items():
        people.add(user, days_ago=6, dog=dog)
    people.execute('ALTER TABLE "User" ALTER COLUMN username DROP NOT NULL')
    people.add("nameless", days_ago=6, name=None)
    report = planner.run(engine, settings, started_by="test", now=people.now)
    assert report.scheduled_notifications == len(names) + 1
    found = texts(people)
    assert "{dogName}{userName}" in found["braces"]
    assert "<script>alert(1)</script>" in found["markup"]
    assert "Рекс" in found["emoji"]
    assert "\n" not in found["control"]
    assert "\x07" not in found["control"]
    assert max(map(len, found.values())) < 350
    for user in ("blank", "nameless"):
        assert "{" not in found[user]


def test_steps_dated_far_in_the_future_stop_nobodys_run(people, engine, settings):
    people.add("alice", days_ago=6)
    people.add("marty", days_ago=6)
    people.step("marty", people.now + timedelta(days=9000))
    assert planner.run(engine, settings, started_by="test", now=people.now).new_campaigns == 2


@pytest.mark.parametrize("table", ["User", "UserTraining", "UserStep", "PushSubscription"])
def test_a_missing_host_table_is_named(people, engine, table):
    people.execute(f'ALTER TABLE "{table}" RENAME TO gone')
    with engine.connect() as connection, pytest.raises(HostError, match=f'"{table}".*DATABASE_URL'):
        connect("dog_training", connection)


def test_a_missing_host_column_is_named_with_its_table(people, engine):
    people.execute('ALTER TABLE "UserStep" RENAME COLUMN status TO state')
    with engine.connect() as connection, pytest.raises(HostError, match='"UserStep" has no column "status"'):
        connect("dog_training", connection)


def test_tables_that_a_host_may_lack_are_treated_as_empty(people, engine, settings):
    people.add("alice", days_ago=6, dog="Барни")
    for table in ("CourseReview", "UserCourse", "Course", "Profile", "ReengagementSettings"):
        people.execute(f'DROP TABLE "{table}"')
    with engine.connect() as connection:
        absent = connect("dog_training", connection).absent
    assert absent == {"CourseReview", "UserCourse", "Course", "Profile", "ReengagementSettings"}
    assert planner.run(engine, settings, started_by="test", now=people.now).scheduled_notifications == 1
    assert "Барни" not in texts(people)["alice"]


def test_an_unknown_host_is_refused_with_the_known_ones(engine):
    with engine.connect() as connection, pytest.raises(HostError, match="known: dog_training"):
        connect("cat_training", connection)


def test_a_stored_variant_that_cannot_be_used_is_passed_over(people, engine, settings):
    people.add("alice", days_ago=6, dog="Барни")
    people.execute(
        'UPDATE "ReengagementVariantRevision" SET body = \'{catName}\' WHERE "variantId" ='
        ' (SELECT min(id) FROM "ReengagementVariant" WHERE level = 1)'
    )
    assert planner.run(engine, settings, started_by="test", now=people.now).scheduled_notifications == 1
    assert "{" not in texts(people)["alice"]


def test_a_level_without_any_text_leaves_its_users_out_and_says_so(people, engine, settings):
    people.add("alice", days_ago=6)
    people.execute('UPDATE "ReengagementVariant" SET enabled = false WHERE level = 1')
    assert planner.run(engine, settings, started_by="test", now=people.now).scheduled_notifications == 0
    assert people.one('SELECT counts FROM "ReengagementRun"')["counts"]["left_out"] == {"no_text": 1}


def test_statuses_may_be_an_enum(cluster_url, now):
    from reengagement import database, migrations
    from reengagement.demo import sample
    from reengagement.settings import parse
    from tests.conftest import _execute, database_named
    from tests.people import People

    _execute(cluster_url, "CREATE DATABASE with_enum")
    engine = database.make_engine(database_named(cluster_url, "with_enum"))
    with engine.begin() as connection:
        sample.create_host_tables(connection, status_type="enum")
    migrations.migrate(engine)
    people = People(engine, now)
    people.execute('CREATE CAST (varchar AS "TrainingStatus") WITH INOUT AS ASSIGNMENT')
    people.add("alice", days_ago=6)
    settings = parse({"DATABASE_URL": "postgresql://unused"})
    assert planner.run(engine, settings, started_by="test", now=now).scheduled_notifications == 1
    with engine.connect() as connection:
        host = connect("dog_training", connection)
        assert len(audience.inactive_users(connection, host, Rules(), now)) == 1
    engine.dispose()
    _execute(cluster_url, "DROP DATABASE with_enum WITH (FORCE)")


def test_an_unreachable_database_is_named_without_its_password():
    from reengagement import database

    engine = database.make_engine("postgresql://someone:hunter2@127.0.0.1:1/x")
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1/x.*DATABASE_URL") as refused:
        database.check_reachable(engine)
    assert "hunter2" not in str(refused.value)


def test_the_command_line_says_it_in_one_sentence_with_exit_code_1():
    done = command("status", DATABASE_URL="postgresql://someone:hunter2@127.0.0.1:1/x")
    assert done.returncode == 1
    assert done.stderr.startswith("reengagement: PostgreSQL at")
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_stops_every_command_in_words():
    done = command("inactive", REENGAGEMENT_LOOKBACK_DAYS="3")
    assert done.returncode == 1
    assert "Did you mean REENGAGEMENT_LOOK_BACK_DAYS?" in done.stderr


def test_a_database_that_is_not_migrated_is_refused_with_the_command_to_run(cluster_url):
    done = command("plan", DATABASE_URL=cluster_url)
    assert done.returncode == 1
    assert "python -m reengagement migrate" in done.stderr


def test_an_unreachable_redis_stops_the_consumer_in_words(clone_url):
    done = subprocess.run(
        ["huey_consumer", "tasks.huey", "-k", "process", "-w", "1"],
        env={**os.environ, "DATABASE_URL": clone_url, "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "Redis at redis://:***@127.0.0.1:1/0 can't be reached" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
