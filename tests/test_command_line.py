"""The command line: what each command prints, as text and as JSON, and how it ends."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reengagement import runs, settings, vapid
from reengagement.__main__ import EXIT_ALREADY_RUNNING, cli
from reengagement.demo import phone, push_service
from tests.people import People


@pytest.fixture
def people(engine) -> People:
    """Users whose steps are dated by the database's own clock."""
    people = People(engine, None)
    people.now = people.one("SELECT (now() AT TIME ZONE 'UTC')::timestamp(3) AS now")["now"]
    return people


@pytest.fixture
def run(clone_url: str, monkeypatch: pytest.MonkeyPatch):
    """Run a command in this process, with the settings of an operator's environment."""

    def run(*words: str, **environment: str) -> Result:
        monkeypatch.setenv("DATABASE_URL", clone_url)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.load.cache_clear()
        try:
            return CliRunner().invoke(cli, list(words), catch_exceptions=False)
        finally:
            settings.load.cache_clear()

    return run


def read(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_explains_itself(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert len(result.output) > 150


def test_a_word_that_is_no_command_is_wrong_usage(run):
    assert run("plna").exit_code == 2
    assert run("plan", "--now", "tomorrow").exit_code == 2


def test_migrate_says_whether_anything_changed(run):
    assert read(run("migrate", "--json"))["changed"] is False


def test_plan_has_the_old_systems_own_names_and_more(run, people):
    people.add("alice", days_ago=6)
    report = read(run("plan", "--json"))
    assert {name: report[name] for name in ("newCampaigns", "scheduledNotifications", "closedCampaigns")} == {
        "newCampaigns": 1,
        "scheduledNotifications": 1,
        "closedCampaigns": 0,
    }
    again = run("plan")
    assert "New campaigns: 0" in again.stdout
    assert "no new campaign for: has campaign 1" in again.stdout


def test_a_dry_run_prints_who_would_get_what_and_changes_nothing(run, people):
    people.add("alice", days_ago=6, dog="Барни")
    report = read(run("plan", "--dry-run", "--json"))
    (reminder,) = report["reminders"]
    assert (reminder["userId"], reminder["level"], reminder["daysSinceActivity"]) == ("alice", 1, 6)
    assert "Барни" in reminder["title"] + reminder["body"]
    assert "nothing was changed" in run("plan", "--dry-run").stdout
    assert people.rows('SELECT 1 FROM "ReengagementRun"') == []


def test_plan_acts_as_at_the_time_given(run, people):
    people.add("alice", days_ago=1)
    later = (people.now + timedelta(days=4)).isoformat()
    assert read(run("plan", "--dry-run", "--json"))["newCampaigns"] == 0
    assert read(run("plan", "--json", "--now", later))["newCampaigns"] == 1


def test_a_time_with_an_offset_is_that_moment(run):
    shown = read(run("plan", "--dry-run", "--json", "--now", "2026-03-20T08:00+03:00"))
    assert shown["now"] == "2026-03-20T05:00:00Z"


def test_e1_plan_scheduled_shares_the_days_row_and_ends_with_0_when_it_is_done(run):
    always = {"REENGAGEMENT_RUN_AT": "00:00", "REENGAGEMENT_RUN_UNTIL": "23:59:59.999"}
    assert "runId" in read(run("plan", "--scheduled", "--json", **always))
    again = run("plan", "--scheduled", **always)
    assert again.exit_code == 0
    assert "is done already" in again.stdout


def test_another_run_under_way_has_an_exit_code_of_its_own(run, engine):
    with engine.begin() as busy:
        runs.take_lock(busy)
        result = run("plan")
    assert result.exit_code == EXIT_ALREADY_RUNNING
    assert "wait for it to end" in result.stderr


def test_deliver_sends_what_is_due_in_this_process(run, people):
    people.add("alice", days_ago=6)
    run("plan")
    with push_service.running() as push:
        people.subscribe("alice", *phone.subscription_of(push.origin, "alice"))
        private_key, _ = vapid.make_vapid_keys()
        environment = {
            "VAPID_PRIVATE_KEY": private_key,
            "VAPID_SUBJECT": "mailto:ops@example.org",
            "REENGAGEMENT_PUSH_ORIGINS": push.origin,
        }
        report = read(run("deliver", "--json", **environment))
        assert len(push.arrived()) == 1
    assert report == {"fannedOut": 1, "deliveries": {"accepted": 1}}
    assert "none were due" in run("deliver").stdout


def test_deliver_without_keys_says_how_to_make_them(run):
    result = run("deliver")
    assert result.exit_code == 1
    assert "python -m reengagement vapid" in result.stderr


def test_vapid_prints_a_pair_that_belongs_together(run):
    pair = read(run("vapid", "--json"))
    assert vapid.public_key_of(pair["VAPID_PRIVATE_KEY"]) == pair["publicKey"]
    assert "VAPID_PRIVATE_KEY=" in run("vapid").stdout


def test_status_tells_what_to_mend(run, people):
    people.step(people.add("alice", days_ago=6), people.now + timedelta(hours=3))
    people.execute('DROP TABLE "CourseReview"')
    report = read(run("status", "--json"))
    assert report["absent_tables"] == ["CourseReview"]
    told = " ".join(report["warnings"])
    for words in ("No consumer is alive", "VAPID_PRIVATE_KEY", "dated in the future"):
        assert words in told
    assert run("status").exit_code == 0
    assert run("status", "--check").exit_code == 1
    assert "Last run: none yet" in run("status").stdout


def test_pause_and_resume_say_what_they_did(run):
    assert "is paused" in run("pause").stdout
    assert "was paused already" in run("pause").stdout
    assert "Sending is paused" in run("status").stdout
    assert "goes on" in run("resume").stdout
    assert "wasn't paused" in run("resume").stdout


def test_f1_a_sign_in_link_is_printed(run):
    assert run("sign-in-link").stdout.startswith("http://localhost:8501/")


def test_simulate_refuses_a_host_that_has_users(run, people):
    people.add("alice", days_ago=6)
    result = run("simulate", "--users", "3", "--days", "2")
    assert result.exit_code == 1
    assert "users" in result.stderr
