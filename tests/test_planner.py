"""The planner, rule by rule, at both sides of each boundary."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from reengagement import planner
from reengagement.settings import Settings, parse
from tests.people import People

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def plan(engine: Engine, settings: Settings, people: People):
    """Run the planner `days` after the test's now."""

    def run(days: float = 0, **rules: str) -> planner.RunReport:
        chosen = settings.model_copy(update={"rules": rules})
        return planner.run(engine, chosen, started_by="test", now=people.now + timedelta(days=days))

    return run


def campaign_of(people: People, user_id: str):
    return people.one('SELECT * FROM "ReengagementCampaign" WHERE "userId" = :id', id=user_id)


def settle(people: People, days: float, *, sent: bool = True) -> None:
    """Pretend that what waits was sent `days` after the test's now, as an old worker would have."""
    people.execute(
        'UPDATE "ReengagementNotification" SET sent = :sent, "sentAt" = :at, "settledAt" = :at,'
        " outcome = CASE WHEN :sent THEN 'sent' ELSE 'unreachable' END WHERE \"settledAt\" IS NULL",
        sent=sent,
        at=people.now + timedelta(days=days),
    )
    if sent:
        people.execute(
            'UPDATE "ReengagementCampaign" c SET "lastReminderAt" = n."queuedAt",'
            ' "totalNotificationsSent" = "totalNotificationsSent" + 1'
            ' FROM "ReengagementNotification" n WHERE n."campaignId" = c.id AND n."settledAt" = :at',
            at=people.now + timedelta(days=days),
        )


@pytest.mark.parametrize(("days_ago", "found"), [(4.99, 0), (5, 1), (60, 1), (60.01, 0)])
def test_a1_a3_inactive_is_from_five_days_to_the_look_back(people, plan, days_ago, found):
    people.add("alice", days_ago=days_ago)
    assert plan().new_campaigns == found


def test_a1_the_boundary_is_exact_to_the_millisecond(people, plan):
    people.add("alice", days_ago=5)
    people.move_steps("alice", people.now - timedelta(days=5) + MILLISECOND)
    assert plan().new_campaigns == 0
    people.move_steps("alice", people.now - timedelta(days=5))
    assert plan().new_campaigns == 1


def test_a1_the_newest_step_of_all_trainings_counts(people, plan):
    people.add("alice", days_ago=10)
    people.execute("INSERT INTO \"UserTraining\" VALUES ('other', 'alice', :at, :at)", at=people.now)
    people.execute(
        "INSERT INTO \"UserStep\" VALUES ('late', 'other', 1, 1, 'COMPLETED', :at, :at)",
        at=people.now - timedelta(days=1),
    )
    assert plan().new_campaigns == 0


def test_a1_only_completed_steps_are_activity(people, plan):
    people.add("alice", days_ago=6)
    for status in ("NOT_STARTED", "IN_PROGRESS", "RESET"):
        people.step("alice", people.now - timedelta(days=1), status)
    assert plan().new_campaigns == 1


@pytest.mark.parametrize(("steps", "found"), [(1, 0), (2, 1)])
def test_a2_it_takes_two_completed_steps(people, plan, steps, found):
    people.add("alice", days_ago=6, steps=steps)
    report = plan()
    assert report.new_campaigns == found
    assert report.held_back.get("too_few_steps", 0) == 1 - found


def test_a2_steps_before_the_look_back_count_as_well(people, plan):
    people.add("alice", days_ago=6, steps=1)
    people.step("alice", people.now - timedelta(days=300))
    assert plan().new_campaigns == 1


def test_a3_the_look_back_does_not_stop_the_later_levels(people, plan):
    people.add("alice", days_ago=58)
    assert plan().new_campaigns == 1
    settle(people, 0)
    assert plan(3).scheduled_notifications == 1


def test_a4_the_hosts_own_setting_is_not_consulted_unless_a_rule_says_so(people, plan):
    people.add("alice", days_ago=6)
    people.execute('INSERT INTO "ReengagementSettings" ("userId", enabled) VALUES (\'alice\', false)')
    assert plan(honour_host_settings="true").held_back == {"refused": 1}
    assert plan().new_campaigns == 1


