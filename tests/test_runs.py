"""The run's row: what it tells of runs that end well, badly, or not at all; and when one is due."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from reengagement import planner, runs
from reengagement.errors import AlreadyRunning, HostError
from reengagement.rules import Rules
from reengagement.settings import Settings
from tests.people import People

ROOT = Path(__file__).parent.parent


def states(people: People) -> list[tuple[str, str | None]]:
    rows = people.rows('SELECT state, error FROM "ReengagementRun" ORDER BY id')
    return [(row["state"], row["error"]) for row in rows]


def test_e3_every_run_is_a_row_with_who_when_and_the_counts(people, engine, settings):
    people.add("alice", days_ago=6)
    planner.run(engine, settings, started_by="Мария", now=people.now)
    row = people.one('SELECT * FROM "ReengagementRun"')
    assert (row["kind"], row["startedBy"], row["state"], row["error"]) == ("manual", "Мария", "done", None)
    assert (row["newCampaigns"], row["scheduledNotifications"], row["closedCampaigns"]) == (1, 1, 0)
    assert row["finishedAt"] >= row["startedAt"]
    assert row["now"] == people.now
    assert row["counts"]["inactive"] == 1
    assert row["rules"]["level_days"] == [5, 12, 20, 30]


def test_e3_a_run_that_fails_says_so_writes_nothing_and_the_next_does_the_rest(people, engine, settings):
    people.add("alice", days_ago=6)
    people.execute('ALTER TABLE "PushSubscription" RENAME TO "Elsewhere"')
    with pytest.raises(HostError, match='"PushSubscription"'):
        planner.run(engine, settings, started_by="test", now=people.now)
    ((state, error),) = states(people)
    assert state == "failed"
    assert "PushSubscription" in error
    assert people.rows('SELECT 1 FROM "ReengagementCampaign"') == []
    people.execute('ALTER TABLE "Elsewhere" RENAME TO "PushSubscription"')
    assert planner.run(engine, settings, started_by="test", now=people.now).new_campaigns == 1


def test_e3_a_statement_that_fails_late_leaves_nothing_half_done(people, engine, settings):
    people.add("alice", days_ago=6)
    people.execute(
        "ALTER TABLE \"ReengagementNotification\" ADD CONSTRAINT broken CHECK (title = '') NOT VALID"
    )
    with pytest.raises(Exception, match="broken"):
        planner.run(engine, settings, started_by="test", now=people.now)
    ((state, error),) = states(people)
    assert state == "failed"
    assert "broken" in error
    assert people.rows('SELECT 1 FROM "ReengagementCampaign"') == []


def test_e3_a_run_that_meets_another_says_already_running(people, engine, settings):
    with engine.begin() as other:
        assert runs.take_lock(other)
        with pytest.raises(AlreadyRunning):
            planner.run(engine, settings, started_by="test", now=people.now)
    assert [state for state, _ in states(people)] == ["already_running"]


KILLED_IN_THE_MIDDLE = """
import sys, time
from datetime import datetime
from reengagement import database, planner
from reengagement.settings import parse

def stop_here(stage):
    if stage == "writing":
        print("in the middle", flush=True)
        time.sleep(60)

