"""Our tables. Names and camelCase columns of the older system stay as they are: its SQL must run.

Columns beyond the older system's are nullable or have defaults, and CHECKs cover only them, so an
older writer still works. Times are naive UTC in milliseconds; none has a default, since a database
default would be local to the session that writes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    or_,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from reengagement.tables.people import audit as audit
from reengagement.tables.people import device as device
from reengagement.tables.people import session as session
from reengagement.tables.people import sign_in_attempt as sign_in_attempt
from reengagement.tables.schema import Time as Time
from reengagement.tables.schema import metadata as metadata
from reengagement.tables.schema import one_of

LEVELS = (1, 2, 3, 4)
MESSAGE_TYPES = ("emotional", "educational", "motivational", "mixed")
CLOSED_REASONS = ("returned", "exhausted", "opted_out")
ARMS = ("treated", "holdout")
RUN_KINDS = ("scheduled", "manual")
RUN_STATES = ("running", "done", "failed", "crashed", "already_running")

OPEN_STATES = ("queued", "claimed", "posting")
FINAL_STATES = ("accepted", "gone", "rejected", "expired", "unsupported", "suppressed", "unknown")
ALERT_KINDS = (
    "no_consumer",
    "run_failed",
    "run_missing",
    "refused",
    "struck",
    "waiting_long",
    "no_new_campaigns",
    "return_rate",
    "click_rate",
)
"""What people are alerted to, the worst first."""
REASONS = (
    *("opted_out", "returned", "closed", "too_late", "no_subscription"),
    *("invalid_endpoint", "bad_keys", "not_allowed", "private_address", "payload_size", "bad_payload"),
    *("dns", "tls", "connect", "timeout", "reset", "malformed", "stopped", "worker_lost", "confirmed"),
    "resent",
    *("expo", "rustore"),
)
"""Why a delivery is in its state; beside these `http_` with a status, and `gave_up_` before any of them."""

OUTCOMES = ("sent", "unknown", "failed", "expired", "suppressed", "unreachable")
"""What became of a notification, once no delivery of it is open."""

campaign = Table(
    "ReengagementCampaign",
    metadata,
    Column("id", Text, primary_key=True),
    Column("userId", Text, key="user_id", nullable=False),
    Column("isActive", Boolean, key="is_active", nullable=False, server_default=true()),
    Column("currentLevel", Integer, key="current_level", nullable=False, server_default=text("1")),
    Column("lastActivityDate", Time(), key="last_activity_at", nullable=False),
    Column("campaignStartDate", Time(), key="started_at", nullable=False),
    Column("lastNotificationSent", Time(), key="last_sent_at"),
    Column("nextNotificationDate", Time(), key="next_due_at"),
    Column("returned", Boolean, key="returned", nullable=False, server_default=false()),
    Column("returnedAt", Time(), key="returned_at"),
    Column("unsubscribed", Boolean, key="unsubscribed", nullable=False, server_default=false()),
    Column("totalNotificationsSent", Integer, key="total_sent", nullable=False, server_default=text("0")),
    Column("createdAt", Time(), key="created_at", nullable=False),
    Column("updatedAt", Time(), key="updated_at", nullable=False),
    # Beyond the older system's columns.
    Column("runId", BigInteger, key="run_id"),
    Column("ordinal", Integer, key="ordinal"),
    Column("closedReason", Text, key="closed_reason"),
    Column("closedAt", Time(), key="closed_at"),
    Column("windowEndsAt", Time(), key="window_ends_at"),
    Column("firstReturnAt", Time(), key="first_return_at"),
    Column("lastReminderAt", Time(), key="last_reminder_at"),
    Column("arm", Text, key="arm", nullable=False, server_default=text("'treated'")),
    Column("holdoutShare", Double, key="holdout_share"),
    Column("holdoutSalt", Text, key="holdout_salt"),
    one_of("closedReason", CLOSED_REASONS, "closedReason"),
    one_of("arm", ARMS, "arm"),
)
"""One user's lapse. `ordinal` counts a user's campaigns from 1; `last_reminder_at` is the time at which
the newest reminder that left was queued (the gap is measured from run to run); `first_return_at` lies
within `started_at` and `window_ends_at` and is never withdrawn."""

Index(
    "ReengagementCampaign_userId_active_key",
    campaign.c.user_id,
    unique=True,
    postgresql_where=campaign.c.is_active,
)
Index("ReengagementCampaign_userId_campaignStartDate_idx", campaign.c.user_id, campaign.c.started_at)
Index("ReengagementCampaign_campaignStartDate_idx", campaign.c.started_at, campaign.c.id)
Index(
    "ReengagementCampaign_firstReturnAt_idx",
    campaign.c.first_return_at,
    postgresql_where=campaign.c.first_return_at.is_not(None),
)

notification = Table(
    "ReengagementNotification",
    metadata,
    Column("id", Text, primary_key=True),
    Column(
        "campaignId",
        Text,
        ForeignKey(campaign.c.id, ondelete="CASCADE"),
        key="campaign_id",
        nullable=False,
    ),
    Column("level", Integer, key="level", nullable=False),
    Column("messageType", Text, key="message_type", nullable=False),
    Column("variantId", Text, key="variant_id", nullable=False),
    Column("title", Text, key="title", nullable=False),
    Column("body", Text, key="body", nullable=False),
    Column("url", Text, key="url"),
    Column("sent", Boolean, key="sent", nullable=False, server_default=false()),
    Column("sentAt", Time(), key="sent_at"),
    Column("opened", Boolean, key="opened", nullable=False, server_default=false()),
    Column("openedAt", Time(), key="opened_at"),
    Column("clicked", Boolean, key="clicked", nullable=False, server_default=false()),
    Column("clickedAt", Time(), key="clicked_at"),
    Column("successCount", Integer, key="success_count", nullable=False, server_default=text("0")),
    Column("failedCount", Integer, key="failed_count", nullable=False, server_default=text("0")),
    Column("createdAt", Time(), key="created_at", nullable=False),
    # Beyond the older system's columns.
    Column("runId", BigInteger, key="run_id"),
    Column("revision", Integer, key="revision"),
    Column("choiceProbability", Double, key="choice_probability"),
    Column("queuedAt", Time(), key="queued_at"),
    Column("expiresAt", Time(), key="expires_at"),
    Column("fannedOutAt", Time(), key="fanned_out_at"),
    Column("subscriptionCount", Integer, key="subscription_count"),
    Column("settledAt", Time(), key="settled_at"),
    Column("outcome", Text, key="outcome"),
    UniqueConstraint("campaign_id", "level", name="ReengagementNotification_campaignId_level_key"),
    one_of("outcome", OUTCOMES, "outcome"),
)
"""One variant rendered for one campaign and level. A row without `run_id` is an older system's and is
never fanned out. The rules in force are those of its run."""

Index(
    "ReengagementNotification_waiting_idx",
    notification.c.queued_at,
    notification.c.id,
    postgresql_where=text('"runId" IS NOT NULL AND "fannedOutAt" IS NULL AND "settledAt" IS NULL'),
)
Index(
    "ReengagementNotification_sent_idx",
    func.coalesce(notification.c.sent_at, notification.c.clicked_at),
    postgresql_where=or_(notification.c.sent, notification.c.clicked),
)
Index(
    "ReengagementNotification_clickedAt_idx",
    notification.c.clicked_at,
    postgresql_where=notification.c.clicked,
)

delivery = Table(
    "ReengagementDelivery",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column(
        "notificationId",
        Text,
        ForeignKey(notification.c.id, ondelete="CASCADE"),
        key="notification_id",
        nullable=False,
    ),
    Column("subscriptionId", Text, key="subscription_id", nullable=False),
    Column("endpointHash", LargeBinary, key="endpoint_hash", nullable=False),
    Column("pushService", Text, key="push_service", nullable=False),
    Column("state", Text, key="state", nullable=False, server_default=text("'queued'")),
    Column("reason", Text, key="reason"),
    Column("statusCode", SmallInteger, key="status_code"),
    Column("attempts", Integer, key="attempts", nullable=False, server_default=text("0")),
    Column("queuedAt", Time(), key="queued_at", nullable=False),
    Column("nextAttemptAt", Time(), key="next_attempt_at", nullable=False),
    Column("expiresAt", Time(), key="expires_at", nullable=False),
    Column("claimToken", Text, key="claim_token"),
    Column("leaseEndsAt", Time(), key="lease_ends_at"),
    Column("postedAt", Time(), key="posted_at"),
    Column("settledAt", Time(), key="settled_at"),
    UniqueConstraint(
        "notification_id", "endpoint_hash", name="ReengagementDelivery_notificationId_endpointHash_key"
    ),
    one_of("state", OPEN_STATES + FINAL_STATES, "state"),
)
"""One notification for one subscription, with its outcome. The endpoint itself stays with the host:
here are its SHA-256 and its origin, since subscriptions vanish."""

Index(
    "ReengagementDelivery_due_idx",
    delivery.c.push_service,
    delivery.c.next_attempt_at,
    delivery.c.id,
    postgresql_where=delivery.c.state == "queued",
)
Index(
    "ReengagementDelivery_leased_idx",
    delivery.c.lease_ends_at,
    postgresql_where=delivery.c.state.in_(("claimed", "posting")),
)

Index("ReengagementDelivery_settledAt_idx", delivery.c.settled_at)

variant = Table(
    "ReengagementVariant",
    metadata,
    Column("id", Text, primary_key=True),
    Column("level", Integer, key="level", nullable=False),
    Column("messageType", Text, key="message_type", nullable=False),
    Column("enabled", Boolean, key="enabled", nullable=False, server_default=true()),
    Column("revision", Integer, key="revision", nullable=False, server_default=text("1")),
    CheckConstraint('"level" BETWEEN 1 AND 4', name="level"),
    one_of("messageType", MESSAGE_TYPES, "messageType"),
)
"""One text of a level and a message type; `revision` is the newest."""

revision = Table(
    "ReengagementVariantRevision",
    metadata,
    Column("variantId", Text, ForeignKey(variant.c.id), key="variant_id", primary_key=True),
    Column("revision", Integer, key="revision", primary_key=True),
    Column("title", Text, key="title", nullable=False),
    Column("body", Text, key="body", nullable=False),
    Column("url", Text, key="url", nullable=False),
    Column("createdAt", Time(), key="created_at", nullable=False),
    Column("createdBy", Text, key="created_by", nullable=False),
)
"""One edit of a variant, kept for ever, so that old figures stay true."""

run = Table(
    "ReengagementRun",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, key="kind", nullable=False),
    Column("startedBy", Text, key="started_by", nullable=False),
    Column("now", Time(), key="now", nullable=False),
    Column("localDate", Date, key="local_date", nullable=False),
    Column("startedAt", Time(), key="started_at", nullable=False),
    Column("finishedAt", Time(), key="finished_at"),
    Column("state", Text, key="state", nullable=False),
    Column("stage", Text, key="stage"),
    Column("error", Text, key="error"),
    Column("newCampaigns", Integer, key="new_campaigns"),
    Column("scheduledNotifications", Integer, key="scheduled_notifications"),
    Column("closedCampaigns", Integer, key="closed_campaigns"),
    Column("counts", JSONB, key="counts"),
    Column("rules", JSONB, key="rules"),
    one_of("kind", RUN_KINDS, "kind"),
    one_of("state", RUN_STATES, "state"),
)
"""One execution of the planner. `now` is the time it planned for, `started_at` and `finished_at` when it
happened; `counts` holds eligible and held-back users by reason."""

Index(
    "ReengagementRun_localDate_done_key",
    run.c.local_date,
    unique=True,
    postgresql_where=text("\"kind\" = 'scheduled' AND \"state\" = 'done'"),
)

opt_out = Table(
    "ReengagementOptOut",
    metadata,
    Column("userId", Text, key="user_id", primary_key=True),
    Column("createdAt", Time(), key="created_at", nullable=False),
)
"""Users who pressed our own opt-out link; honoured for this and every later lapse."""

push_origin = Table(
    "ReengagementPushOrigin",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("pausedUntil", Time(), key="paused_until"),
    Column("reason", Text, key="reason"),
    Column("refusals", Integer, key="refusals", nullable=False, server_default=text("0")),
    Column("acceptedAt", Time(), key="accepted_at"),
    Column("allowance", Double, key="allowance"),
    Column("allowanceAt", Time(), key="allowance_at"),
    Column("updatedAt", Time(), key="updated_at", nullable=False),
)
"""A push service's standing: a pause, how many 400/401/403 came in a row, when it accepted something (to the
minute), and what a rate limit leaves it."""

strike = Table(
    "ReengagementStrike",
    metadata,
    Column("endpointHash", LargeBinary, key="endpoint_hash", primary_key=True),
    Column("pushService", Text, key="push_service", nullable=False),
    Column("strikes", Integer, key="strikes", nullable=False),
    Column("statusCode", SmallInteger, key="status_code", nullable=False),
    Column("firstAt", Time(), key="first_at", nullable=False),
    Column("updatedAt", Time(), key="updated_at", nullable=False),
)
"""Rejections in a row of one subscription: how many, the last one's status, the times of first and last."""

