"""The test guide that the product was asked for with: its SQL as written, its outcomes in its order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import make_url

from reengagement import metrics
from tests.people import People

ROOT = Path(__file__).parent.parent

FIND_USERS = """SELECT id, username, email FROM "User" WHERE role = 'USER' LIMIT 5;"""

SIX_DAYS_AGO = """
UPDATE "UserStep"
SET "updatedAt" = NOW() - INTERVAL '6 days'
WHERE "userTrainingId" IN (
  SELECT id FROM "UserTraining" WHERE "userId" = 'USER_ID_HERE'
)
AND status = 'COMPLETED';
"""

CAMPAIGN = """
SELECT * FROM "ReengagementCampaign"
WHERE "userId" = 'USER_ID_HERE'
ORDER BY "createdAt" DESC
LIMIT 1;
"""

NOTIFICATIONS = """
SELECT * FROM "ReengagementNotification"
WHERE "campaignId" IN (
  SELECT id FROM "ReengagementCampaign"
  WHERE "userId" = 'USER_ID_HERE'
)
ORDER BY "createdAt" DESC;
"""

ALL_STEPS_SIX_DAYS_AGO = """
UPDATE "UserStep"
SET "updatedAt" = NOW() - INTERVAL '6 days'
WHERE "userTrainingId" IN (
  SELECT id FROM "UserTraining" WHERE "userId" = 'TEST_USER_ID'
);
"""

A_NEW_STEP = """
INSERT INTO "UserStep" ("id", "userTrainingId", "dayNumber", "stepIndex", "status", "createdAt", "updatedAt")
VALUES (
  gen_random_uuid(),
  'USER_TRAINING_ID',
  1,
  1,
  'COMPLETED',
  NOW(),
  NOW()
);
"""

USERS_WITH_A_DOG = """
SELECT u.id, u.username, p."dogName"
FROM "User" u
LEFT JOIN "Profile" p ON u.id = p."userId"
WHERE p."dogName" IS NOT NULL
LIMIT 5;
"""

TEXTS = """
SELECT title, body FROM "ReengagementNotification"
WHERE "campaignId" IN (
  SELECT id FROM "ReengagementCampaign"
  WHERE "userId" = 'USER_WITH_DOG_ID'
);
"""

ENOUGH_STEPS = """
SELECT ut."userId", COUNT(*) as completed_steps
FROM "UserStep" us
JOIN "UserTraining" ut ON us."userTrainingId" = ut.id
WHERE us.status = 'COMPLETED'
GROUP BY ut."userId"
HAVING COUNT(*) >= 2;
"""

SUBSCRIPTIONS = """SELECT * FROM "PushSubscription" WHERE "userId" = 'USER_ID';"""


@pytest.fixture
def psql(clone_url: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection as psql makes one: what it executes is committed."""
    address = make_url(clone_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def run_planner(clone_url: str):
    """`python -m reengagement COMMAND --json`, as an operator types it."""

    def run(*command: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "reengagement", *(command or ("plan",)), "--json"],
            env={**os.environ, "DATABASE_URL": clone_url},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def guide(engine) -> People:
    """People as the guide finds them: active ones, with trainings and steps."""
    people = People(engine, datetime.fromisoformat("2020-01-01"))
    people.now = people.one("SELECT (now() AT TIME ZONE 'UTC')::timestamp(3) AS now")["now"]
    people.add("USER_ID_HERE", days_ago=1, name="anna", email="anna@example.org")
    people.add("TEST_USER_ID", days_ago=1, name="boris")
    people.add("USER_WITH_DOG_ID", days_ago=1, name="vera", dog="Барни")
    people.add("USER_ID", days_ago=1, steps=1, name="gleb")
    people.add("admin", days_ago=1, role="ADMIN", name="admin")
    return people


def totals(engine) -> metrics.Totals:
    with engine.connect() as connection:
        return metrics.totals(connection)


def test_way_1_through_the_panel(psql, run_planner, guide, engine):
    """A1, A2, B1, D1, F2: steps 1 to 5 of way 1, in its order."""
    # Step 1: a user for the test, six days inactive.
    found = psql.execute(FIND_USERS).fetchall()
    assert {"id": "USER_ID_HERE", "username": "anna", "email": "anna@example.org"} in found
    assert all(row["id"] != "admin" for row in found)
    before = totals(engine)
    assert psql.execute(SIX_DAYS_AGO).rowcount == 2
    # Step 2: run the planner.
    report = run_planner()
    assert (report["newCampaigns"], report["scheduledNotifications"], report["closedCampaigns"]) == (1, 1, 0)
    # Step 3: the figures.
    after = totals(engine)
    assert (after.campaigns, after.active) == (before.campaigns + 1, before.active + 1)
    # Step 4: the database.
    campaign = psql.execute(CAMPAIGN).fetchone()
    assert campaign is not None
    assert campaign["isActive"] is True
    assert campaign["currentLevel"] == 1
    assert campaign["nextNotificationDate"] == campaign["lastActivityDate"] + timedelta(days=5)
    assert campaign["totalNotificationsSent"] == 0
    (notification,) = psql.execute(NOTIFICATIONS).fetchall()
    # Step 5: the work in the queue.
    assert (notification["campaignId"], notification["level"]) == (campaign["id"], 1)
    assert (notification["sent"], notification["fannedOutAt"], notification["settledAt"]) == (
        False,
        None,
        None,
    )
    with engine.connect() as connection:
        assert metrics.waiting(connection).notifications == 1


def test_way_2_inactive_users_are_listed(psql, run_planner, guide):
    """A5: days of inactivity, completed steps, active campaign."""
    psql.execute(SIX_DAYS_AGO)
    expected = {"userId": "USER_ID_HERE", "daysSinceActivity": 6, "totalCompletions": 2}
    (user,) = run_planner("inactive")
    assert {key: user[key] for key in expected} == expected
    assert user["hasActiveCampaign"] is False
    assert datetime.fromisoformat(user["lastActivityDate"])
    run_planner()
    assert run_planner("inactive")[0]["hasActiveCampaign"] is True


def test_way_3_a_user_left_and_came_back(psql, run_planner, guide):
    """B1, B2, B4: the full scenario."""
    psql.execute(ALL_STEPS_SIX_DAYS_AGO)
    assert run_planner()["newCampaigns"] == 1
    campaign = 'SELECT * FROM "ReengagementCampaign" WHERE "userId" = \'TEST_USER_ID\''
    (first,) = psql.execute(campaign).fetchall()
    assert first["currentLevel"] == 1
    assert len(psql.execute('SELECT * FROM "ReengagementNotification"').fetchall()) == 1
    psql.execute(A_NEW_STEP.replace("USER_TRAINING_ID", "training-TEST_USER_ID"))
    assert run_planner()["closedCampaigns"] == 1
    (closed,) = psql.execute(campaign).fetchall()
    assert (closed["isActive"], closed["returned"]) == (False, True)
    step = psql.execute(
        'SELECT max("updatedAt") AS at FROM "UserStep" WHERE "userTrainingId" = \'training-TEST_USER_ID\''
    ).fetchone()
    assert step is not None
    assert closed["returnedAt"] == step["at"]


def test_way_4_the_dogs_name_stands_in_the_text(psql, run_planner, guide):
    """C3: also for a user who came back in way 3 and whose steps are moved back again."""
    found = psql.execute(USERS_WITH_A_DOG).fetchall()
    assert found == [{"id": "USER_WITH_DOG_ID", "username": "vera", "dogName": "Барни"}]
    six_days_ago = ALL_STEPS_SIX_DAYS_AGO.replace("TEST_USER_ID", "USER_WITH_DOG_ID")
    psql.execute(six_days_ago)
    assert run_planner()["newCampaigns"] == 1
    (text,) = psql.execute(TEXTS).fetchall()
    assert "Барни" in text["title"] + text["body"]
    psql.execute(A_NEW_STEP.replace("USER_TRAINING_ID", "training-USER_WITH_DOG_ID"))
    assert run_planner()["closedCampaigns"] == 1
    psql.execute(six_days_ago)
    assert run_planner()["newCampaigns"] == 1
    assert len(psql.execute(TEXTS).fetchall()) == 2, "method 4 after method 3 opens a new campaign"


def test_the_statements_of_the_troubleshooting_part_run_as_written(psql, guide):
    """A2, D4: who has enough steps, and who has a subscription."""
    enough = {row["userId"]: row["completed_steps"] for row in psql.execute(ENOUGH_STEPS)}
    assert enough == {"USER_ID_HERE": 2, "TEST_USER_ID": 2, "USER_WITH_DOG_ID": 2, "admin": 2}
    assert psql.execute(SUBSCRIPTIONS).fetchall() == []


def test_the_checklist_nobodys_setting_is_asked(psql, run_planner, guide):
    """A4: «НЕ проверяется настройка reengagementSettings.enabled»."""
    psql.execute('INSERT INTO "ReengagementSettings" ("userId", enabled) VALUES (\'USER_ID_HERE\', false)')
    psql.execute(SIX_DAYS_AGO)
    assert run_planner()["newCampaigns"] == 1