settings = parse({"DATABASE_URL": sys.argv[1]})
engine = database.make_engine(sys.argv[1])
now = datetime.fromisoformat(sys.argv[2])
planner.run(engine, settings, started_by="victim", now=now, progress=stop_here)
"""


def test_e3_a_run_killed_in_the_middle_is_crashed_and_the_next_does_its_work(
    people, engine, settings, clone_url
):
    people.add("alice", days_ago=6)
    victim = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED_IN_THE_MIDDLE), clone_url, people.now.isoformat()],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"in the middle\n"
    assert states(people) == [("running", None)]
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    _wait_until_lock_is_free(engine)
    assert people.rows('SELECT 1 FROM "ReengagementCampaign"') == []
    assert planner.run(engine, settings, started_by="test", now=people.now).new_campaigns == 1
    assert [state for state, _ in states(people)] == ["crashed", "done"]


def _wait_until_lock_is_free(engine: Engine) -> None:
    for _ in range(100):
        with engine.begin() as connection:
            if runs.take_lock(connection):
                return
        time.sleep(0.1)
    raise AssertionError("the lock of a killed run was never freed")


def test_the_tick_notices_a_crash_before_the_next_run(people, engine, settings):
    people.execute(
        'INSERT INTO "ReengagementRun" (kind, "startedBy", now, "localDate", "startedAt", state)'
        " VALUES ('manual', 'x', :at, :at, :at, 'running')",
        at=people.now,
    )
    with engine.begin() as busy:
        runs.take_lock(busy)
        runs.notice_crashes(engine)
        assert [state for state, _ in states(people)] == ["running"]
    runs.notice_crashes(engine)
    assert [state for state, _ in states(people)] == ["crashed"]


def test_b2_two_planners_racing_fifty_times_never_double_anything(people, engine, settings):
    """B2: on two connections, 50 times; the winner does all, the loser says so or finds it done."""
    for number in range(3):
        people.add(f"user-{number}", days_ago=6)

    def one_run(_: int) -> int:
        try:
            return planner.run(engine, settings, started_by="racer", now=people.now).new_campaigns
        except AlreadyRunning:
            return 0

    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            people.execute('DELETE FROM "ReengagementCampaign"')
            opened = list(pool.map(one_run, range(2)))
            assert sorted(opened) == [0, 3]
            row = people.one(
                'SELECT (SELECT count(*) FROM "ReengagementCampaign") AS campaigns,'
                ' (SELECT count(*) FROM "ReengagementNotification") AS notifications'
            )
            assert (row["campaigns"], row["notifications"]) == (3, 3)


def test_b2_the_database_itself_refuses_a_second_active_campaign(people, engine, settings):
    people.add("alice", days_ago=6)
    planner.run(engine, settings, started_by="test", now=people.now)
    with pytest.raises(Exception, match="ReengagementCampaign_userId_active_key"):
        people.execute(
            'INSERT INTO "ReengagementCampaign" (id, "userId", "lastActivityDate", "campaignStartDate",'
            " \"createdAt\", \"updatedAt\") VALUES ('second', 'alice', :at, :at, :at, :at)",
            at=people.now,
        )


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    """A Moscow time of March 2026 as naive UTC."""
    return datetime(2026, 3, day, hour, minute) - timedelta(hours=3)


@pytest.fixture
def installed(people: People) -> People:
    people.execute(
        "UPDATE \"ReengagementSetting\" SET value = to_jsonb(CAST(:at AS text)) WHERE name = 'installed_at'",
        at=datetime(2026, 3, 1).isoformat(),
    )
    return people


def due(engine: Engine, now: datetime) -> bool:
    with engine.connect() as connection:
        return runs.is_due(connection, Rules(), now)


def unsuccessful(people: People, moment: datetime, state: str) -> None:
    people.execute(
        'INSERT INTO "ReengagementRun"'
        ' (kind, "startedBy", now, "localDate", "startedAt", "finishedAt", state)'
        " VALUES ('scheduled', 'x', :at, :day, :at, :at, :state)",
        at=moment,
        day=moment.date(),
        state=state,
    )


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(7, 59, False), (8, 0, True), (15, 0, True), (20, 0, True), (20, 1, False), (23, 30, False)],
)
def test_e1_due_from_eight_in_moscow_and_made_up_until_twenty(installed, engine, hour, minute, expected):
    assert due(engine, at(hour, minute)) is expected


def test_e1_not_due_if_installed_after_eight_of_that_day(people, engine):
    people.execute(
        "UPDATE \"ReengagementSetting\" SET value = to_jsonb(CAST(:at AS text)) WHERE name = 'installed_at'",
        at=at(8, 1).isoformat(),
    )
    assert not due(engine, at(9))
    assert due(engine, at(8, 0, day=21))


def test_e1_once_a_day_and_runs_by_hand_do_not_count(installed, engine, settings):
    planner.run(engine, settings, started_by="Мария", now=at(8))
    assert due(engine, at(8, 1))
    planner.run(engine, settings, kind="scheduled", started_by="schedule", now=at(8, 1))
    assert not due(engine, at(8, 2))
    with pytest.raises(runs.NotDue):
        planner.run(engine, settings, kind="scheduled", started_by="schedule", now=at(8, 2))
    assert due(engine, at(8, 0, day=21))


def test_e1_two_machines_at_eight_make_one_scheduled_run(installed, engine, settings):
    def one_run(_: int) -> str:
        try:
            planner.run(engine, settings, kind="scheduled", started_by="schedule", now=at(8))
        except (AlreadyRunning, runs.NotDue) as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(2) as pool:
        for day in range(10):
            installed.execute('DELETE FROM "ReengagementRun"')
            assert list(pool.map(one_run, range(2))).count("done") == 1, day


def test_e1_a_failed_run_is_tried_again_after_1_5_and_30_minutes_then_no_more(installed, engine):
    moment = at(8)
    for wait in (1, 5, 30):
        unsuccessful(installed, moment, "failed")
        assert not due(engine, moment + timedelta(minutes=wait) - timedelta(seconds=1))
        moment += timedelta(minutes=wait)
        assert due(engine, moment)
    unsuccessful(installed, moment, "crashed")
    assert not due(engine, at(19))


def test_b5_a_run_seconds_earlier_three_days_later_still_finds_the_gap_over():
    rules = Rules()
    assert runs.planning_time(rules, at(8) + timedelta(seconds=40)) == at(8)
    assert runs.planning_time(rules, at(8, 10)) == at(8)
    assert runs.planning_time(rules, at(8, 11)) == at(8, 11)
    assert runs.planning_time(rules, at(7, 50)) == at(8)
    assert runs.planning_time(rules, at(7, 49)) == at(7, 49)


@pytest.mark.parametrize(("hour", "minute"), [(7, 50), (8, 0), (20, 0)])
def test_e1_crons_run_is_made_at_its_hour_give_or_take(people, engine, settings, hour, minute):
    planner.run(engine, settings, kind="scheduled", started_by="cron", now=at(hour, minute))
    assert [state for state, _ in states(people)] == ["done"]


@pytest.mark.parametrize(("hour", "minute"), [(0, 0), (7, 49), (20, 1), (23, 30)])
def test_e1_crons_run_is_not_made_at_night(people, engine, settings, hour, minute):
    with pytest.raises(runs.NotDue, match="between 08:00 and 20:00"):
        planner.run(engine, settings, kind="scheduled", started_by="cron", now=at(hour, minute))
    assert states(people) == []


def test_a_run_against_a_database_that_is_not_migrated_says_what_to_do(cluster_url, settings):
    from reengagement import database
    from reengagement.errors import NotMigrated

    engine = database.make_engine(cluster_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT to_regclass('\"ReengagementRun\"')")).scalar() is None
    with pytest.raises(NotMigrated, match="python -m reengagement migrate"):
        planner.run(engine, settings, started_by="test")
    engine.dispose()


def test_stages_are_told_in_order(people, engine, settings: Settings):
    seen: list[str] = []
    planner.run(engine, settings, started_by="test", now=people.now, progress=seen.append)
    assert tuple(seen) == planner.STAGES