def test_a4_who_opted_out_gets_no_campaign_and_loses_the_open_one(people, plan):
    people.add("alice", days_ago=6)
    people.add("bob", days_ago=6)
    people.execute("INSERT INTO \"ReengagementOptOut\" VALUES ('bob', :at)", at=people.now)
    assert plan().held_back == {"opted_out": 1}
    people.execute("INSERT INTO \"ReengagementOptOut\" VALUES ('alice', :at)", at=people.now)
    assert plan(1).closed_campaigns == 1
    row = campaign_of(people, "alice")
    assert (row["isActive"], row["closedReason"], row["unsubscribed"]) == (False, "opted_out", True)


def test_b1_a_campaign_opens_as_the_document_says(people, plan):
    people.add("alice", days_ago=6)
    report = plan()
    assert (report.new_campaigns, report.scheduled_notifications, report.closed_campaigns) == (1, 1, 0)
    row = campaign_of(people, "alice")
    last = people.now - timedelta(days=6)
    assert (row["isActive"], row["currentLevel"], row["totalNotificationsSent"]) == (True, 1, 0)
    assert row["lastActivityDate"] == last
    assert row["nextNotificationDate"] == last + timedelta(days=5)
    assert row["campaignStartDate"] == people.now


def test_b2_a_second_run_opens_and_schedules_nothing(people, plan):
    people.add("alice", days_ago=6)
    plan()
    again = plan()
    assert (again.new_campaigns, again.scheduled_notifications) == (0, 0)
    assert again.held_back == {"has_campaign": 1}


@pytest.mark.parametrize(("level", "day"), [(2, 12), (3, 20), (4, 30)])
def test_b3_each_level_is_due_on_its_day_and_not_before(people, plan, level, day):
    people.add("alice", days_ago=5)
    plan()
    for earlier_day in (5, 12, 20, 30)[: level - 1]:
        plan(earlier_day - 5)
        settle(people, earlier_day - 5)
    assert plan(day - 5.001).scheduled_notifications == 0
    assert plan(day - 5).scheduled_notifications == 1
    levels = people.rows('SELECT level FROM "ReengagementNotification" ORDER BY level')
    assert [row["level"] for row in levels] == list(range(1, level + 1))


def test_b4_a_step_at_the_very_start_closes_as_returned(people, plan):
    people.add("alice", days_ago=6)
    plan()
    people.step("alice", people.now - MILLISECOND)
    assert plan(1).closed_campaigns == 0
    people.step("alice", people.now)
    people.step("alice", people.now + timedelta(hours=9))
    assert plan(1).closed_campaigns == 1
    row = campaign_of(people, "alice")
    assert (row["isActive"], row["returned"], row["returnedAt"]) == (False, True, people.now)
    assert row["firstReturnAt"] == people.now


def test_b5_someone_found_on_day_25_gets_levels_three_days_apart(people, plan):
    people.add("alice", days_ago=25)
    sent_on = []
    for day in range(12):
        if plan(day).scheduled_notifications:
            sent_on.append(day)
            settle(people, day)
    assert sent_on == [0, 3, 6, 9]


def test_b5_without_the_gap_they_come_day_after_day(people, plan):
    people.add("alice", days_ago=25)
    sent_on = []
    for day in range(8):
        if plan(day, gap_days="0").scheduled_notifications:
            sent_on.append(day)
            settle(people, day)
    assert sent_on == [0, 1, 2, 5]


def test_b5_the_gap_holds_over_two_campaigns_of_one_user(people, plan):
    people.add("alice", days_ago=29)
    for day in (0, 3, 6, 9):
        plan(day)
        settle(people, day)
    people.step("alice", people.now + timedelta(days=9, hours=1))
    assert plan(10).closed_campaigns == 1
    people.move_steps("alice", people.now + timedelta(days=4))
    assert (plan(11).new_campaigns, plan(11).scheduled_notifications) == (1, 0)
    assert plan(12).scheduled_notifications == 1


