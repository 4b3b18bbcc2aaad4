"""Campaigns and notifications as rows for spreadsheets and notebooks, each column with its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from reengagement import csv_text
from reengagement.metrics.campaigns import STATUS
from reengagement.metrics.messages import (
    CLICKED_SOON,
    RETURNED_SOON,
    SENT,
    SENT_AT,
)
from reengagement.tables import campaign, notification

BATCH = 2_000
"""Rows fetched at a time, so that millions need no memory."""


@dataclass(frozen=True)
class Column:
    """One column: its name, what stands in it, and what that means."""

    name: str
    value: ColumnElement[Any]
    meaning: str


@dataclass(frozen=True)
class Sheet:
    """One table to take along, oldest rows first."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    source: FromClause
    order: tuple[ColumnElement[Any], ...]

    @property
    def header(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]


CAMPAIGNS = Sheet(
    "campaigns",
    "One row for each time a user lapsed.",
    (
        Column("campaign_id", campaign.c.id, "the campaign"),
        Column("user_id", campaign.c.user_id, "its user, as the product has them"),
        Column("ordinal", campaign.c.ordinal, "which of the user's campaigns it is, from 1"),
        Column("last_activity_at", campaign.c.last_activity_at, "the last completed step before the lapse"),
        Column("started_at", campaign.c.started_at, "when it was opened"),
        Column("window_ends_at", campaign.c.window_ends_at, "until when a return counts"),
        Column("status", STATUS, "active, returned, opted_out or exhausted"),
        Column("closed_at", campaign.c.closed_at, "when it was closed"),
        Column("current_level", campaign.c.current_level, "the level due next; after the last it stays 4"),
        Column("sent", campaign.c.total_sent, "its notifications that were sent"),
        Column("first_return_at", campaign.c.first_return_at, "the first completed step within the window"),
        Column("arm", campaign.c.arm, "treated, or holdout: nothing is sent"),
        Column("holdout_share", campaign.c.holdout_share, "the share held out when it was opened, 0 to 1"),
    ),
    campaign,
    (campaign.c.started_at, campaign.c.id),
)

NOTIFICATIONS = Sheet(
    "notifications",
    "One row for each notification, sent or not. Without its text, in which names may stand.",
    (
        Column("notification_id", notification.c.id, "the notification"),
        Column("campaign_id", notification.c.campaign_id, "its campaign"),
        Column("user_id", campaign.c.user_id, "its user, as the product has them"),
        Column("level", notification.c.level, "the step of the campaign, 1 to 4"),
        Column("message_type", notification.c.message_type, "emotional, educational, motivational or mixed"),
        Column("variant_id", notification.c.variant_id, "the text that was chosen"),
        Column("revision", notification.c.revision, "the edit of that text"),
        Column("choice_probability", notification.c.choice_probability, "the probability of that choice"),
        Column("queued_at", notification.c.queued_at, "when it was written to the queue"),
        Column("subscriptions", notification.c.subscription_count, "browsers that it was meant for"),
        Column("outcome", notification.c.outcome, "what became of it, once nothing more is to come"),
        Column("sent", SENT, "whether a push service accepted it; a click implies it"),
        Column("sent_at", SENT_AT, "when the first push service accepted it"),
        Column("shown_at", notification.c.opened_at, "when a browser first reported it as shown"),
        Column("clicked_at", notification.c.clicked_at, "when it was first pressed"),
        Column(
            "clicked_within_72_hours", func.coalesce(CLICKED_SOON, False), "as the matured click rate counts"
        ),
        Column("returned_within_7_days", func.coalesce(RETURNED_SOON, False), "of its sending; as by level"),
    ),
    notification.join(campaign, campaign.c.id == notification.c.campaign_id),
    (notification.c.created_at, notification.c.id),
)

SHEETS = {sheet.name: sheet for sheet in (CAMPAIGNS, NOTIFICATIONS)}


def lines(connection: Connection, sheet: Sheet) -> Iterator[str]:
    """Yield a sheet as CSV, line by line; moments are naive UTC, empty where there is nothing."""
    return csv_text.lines(sheet.header, _rows(connection, sheet))


def _rows(connection: Connection, sheet: Sheet) -> Iterator[Any]:
    columns = [column.value.label(column.name) for column in sheet.columns]
    query = select(*columns).select_from(sheet.source).order_by(*sheet.order)
    return iter(connection.execution_options(yield_per=BATCH).execute(query))


def describe(sheet: Sheet) -> str:
    """Return what a sheet and each of its columns mean, as text."""
    width = max(map(len, sheet.header))
    return "\n".join(
        [sheet.meaning, *(f"{column.name:<{width}}  {column.meaning}" for column in sheet.columns)]
    )
