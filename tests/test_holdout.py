"""Those held out: who they are and stay, and how they are counted."""

from datetime import timedelta

import pytest

from reengagement import metrics
from reengagement.rules import Rules
from reengagement.stats.arms import Allocation, Arm, Stratum
from reengagement.stats.survival import Watched, returned_by
from tests.records import NOON, add_campaign, days

NOW = NOON + days(60)


def held(connection, user_id, arm, share=0.2, **columns):
    """Add a campaign that was opened while `share` was held out."""
    return add_campaign(connection, user_id, arm=arm, holdout_share=share, holdout_salt="salt", **columns)


def test_both_arms_are_counted_by_the_share_that_was_planned(connection):
    """Alice has two campaigns and returned in one; Dora was opened while nobody was held out."""
    held(connection, "alice", "treated", is_active=False, first_return_at=NOON + days(1))
    held(connection, "alice", "treated", started_at=NOON + days(20))
    held(connection, "bob", "treated")
    held(connection, "charlie", "holdout", first_return_at=NOON + days(9))
    held(connection, "egor", "holdout", share=0.5)
    add_campaign(connection, "dora", first_return_at=NOON + days(1))
    assert metrics.strata(connection, Rules(), NOW) == [
        Stratum(0.2, Arm(3, 1, sum_cc=5, sum_cr=2, sum_rr=1), Arm(1, 1, 1, 1, 1)),
        Stratum(0.5, Arm(0, 0, 0, 0, 0), Arm(1, 0, 1, 0, 0)),
    ]


def test_a_campaign_whose_window_is_open_waits(connection):
    held(connection, "alice", "treated", started_at=NOW - days(32) + timedelta(seconds=1))
    assert metrics.strata(connection, Rules(), NOW) == []
    assert len(metrics.strata(connection, Rules(), NOW + timedelta(seconds=1))) == 1


def test_a_user_counts_once_in_the_split_by_the_first_campaign_with_a_share(connection):
    """Alice's reminders worked, so she lapsed again and again: the split is none the more uneven."""
    add_campaign(connection, "alice", NOON - days(50), is_active=False)
    for month in range(3):
        held(connection, "alice", "treated", started_at=NOON + days(10 * month), is_active=False)
    held(connection, "bob", "treated", is_active=False)
    held(connection, "bob", "holdout", share=0.5, started_at=NOON + days(30))
    held(connection, "charlie", "holdout")
    assert metrics.allocations(connection) == [Allocation(0.2, treated=2, holdout=1)]


def test_only_now_and_the_windows_end_cut_a_course_off(connection):
    """Charlie opted out and Dora is exhausted: both were watched for their whole 32 days."""
    held(connection, "alice", "treated", first_return_at=NOON + timedelta(hours=23, minutes=30))
    held(connection, "bob", "treated", started_at=NOW - timedelta(hours=30, minutes=10))
    held(connection, "charlie", "treated", is_active=False, unsubscribed=True, closed_reason="opted_out")
    held(connection, "dora", "treated", is_active=False, closed_reason="exhausted")
    held(connection, "egor", "holdout", first_return_at=NOON)
    add_campaign(connection, "fedya", NOON)
    found = {(one.share, one.arm): one.watched for one in metrics.courses(connection, Rules(), NOW)}
    assert found == {
        (0.2, "treated"): [Watched(1, 1, 0), Watched(1.25, 0, 1), Watched(32, 0, 2)],
        (0.2, "holdout"): [Watched(1 / 24, 1, 0)],
        (None, "treated"): [Watched(32, 0, 1)],
    }
    assert returned_by(found[0.2, "treated"])[-1].share == pytest.approx(0.25)


def test_campaigns_a_day_are_those_of_the_last_four_weeks(connection):
    add_campaign(connection, "alice", NOW - days(28))
    for user in ("bob", "charlie"):
        add_campaign(connection, user, NOW - days(28) + timedelta(seconds=1))
    assert metrics.opened_a_day(connection, NOW) == pytest.approx(2 / 28)