def test_b5_exhausted_when_the_window_ends_and_the_same_lapse_never_reopens(people, plan):
    people.add("alice", days_ago=5)
    for day in (0, 7, 15, 25):
        plan(day)
        settle(people, day)
    assert plan(31.999).closed_campaigns == 0
    assert plan(32).closed_campaigns == 1
    row = campaign_of(people, "alice")
    assert (row["returned"], row["closedReason"]) == (False, "exhausted")
    for day in range(33, 60):
        report = plan(day)
        assert report.new_campaigns == 0
        assert report.held_back in ({"same_lapse": 1}, {})


def test_b5_a_new_lapse_after_exhaustion_opens_a_new_campaign(people, plan):
    people.add("alice", days_ago=5)
    for day in (0, 7, 15, 25, 32):
        plan(day)
        settle(people, day)
    people.step("alice", people.now + timedelta(days=40))
    assert plan(44).new_campaigns == 0
    assert plan(45).new_campaigns == 1


def test_a_step_after_the_window_comes_too_late_for_a_return_however_late_the_run(people, plan):
    people.add("alice", days_ago=5)
    for day in (0, 7, 15, 25):
        plan(day)
        settle(people, day)
    people.step("alice", people.now + timedelta(days=33))
    plan(34)
    row = campaign_of(people, "alice")
    assert (row["closedReason"], row["returned"], row["firstReturnAt"]) == ("exhausted", False, None)


def test_a_return_within_the_window_counts_even_if_the_run_is_late(people, plan):
    people.add("alice", days_ago=5)
    for day in (0, 7, 15, 25):
        plan(day)
        settle(people, day)
    people.step("alice", people.now + timedelta(days=31))
    plan(34)
    assert campaign_of(people, "alice")["closedReason"] == "returned"


def test_the_first_return_is_kept_for_a_campaign_that_was_opted_out(people, plan):
    people.add("alice", days_ago=6)
    plan()
    people.execute("INSERT INTO \"ReengagementOptOut\" VALUES ('alice', :at)", at=people.now)
    plan(1)
    back = people.now + timedelta(days=3)
    people.step("alice", back)
    plan(4)
    row = campaign_of(people, "alice")
    assert (row["returned"], row["closedReason"], row["firstReturnAt"]) == (False, "opted_out", back)


def test_method_4_backdated_steps_of_a_user_who_came_back_open_a_new_campaign(people, plan):
    people.add("alice", days_ago=6)
    plan()
    people.step("alice", people.now + timedelta(hours=1))
    assert plan(1).closed_campaigns == 1
    people.move_steps("alice", people.now + timedelta(days=1) - timedelta(days=6))
    assert plan(1).new_campaigns == 1


def test_moving_the_steps_of_an_open_campaign_back_makes_its_next_level_due(people, plan):
    people.add("alice", days_ago=6)
    plan()
    settle(people, 0)
    people.move_steps("alice", people.now - timedelta(days=13))
    assert plan(1).scheduled_notifications == 0, "the gap still holds"
    assert plan(3).scheduled_notifications == 1
    assert campaign_of(people, "alice")["lastActivityDate"] == people.now - timedelta(days=13)


@pytest.mark.parametrize(("ahead", "found"), [(0.5, 0), (1, 0), (1.001, 1)])
def test_steps_up_to_a_day_ahead_count_as_activity_and_later_ones_do_not(people, plan, ahead, found):
    people.add("alice", days_ago=6)
    people.step("alice", people.now + timedelta(days=ahead))
    assert plan().new_campaigns == found


def test_an_unreachable_level_is_no_reminder_so_no_gap_follows(people, plan):
    people.add("alice", days_ago=13)
    plan()
    settle(people, 0, sent=False)
    assert plan(1).scheduled_notifications == 1


