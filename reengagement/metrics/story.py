"""One campaign's story: what happened when, the texts as they were written, and each delivery's fate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from reengagement.host import Host
from reengagement.metrics.campaigns import STATUS
from reengagement.tables import campaign, delivery, notification, run

EVENTS = (
    "opened",
    "queued",
    "fanned_out",
    "sent",
    "shown",
    "clicked",
    "settled",
    "returned",
    "closed",
    "due",
    "window_ends",
)
"""What can happen in a campaign."""

AHEAD = EVENTS[-2:]
"""What lies ahead, while it is open."""


@dataclass(frozen=True)
class DeliveryStory:
    """One notification's way to one phone. The endpoint is a secret of the host and isn't here."""

    push_service: str
    state: str
    reason: str | None
    status_code: int | None
    attempts: int
    queued_at: datetime
    posted_at: datetime | None
    settled_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True)
class NotificationStory:
    """One reminder of a campaign, with the text as it was written. An older system's has no `run_id`."""

    id: str
    level: int
    message_type: str
    variant_id: str
    revision: int | None
    title: str
    body: str
    url: str | None
    run_id: int | None
    queued_at: datetime
    fanned_out_at: datetime | None
    subscription_count: int | None
    sent_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    settled_at: datetime | None
    outcome: str | None
    deliveries: tuple[DeliveryStory, ...]


@dataclass(frozen=True)
class Event:
    """Something that happened in a campaign; `at` is None where an older system didn't note it.

    `word` is the run's kind where it opened, an outcome where it was settled, a reason where it closed;
    `number` the subscriptions fanned out to; `reasons` why its deliveries ended as they did.
    """

    kind: str
    at: datetime | None
    level: int | None = None
    run_id: int | None = None
    word: str | None = None
    number: int | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Story:
    """One campaign. `started_by` and `run_kind` tell of the run that opened it, if that is known."""

    id: str
    user_id: str
    name: str | None
    status: str
    arm: str
    level: int
    last_activity_at: datetime
    started_at: datetime
    next_due_at: datetime | None
    first_return_at: datetime | None
    closed_at: datetime | None
    closed_reason: str | None
    window_ends_at: datetime | None
    run_id: int | None
    run_kind: str | None
    started_by: str | None
    notifications: tuple[NotificationStory, ...]

    def events(self) -> list[Event]:
        """Return what happened, in order; what lies ahead comes last."""
        return [*sorted(self._past(), key=_order), *sorted(self._ahead(), key=_order)]

    def _past(self) -> Iterator[Event]:
        yield Event("opened", self.started_at, run_id=self.run_id, word=self.run_kind)
        for one in self.notifications:
            yield from _events_of(one)
        if self.first_return_at:
            yield Event("returned", self.first_return_at)
        if self.status != "active":
            yield Event("closed", self.closed_at, word=self.status)

    def _ahead(self) -> Iterator[Event]:
        if self.status != "active":
            return
        in_hand = any(one.level == self.level for one in self.notifications)
        if self.next_due_at and self.arm == "treated" and not in_hand:
            yield Event("due", self.next_due_at, self.level)
        if self.window_ends_at:
            yield Event("window_ends", self.window_ends_at)


def _order(event: Event) -> tuple[bool, datetime | None]:
    """Return the event's place: what has no time comes last."""
    return event.at is None, event.at


def _events_of(one: NotificationStory) -> Iterator[Event]:
    """Yield what happened to one reminder, in the order in which it can happen."""
    yield Event("queued", one.queued_at, one.level, run_id=one.run_id)
    if one.fanned_out_at:
        yield Event("fanned_out", one.fanned_out_at, one.level, number=one.subscription_count)
    for kind, at in (("sent", one.sent_at), ("shown", one.opened_at), ("clicked", one.clicked_at)):
        if at:
            yield Event(kind, at, one.level)
    if one.settled_at and one.outcome not in (None, "sent"):
        reasons = tuple(dict.fromkeys(each.reason for each in one.deliveries if each.reason))
        yield Event("settled", one.settled_at, one.level, word=one.outcome, reasons=reasons)


def story_of(connection: Connection, host: Host, campaign_id: str) -> Story | None:
    """Return the campaign's story, None if there is no such campaign."""
    row = _campaign(connection, host, campaign_id)
    if row is None:
        return None
    return Story(**row._mapping, notifications=_notifications(connection, campaign_id))


def _campaign(connection: Connection, host: Host, campaign_id: str) -> Any:
    users = host.users().subquery("users")
    stored = (
        "id", "user_id", "arm", "last_activity_at", "started_at", "next_due_at", "first_return_at",
        "closed_at", "closed_reason", "window_ends_at", "run_id",
    )  # fmt: skip
    return connection.execute(
        select(
            *(campaign.c[name].label(name) for name in stored),
            campaign.c.current_level.label("level"),
            STATUS.label("status"),
            users.c.name,
            run.c.kind.label("run_kind"),
            run.c.started_by.label("started_by"),
        )
        .outerjoin(users, users.c.user_id == campaign.c.user_id)
        .outerjoin(run, run.c.id == campaign.c.run_id)
        .where(campaign.c.id == campaign_id)
    ).one_or_none()


def _notifications(connection: Connection, campaign_id: str) -> tuple[NotificationStory, ...]:
    deliveries = _deliveries(connection, campaign_id)
    wanted = NotificationStory.__dataclass_fields__.keys() - {"deliveries", "queued_at"}
    rows = connection.execute(
        select(
            *(notification.c[name].label(name) for name in sorted(wanted)),
            func.coalesce(notification.c.queued_at, notification.c.created_at).label("queued_at"),
        )
        .where(notification.c.campaign_id == campaign_id)
        .order_by(notification.c.level)
    )
    return tuple(
        NotificationStory(**row._mapping, deliveries=tuple(deliveries.get(row.id, ()))) for row in rows
    )


def _deliveries(connection: Connection, campaign_id: str) -> dict[str, list[DeliveryStory]]:
    """Return the deliveries of each of the campaign's notifications."""
    wanted = list(DeliveryStory.__dataclass_fields__)
    rows = connection.execute(
        select(delivery.c.notification_id, *(delivery.c[name].label(name) for name in wanted))
        .join(notification, notification.c.id == delivery.c.notification_id)
        .where(notification.c.campaign_id == campaign_id)
        .order_by(delivery.c.id)
    )
    found: dict[str, list[DeliveryStory]] = {}
    for row in rows:
        facts = {name: row._mapping[name] for name in wanted}
        found.setdefault(row.notification_id, []).append(DeliveryStory(**facts))
    return found
