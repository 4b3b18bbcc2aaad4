"""Figures of what has had its time, and how far reminders reach: counted on one's fingers."""

from datetime import timedelta

from reengagement import metrics
from reengagement.metrics import Period
from reengagement.rules import Rules
from reengagement.stats import Rate
from tests.records import NOON, add_campaign, add_notification, days

HOURS = timedelta(hours=1)
NOW = NOON + days(40)
A_MOMENT = timedelta(milliseconds=1)


def test_what_was_sent_less_than_72_hours_ago_has_not_matured(connection):
    one = add_campaign(connection, "alice")
    add_notification(connection, one, 1, sent_at=NOW - 72 * HOURS)
    add_notification(connection, one, 2, sent_at=NOW - 72 * HOURS + A_MOMENT)
    add_notification(connection, one, 3, outcome="unreachable")
    assert metrics.matured(connection, Rules(), NOW).click_rate == Rate(0, 1)


def test_a_click_within_72_hours_counts_and_a_later_one_does_not(connection):
    one = add_campaign(connection, "alice")
    add_notification(connection, one, 1, sent_at=NOON, clicked_at=NOON + 72 * HOURS)
    add_notification(connection, one, 2, sent_at=NOON, clicked_at=NOON + 72 * HOURS + A_MOMENT)
    assert metrics.matured(connection, Rules(), NOW).click_rate == Rate(1, 2)
    assert metrics.totals(connection).click_rate == Rate(2, 2)


def test_a_campaign_matures_when_its_window_ends(connection):
    """32 days with 5/12/20/30, unless the campaign stores another window."""
    add_campaign(connection, "alice", NOW - days(32), first_return_at=NOW - days(1))
    add_campaign(connection, "bob", NOW - days(32) + A_MOMENT, first_return_at=NOW - days(1))
    add_campaign(connection, "charlie", NOW - days(10), window_ends_at=NOW)
    add_campaign(connection, "dora", NOW - days(33), window_ends_at=NOW + A_MOMENT)
    assert metrics.matured(connection, Rules(), NOW).return_rate == Rate(1, 2)
    assert metrics.totals(connection).return_rate == Rate(2, 4)


def test_matured_figures_keep_to_the_period(connection):
    one = add_campaign(connection, "alice", NOON)
    add_notification(connection, one, 1, sent_at=NOON, clicked_at=NOON + HOURS)
    later = metrics.matured(connection, Rules(), NOW, Period(start=NOON + HOURS))
    assert later == metrics.Matured(0, 0, 0, 0)
    assert metrics.matured(connection, Rules(), NOW, Period(end=NOON + HOURS)) == metrics.Matured(1, 1, 1, 0)


def test_a_return_counts_for_a_reminder_within_seven_days_of_its_sending(connection):
    """By level, by type and by variant alike; a return before the reminder is none of its."""
    bob = add_campaign(connection, "bob", first_return_at=NOON + days(9))
    add_notification(connection, bob, 1, sent_at=NOON + days(2))
    add_notification(connection, bob, 2, "mixed", sent_at=NOON + days(2) - A_MOMENT)
    add_notification(connection, bob, 3, "mixed", sent_at=NOON + days(9) + A_MOMENT)
    assert [row.return_rate for row in metrics.by_level(connection)] == [
        Rate(1, 1), Rate(0, 1), Rate(0, 1), Rate(0, 0),
    ]  # fmt: skip
    assert {row.message_type: row.return_rate for row in metrics.by_type(connection)} == {
        "emotional": Rate(1, 1), "mixed": Rate(0, 2), "educational": Rate(0, 0), "motivational": Rate(0, 0),
    }  # fmt: skip
    assert metrics.by_variant(connection) == [
        metrics.VariantRow(1, 0, 1, "emotional-1", 1, "emotional"),
        metrics.VariantRow(1, 0, 0, "mixed-2", 2, "mixed"),
        metrics.VariantRow(1, 0, 0, "mixed-3", 3, "mixed"),
    ]


def test_reach_counts_users_step_by_step(connection):
    """Alice clicked in her second campaign; Bob's phone is gone; Charlie has none and came back alone."""
    add_notification(connection, add_campaign(connection, "alice", is_active=False), 1, sent_at=NOON)
    again = add_campaign(connection, "alice", NOON + days(40))
    add_notification(connection, again, 1, clicked_at=NOON + days(41), subscription_count=2)
    bob = add_campaign(connection, "bob")
    add_notification(connection, bob, 1, subscription_count=1, outcome="failed")
    charlie = add_campaign(connection, "charlie", first_return_at=NOON + days(3))
    add_notification(connection, charlie, 1, subscription_count=0, outcome="unreachable")
    dora = add_campaign(connection, "dora")
    add_notification(connection, dora, 1, sent_at=NOON, opened=True)
    add_campaign(connection, "egor", arm="holdout", first_return_at=NOON + days(1))
    found = metrics.reach(connection)
    assert found == metrics.Reach(users=4, subscribed=3, sent=2, shown=2, clicked=1, returned=1)
    assert metrics.reach(connection, Period(end=NOON + HOURS)).clicked == 0


def test_nobody_is_reached_in_an_empty_database(connection):
    assert metrics.reach(connection) == metrics.Reach(0, 0, 0, 0, 0, 0)
    assert metrics.by_variant(connection) == []