setting = Table(
    "ReengagementSetting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSONB, key="value", nullable=False),
    Column("updatedAt", Time(), key="updated_at", nullable=False),
    Column("updatedBy", Text, key="updated_by", nullable=False),
)
"""What is set in the database: rules, the pause, when we were installed, the signing secret."""

consumer = Table(
    "ReengagementConsumer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, key="host", nullable=False),
    Column("pid", Integer, key="pid", nullable=False),
    Column("version", Text, key="version", nullable=False),
    Column("workers", Integer, key="workers", nullable=False),
    Column("startedAt", Time(), key="started_at", nullable=False),
    Column("seenAt", Time(), key="seen_at", nullable=False),
)
"""A Huey consumer's heartbeat."""

alert = Table(
    "ReengagementAlert",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, key="kind", nullable=False),
    Column("subject", Text, key="subject", nullable=False, server_default=text("''")),
    Column("details", JSONB, key="details", nullable=False),
    Column("sure", Boolean, key="sure", nullable=False),
    Column("openedAt", Time(), key="opened_at", nullable=False),
    Column("closedAt", Time(), key="closed_at"),
    Column("toldAt", Time(), key="told_at"),
    Column("toldTo", JSONB, key="told_to", nullable=False, server_default=text("'[]'::jsonb")),
    Column("tries", Integer, key="tries", nullable=False, server_default=text("0")),
    Column("nextTryAt", Time(), key="next_try_at"),
    Column("tellError", JSONB, key="tell_error"),
    one_of("kind", ALERT_KINDS, "kind"),
)
"""What was amiss, from when to when. `subject` is what it is about where there may be several (an origin of
a push service); `told_to` names the receivers that have it by a hash of their URL, which is a secret."""

Index(
    "ReengagementAlert_open_key",
    alert.c.kind,
    alert.c.subject,
    unique=True,
    postgresql_where=alert.c.closed_at.is_(None),
)
Index("ReengagementAlert_openedAt_idx", alert.c.opened_at)

duplicate = Table(
    "ReengagementNotificationDuplicate",
    metadata,
    Column("id", Text, primary_key=True),
    Column("row", JSONB, key="row", nullable=False),
)
"""Second notifications of one campaign and level, which an older system left: kept, not counted."""