def test_an_older_systems_unsent_notification_blocks_its_level(people, plan):
    people.add("alice", days_ago=6)
    plan()
    people.execute('UPDATE "ReengagementNotification" SET "runId" = NULL')
    assert plan(8).scheduled_notifications == 0
    assert plan(33).closed_campaigns == 1


def test_c3_c4_the_dog_is_named_and_no_text_comes_twice(people, plan):
    people.add("alice", days_ago=5, dog="Барни")
    for day in (0, 7, 15, 25):
        plan(day)
        settle(people, day)
    rows = people.rows('SELECT title || body AS text, "variantId" FROM "ReengagementNotification"')
    assert len({row["variantId"] for row in rows}) == 4
    assert all("Барни" in row["text"] for row in rows)


def test_a_dry_run_shows_what_the_run_then_writes_and_changes_nothing(people, plan, engine, settings):
    for number in range(30):
        people.add(f"user-{number:02}", days_ago=5 + number, dog="Рекс" if number % 2 else None)
    shown = planner.dry_run(engine, settings, now=people.now)
    assert people.rows('SELECT 1 FROM "ReengagementCampaign"') == []
    report = plan()
    assert (shown.new_campaigns, len(shown.reminders)) == (30, 30)
    assert (report.new_campaigns, report.scheduled_notifications) == (30, 30)
    written = people.rows(
        'SELECT c."userId", n.level, n.title, n.body, n."variantId" FROM "ReengagementNotification" n'
        ' JOIN "ReengagementCampaign" c ON c.id = n."campaignId" ORDER BY 1'
    )
    assert [tuple(row.values()) for row in written] == [
        (each.user_id, each.level, each.title, each.body, each.variant_id)
        for each in sorted(shown.reminders, key=lambda each: each.user_id)
    ]


def test_a5_inactive_users_are_listed_with_their_campaigns(people, plan, monkeypatch, clone_url):
    from reengagement import find_inactive_users
    from reengagement import settings as settings_module

    people.add("alice", days_ago=6, steps=3)
    people.add("bob", days_ago=4)
    people.add("charlie", days_ago=12.5)
    people.add("dora", days_ago=9, steps=1)
    monkeypatch.setattr(settings_module, "load", lambda: parse({"DATABASE_URL": clone_url}))
    before = {user.user_id: user for user in find_inactive_users(people.now)}
    assert set(before) == {"alice", "charlie"}
    assert (before["alice"].days, before["alice"].completions) == (6, 3)
    assert before["charlie"].days == 12
    assert not before["alice"].has_active_campaign
    plan()
    after = {user.user_id: user.has_active_campaign for user in find_inactive_users(people.now)}
    assert after == {"alice": True, "charlie": True}


def test_a_holdout_gets_a_campaign_and_no_reminder(people, plan):
    for number in range(40):
        people.add(f"user-{number:02}", days_ago=6)
    report = plan(holdout_share="0.5")
    arms = {
        row["arm"]: row["n"]
        for row in people.rows('SELECT arm, count(*) AS n FROM "ReengagementCampaign" GROUP BY arm')
    }
    assert report.new_campaigns == sum(arms.values()) == 40
    assert 8 <= arms["holdout"] <= 32, "half of 40, give or take four standard deviations"
    assert report.scheduled_notifications == arms["treated"]


def test_who_is_held_out_stays_so_and_a_change_of_the_share_moves_no_more_than_it_must(people, plan):
    """The same lapse again and again, under other shares: a larger one holds out the same users and more."""
    for number in range(60):
        people.add(f"user-{number:02}", days_ago=6)

    def held_out(share):
        people.execute('DELETE FROM "ReengagementCampaign"')
        plan(holdout_share=share)
        rows = people.rows(
            'SELECT "userId", "holdoutShare" FROM "ReengagementCampaign" WHERE arm = :a', a="holdout"
        )
        assert {row["holdoutShare"] for row in rows} <= {float(share)}
        return {row["userId"] for row in rows}

    tenth, third, half = held_out("0.1"), held_out("0.3"), held_out("0.5")
    assert tenth < third < half
    assert held_out("0.3") == third
