"""Whoever *Why this user?* says will get a campaign or a reminder gets one, and nobody else does."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from reengagement import explaining, planner
from reengagement.audience import HELD_BACK, LAPSED
from reengagement.explaining import COMING, Explanation
from reengagement.settings import Settings
from tests.people import People
from tests.test_planner import settle

RULES = {"honour_host_settings": "true", "holdout_share": "0.3"}


@pytest.fixture
def why(engine: Engine, settings: Settings, people: People):
    """Explain a user `days` after the test's now; nothing is kept of it."""

    def explain(user_id: str, days: float = 0, **rules: str) -> Explanation:
        chosen = settings.model_copy(update={"rules": rules})
        with engine.connect() as connection:
            return explaining.explain(connection, chosen, user_id, people.now + timedelta(days=days))

    return explain


def crowd(people: People, size: int, seed: int) -> list[str]:
    """Add users of every kind: few steps and many, just away and long, opted out, refusing."""
    chance = random.Random(seed)
    names = [f"user-{number:03}" for number in range(size)]
    for name in names:
        days_ago = chance.choice([None, 1, 4.99, 5, 6, 9, 13, 20, 20, 25, 31, 40, 59, 60, 61, 90])
        people.add(name, days_ago=days_ago, steps=chance.choice([1, 2, 2, 3, 7]))
    for name in names:
        if chance.random() < 0.08:
            people.execute('INSERT INTO "ReengagementOptOut" VALUES (:id, :at)', id=name, at=people.now)
        if chance.random() < 0.08:
            people.execute(
                'INSERT INTO "ReengagementSettings" ("userId", enabled) VALUES (:id, false)', id=name
            )
    return names


def live(people: People, names: list[str], day: float, chance: random.Random) -> None:
    """Let a run's reminders leave or not, some wait, one be an older system's, and some users come back."""
    newest = '"runId" = (SELECT max(id) FROM "ReengagementRun")'
    settle(people, day, sent=chance.random() < 0.8)
    for what, share in (('"settledAt" = NULL', "[0-3]"), ('"runId" = NULL', "[45]")):
        people.execute(
            f'UPDATE "ReengagementNotification" SET {what} WHERE {newest} AND "campaignId" SIMILAR TO :ids',
            ids=f"%{share}",
        )
    for name in chance.sample(names, len(names) // 12):
        people.move_steps(name, people.now + timedelta(days=day + chance.choice([-6, -1, 0.3, 0.9])))


def with_rules(settings: Settings) -> Settings:
    return settings.model_copy(update={"rules": RULES})


def run(people: People, engine: Engine, settings: Settings, day: float) -> planner.RunReport:
    now = people.now + timedelta(days=day)
    return planner.run(engine, with_rules(settings), started_by="test", now=now)


def account(
    people: People, engine: Engine, settings: Settings, why, names: list[str], day: float
) -> set[str]:
    """Explain everyone, then run, and compare; return which words of COMING and which reasons were met."""
    said = {name: why(name, day, **RULES) for name in names}
    planned = planner.dry_run(engine, with_rules(settings), now=people.now + timedelta(days=day))
    report = run(people, engine, settings, day)
    opened = people.rows(
        'SELECT "userId" FROM "ReengagementCampaign" WHERE "runId" = :run', run=report.run_id
    )
    reminded = people.rows(
        'SELECT c."userId", n.level FROM "ReengagementNotification" n'
        ' JOIN "ReengagementCampaign" c ON c.id = n."campaignId" WHERE n."runId" = :run',
        run=report.run_id,
    )
    closed = people.rows(
        'SELECT "userId", "closedReason" FROM "ReengagementCampaign" WHERE "closedAt" = :at', at=report.now
    )
    assert {name for name, one in said.items() if one.opens} == {row["userId"] for row in opened}
    assert {name for name, one in said.items() if not one.standing.failed} == {
        row["userId"] for row in opened
    }
    assert {
        (name, one.next.level) for name, one in said.items() if one.coming == "reminder" and one.next
    } == {(row["userId"], row["level"]) for row in reminded}
    assert {(name, one.closes) for name, one in said.items() if one.closes} == {
        (row["userId"], row["closedReason"]) for row in closed
    }
    kept_back = [one.next.kept_back for one in said.values() if one.next and one.next.kept_back]
    assert planned.kept_back == {reason: kept_back.count(reason) for reason in set(kept_back)}
    assert planned.scheduled_notifications == len(reminded)
    return {one.coming for one in said.values()} | {
        name for one in said.values() for name in one.standing.failed
    }


DAYS = (0, 3, 7, 12, 20, 25, 33, 34.5)


@pytest.mark.parametrize(
    ("size", "looked_at", "seed"),
    [
        (40, (3, 25, 34.5), 5),
        pytest.param(150, DAYS, 2, marks=pytest.mark.long),
        pytest.param(150, DAYS, 3, marks=pytest.mark.long),
    ],
)
def test_whoever_is_said_to_get_a_campaign_or_a_reminder_gets_one_and_nobody_else(
    people, engine, settings, why, size, looked_at, seed
):
    """A1-A5, B1-B5: the explanation of everyone in a varied crowd, beside what a run then does."""
    names, chance = crowd(people, size, seed), random.Random(seed)
    met: set[str] = set()
    for day in DAYS:
        if day in looked_at:
            met |= account(people, engine, settings, why, names, day)
        else:
            run(people, engine, settings, day)
        live(people, names, day, chance)
    assert met >= {*HELD_BACK, *LAPSED, *COMING}
