"""Trying again by hand: what is refused and why, and that nothing counts or advances twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from reengagement import delivery
from reengagement.delivery import Resent, Which
from tests.test_delivery import ACCEPTED, BUSY, RESET, Phones, deliveries, drain, remind  # noqa: F401

ALL_UNKNOWN = Which(state="unknown", reason="reset")


def resend(people, which=ALL_UNKNOWN, hours=0.0):
    with people.engine.begin() as connection:
        return delivery.resend(connection, which, people.now + timedelta(hours=hours))


def state_of(people):
    rows = people.rows(
        'SELECT n."successCount", n."failedCount", n.sent, n.outcome, n."settledAt", c."currentLevel",'
        ' c."totalNotificationsSent", c."nextNotificationDate"'
        ' FROM "ReengagementNotification" n JOIN "ReengagementCampaign" c ON c.id = n."campaignId"'
    )
    assert len(rows) == 1
    return rows[0]


@pytest.fixture
def lost(remind, drain, people):  # noqa: F811
    """Alice's first reminder, of which nobody knows whether it arrived."""
    remind("alice")
    drain(Phones(RESET))
    assert state_of(people)["outcome"] == "unknown"
    return people


def test_d5_a_resend_corrects_the_counts_and_never_advances(lost, drain):  # noqa: F811
    before = state_of(lost)
    first, second = Phones(), Phones()
    assert resend(lost) == Resent(1, {})
    drain(first)
    drain(second)
    assert (len(first.posted), len(second.posted)) == (1, 0)
    after = state_of(lost)
    assert (after["successCount"], after["sent"], after["outcome"]) == (1, True, "sent")
    assert after["totalNotificationsSent"] == before["totalNotificationsSent"] + 1
    for kept in ("currentLevel", "nextNotificationDate", "settledAt"):
        assert after[kept] == before[kept], kept


def test_a_resend_has_the_topic_of_the_first(remind, drain, people):  # noqa: F811
    remind("alice")
    first, second = Phones(RESET), Phones()
    drain(first)
    resend(people)
    drain(second)
    assert first.posted[0].topic == second.posted[0].topic


@pytest.mark.parametrize(
    ("change", "hours", "refusal"),
    [
        ('UPDATE "ReengagementCampaign" SET "isActive" = false', 0, "campaign_closed"),
        (
            'INSERT INTO "ReengagementNotification" (id, "campaignId", level, "messageType", "variantId",'
            ' title, body, "createdAt") SELECT \'later\', "campaignId", 2, "messageType", "variantId",'
            ' title, body, "createdAt" FROM "ReengagementNotification"',
            0,
            "later_level",
        ),
        ("SELECT 1", 24, "too_late"),
        ("UPDATE \"ReengagementDelivery\" SET state = 'accepted'", 0, "not_resendable"),
    ],
)
def test_what_may_not_go_again_is_refused_by_name(lost, change, hours, refusal):
    lost.execute(change)
    ids = [row["id"] for row in deliveries(lost)]
    assert resend(lost, Which(ids=ids), hours) == Resent(0, {refusal: 1})
    assert all(row["state"] != "queued" for row in deliveries(lost))


def test_just_before_it_expires_it_may_still_go(lost):
    assert resend(lost, hours=23.99) == Resent(1, {})


def test_of_two_presses_at_once_one_resends(lost):
    with ThreadPoolExecutor(2) as both:
        done = [one.result() for one in [both.submit(resend, lost) for _ in range(2)]]
    assert sorted(each.queued for each in done) == [0, 1]


def test_a_retry_lets_what_waits_for_its_next_attempt_go_now(remind, drain, people):  # noqa: F811
    remind("alice")
    drain(Phones(BUSY))
    at_once, after = Phones(), Phones(ACCEPTED)
    drain(at_once)
    with people.engine.begin() as connection:
        assert delivery.retry(connection, Which(state="queued", reason="http_503"), people.now) == 1
        assert delivery.retry(connection, Which(state="queued", reason="http_503"), people.now) == 0
    drain(after)
    assert (len(at_once.posted), len(after.posted)) == (0, 1)


def test_what_was_settled_before_the_time_looked_at_is_left_alone(lost):
    (row,) = deliveries(lost)
    settled_at = row["settledAt"]
    assert resend(lost, Which(state="unknown", reason="reset", since=settled_at)) == Resent(0, {})
    earlier = settled_at - timedelta(milliseconds=1)
    assert resend(lost, Which(state="unknown", reason="reset", since=earlier)) == Resent(1, {})
    assert deliveries(lost)[0]["queuedAt"] == lost.now, "or it would seem to have waited since the first try"


def test_another_cause_is_left_alone(lost):
    assert resend(lost, Which(state="unknown", reason="timeout")) == Resent(0, {})
    assert resend(lost, Which(ids=[])) == Resent(0, {})
