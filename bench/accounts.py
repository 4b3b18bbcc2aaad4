"""What must be true when everything has settled: each promise is a count with a bound, mostly 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, text

from reengagement.delivery.settling import FAILED_STATES
from reengagement.payload import topic_of
from reengagement.tables import OPEN_STATES

Key = tuple[bytes, str]

_FOLLOWS = """
    WITH said AS (
        SELECT n.id, n."campaignId",
               count(d.id) AS phones,
               count(d.id) FILTER (WHERE d.state = 'accepted') AS accepted,
               count(d.id) FILTER (WHERE d.state = ANY(:failed)) AS failed
        FROM "ReengagementNotification" n LEFT JOIN "ReengagementDelivery" d ON d."notificationId" = n.id
        GROUP BY n.id)
    SELECT count(*) FROM said
    JOIN "ReengagementNotification" n USING (id)
    JOIN "ReengagementCampaign" c ON c.id = n."campaignId"
    WHERE """

_ZERO = {
    "notifications that nobody took": """
        SELECT count(*) FROM "ReengagementNotification" WHERE "fannedOutAt" IS NULL OR "settledAt" IS NULL""",
    "deliveries without a final state": """
        SELECT count(*) FROM "ReengagementDelivery" WHERE state = ANY(:open)""",
    "notifications whose successCount isn't what the deliveries say": f"""
        {_FOLLOWS} n."successCount" != said.accepted""",
    "notifications whose failedCount isn't what the deliveries say": f"""
        {_FOLLOWS} n."failedCount" != said.failed""",
    "notifications whose subscriptionCount isn't the number of deliveries": f"""
        {_FOLLOWS} n."subscriptionCount" IS DISTINCT FROM said.phones""",
    "notifications whose sent isn't what the deliveries say": f"""
        {_FOLLOWS} n.sent != (said.accepted > 0) OR n.sent != (n."sentAt" IS NOT NULL)
                   OR n.sent != (n.outcome = 'sent')""",
    "campaigns whose totalNotificationsSent isn't what the notifications say": f"""
        {_FOLLOWS} c."totalNotificationsSent" != n.sent::int
                   OR (c."lastNotificationSent" IS NOT NULL) != n.sent""",
    "campaigns that didn't advance exactly once": """
        SELECT count(*) FROM "ReengagementCampaign" WHERE "currentLevel" != 2""",
    "subscriptions removed that no push service called gone": """
        SELECT count(*) FROM "ReengagementDelivery" d
        WHERE d.state NOT IN ('gone', 'rejected') AND NOT EXISTS
            (SELECT 1 FROM "PushSubscription" s WHERE s.id = d."subscriptionId")""",
    "reminders posted after their user's return": """
        SELECT count(*) FROM "ReengagementDelivery" d
        JOIN "ReengagementNotification" n ON n.id = d."notificationId"
        JOIN "ReengagementCampaign" c ON c.id = n."campaignId"
        JOIN "UserTraining" t ON t."userId" = c."userId"
        JOIN "UserStep" s ON s."userTrainingId" = t.id AND s."updatedAt" >= c."campaignStartDate"
        WHERE d."postedAt" > s."updatedAt" + interval '1 second'""",
}


@dataclass(frozen=True)
class Promise:
    """One line of the account: `found` may be `most` at most."""

    name: str
    found: int
    most: int = 0

    @property
    def is_kept(self) -> bool:
        return self.found <= self.most


def audit(engine: Engine, accepted: Mapping[Key, int], expected: int) -> list[Promise]:
    """Compare the database with itself and with what the push service accepted, by endpoint and topic."""
    values = {"open": list(OPEN_STATES), "failed": list(FAILED_STATES)}
    with engine.connect() as connection:
        zero = [
            Promise(name, connection.execute(text(statement), values).scalar_one())
            for name, statement in _ZERO.items()
        ]
        rows = connection.execute(
            text('SELECT "endpointHash", "notificationId", state FROM "ReengagementDelivery"')
        )
        states = {(bytes(row.endpointHash), topic_of(row.notificationId)): row.state for row in rows}
    told = {key for key, state in states.items() if state == "accepted"}
    may_be = {key for key, state in states.items() if state in ("accepted", "unknown")}
    return [
        Promise("deliveries missing, or too many", abs(len(states) - expected)),
        Promise("accepted twice by the push service", sum(count > 1 for count in accepted.values())),
        Promise("accepted by the push service, and told otherwise", len(accepted.keys() - may_be)),
        Promise("told as accepted, and the push service never did", len(told - accepted.keys())),
        *zero,
    ]


def states(engine: Engine) -> Counter[str]:
    """Return how many deliveries are in which state; `waiting` are the notifications not yet fanned out."""
    with engine.connect() as connection:
        counts = connection.execute(text('SELECT state, count(*) FROM "ReengagementDelivery" GROUP BY state'))
        found = Counter({row.state: row.count for row in counts})
        found["waiting"] = connection.execute(
            text('SELECT count(*) FROM "ReengagementNotification" WHERE "fannedOutAt" IS NULL')
        ).scalar_one()
    return found


def unknown_by_reason(engine: Engine) -> Counter[str]:
    """Return how many deliveries are unknown, by reason."""
    with engine.connect() as connection:
        query = """SELECT reason, count(*) FROM "ReengagementDelivery" WHERE state = 'unknown' GROUP BY 1"""
        rows = connection.execute(text(query))
        return Counter({row.reason: row.count for row in rows})
