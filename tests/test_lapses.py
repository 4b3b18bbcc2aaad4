"""One user, followed through 90 days, by the real planner and the real settlement."""

from __future__ import annotations

from datetime import timedelta

from reengagement import delivery, planner
from reengagement.webpush import Answer, Message


async def accept(message: Message) -> Answer:
    return Answer("accepted", "http_201", 201)


def test_ninety_days_of_alice(people, engine, settings):
    """B1-B5, C4: 1, 2, 3, 4, exhausted, not reopened, returns, lapses again, is reminded again."""
    people.add("alice", days_ago=0, dog="Барни")
    people.subscribe("alice", "https://fcm.googleapis.com/alice", {"p256dh": "p", "auth": "a"})
    told: list[tuple[int, str]] = []
    for day in range(91):
        now = people.now + timedelta(days=day, hours=1)
        if day == 50:
            people.step("alice", now - timedelta(hours=5))
        report = planner.run(engine, settings, started_by="test", now=now)
        if report.scheduled_notifications:
            delivery.drain(engine, settings, post=accept, clock=lambda connection, now=now: now)
        told += [(day, "opened")] * report.new_campaigns
        told += [(day, "reminded")] * report.scheduled_notifications
        told += [(day, "closed")] * report.closed_campaigns
    assert told == [
        (5, "opened"),
        (5, "reminded"),
        (12, "reminded"),
        (20, "reminded"),
        (30, "reminded"),
        (37, "closed"),
        (55, "opened"),
        (55, "reminded"),
        (62, "reminded"),
        (70, "reminded"),
        (80, "reminded"),
        (87, "closed"),
    ]
    rows = people.rows('SELECT * FROM "ReengagementCampaign" ORDER BY ordinal')
    assert [(row["ordinal"], row["closedReason"], row["totalNotificationsSent"]) for row in rows] == [
        (1, "exhausted", 4),
        (2, "exhausted", 4),
    ]
    used = people.rows('SELECT "variantId", level FROM "ReengagementNotification"')
    assert len({row["variantId"] for row in used}) == 8
