"""The foundation: our tables, or an older system's tables adopted.

Where an older system has left "ReengagementCampaign" and "ReengagementNotification", its rows stay:
columns are added, second active campaigns of a user are closed, and second notifications of one level
are kept aside in "ReengagementNotificationDuplicate".
"""

from alembic import op

revision = "0001"
down_revision = None

CAMPAIGNS = """
CREATE TABLE IF NOT EXISTS "ReengagementCampaign" (
    id TEXT NOT NULL CONSTRAINT "ReengagementCampaign_pkey" PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "currentLevel" INTEGER NOT NULL DEFAULT 1,
    "lastActivityDate" TIMESTAMP(3) NOT NULL,
    "campaignStartDate" TIMESTAMP(3) NOT NULL,
    "lastNotificationSent" TIMESTAMP(3),
    "nextNotificationDate" TIMESTAMP(3),
    returned BOOLEAN NOT NULL DEFAULT false,
    "returnedAt" TIMESTAMP(3),
    unsubscribed BOOLEAN NOT NULL DEFAULT false,
    "totalNotificationsSent" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL
);
ALTER TABLE "ReengagementCampaign"
    ADD COLUMN IF NOT EXISTS "lastNotificationSent" TIMESTAMP(3),
    ADD COLUMN IF NOT EXISTS "nextNotificationDate" TIMESTAMP(3),
    ADD COLUMN IF NOT EXISTS unsubscribed BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS "totalNotificationsSent" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "runId" BIGINT,
    ADD COLUMN ordinal INTEGER,
    ADD COLUMN "closedReason" TEXT CONSTRAINT "ReengagementCampaign_closedReason_check"
        CHECK ("closedReason" IN ('returned', 'exhausted', 'opted_out')),
    ADD COLUMN "closedAt" TIMESTAMP(3),
    ADD COLUMN "windowEndsAt" TIMESTAMP(3),
    ADD COLUMN "firstReturnAt" TIMESTAMP(3),
    ADD COLUMN "lastReminderAt" TIMESTAMP(3),
    ADD COLUMN arm TEXT NOT NULL DEFAULT 'treated' CONSTRAINT "ReengagementCampaign_arm_check"
        CHECK (arm IN ('treated', 'holdout')),
    ADD COLUMN "holdoutShare" DOUBLE PRECISION,
    ADD COLUMN "holdoutSalt" TEXT;
"""

NOTIFICATIONS = """
CREATE TABLE IF NOT EXISTS "ReengagementNotification" (
    id TEXT NOT NULL CONSTRAINT "ReengagementNotification_pkey" PRIMARY KEY,
    "campaignId" TEXT NOT NULL CONSTRAINT "ReengagementNotification_campaignId_fkey"
        REFERENCES "ReengagementCampaign" (id) ON DELETE CASCADE,
    level INTEGER NOT NULL,
    "messageType" TEXT NOT NULL,
    "variantId" TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    url TEXT,
    sent BOOLEAN NOT NULL DEFAULT false,
    "sentAt" TIMESTAMP(3),
    opened BOOLEAN NOT NULL DEFAULT false,
    "openedAt" TIMESTAMP(3),
    clicked BOOLEAN NOT NULL DEFAULT false,
    "clickedAt" TIMESTAMP(3),
    "successCount" INTEGER NOT NULL DEFAULT 0,
    "failedCount" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL
);
ALTER TABLE "ReengagementNotification"
    ADD COLUMN IF NOT EXISTS url TEXT,
    ADD COLUMN IF NOT EXISTS opened BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS "openedAt" TIMESTAMP(3),
    ADD COLUMN IF NOT EXISTS "successCount" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "failedCount" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "runId" BIGINT,
    ADD COLUMN revision INTEGER,
    ADD COLUMN "choiceProbability" DOUBLE PRECISION,
    ADD COLUMN "queuedAt" TIMESTAMP(3),
    ADD COLUMN "expiresAt" TIMESTAMP(3),
    ADD COLUMN "fannedOutAt" TIMESTAMP(3),
    ADD COLUMN "subscriptionCount" INTEGER,
    ADD COLUMN "settledAt" TIMESTAMP(3),
    ADD COLUMN outcome TEXT CONSTRAINT "ReengagementNotification_outcome_check"
        CHECK (outcome IN ('sent', 'unknown', 'failed', 'expired', 'suppressed', 'unreachable'));
"""

RECONCILE = """
UPDATE "ReengagementCampaign" AS older
SET "isActive" = false, "closedReason" = 'exhausted', "closedAt" = older."updatedAt"
WHERE older."isActive" AND EXISTS (
    SELECT FROM "ReengagementCampaign" AS newer
    WHERE newer."userId" = older."userId" AND newer."isActive"
      AND (newer."campaignStartDate", newer.id) > (older."campaignStartDate", older.id));

CREATE TABLE "ReengagementNotificationDuplicate" (
    id TEXT NOT NULL CONSTRAINT "ReengagementNotificationDuplicate_pkey" PRIMARY KEY,
    "row" JSONB NOT NULL
);
WITH ranked AS (
    SELECT id, row_number() OVER (
        PARTITION BY "campaignId", level ORDER BY clicked DESC, sent DESC, "createdAt" DESC, id) AS place
    FROM "ReengagementNotification"
), moved AS (
    DELETE FROM "ReengagementNotification" AS notification USING ranked
    WHERE ranked.id = notification.id AND ranked.place > 1
    RETURNING notification.*
)
INSERT INTO "ReengagementNotificationDuplicate" (id, "row") SELECT id, to_jsonb(moved) FROM moved;

UPDATE "ReengagementCampaign" SET
    "closedReason" = CASE WHEN "isActive" THEN NULL WHEN returned THEN 'returned'
                          WHEN unsubscribed THEN 'opted_out' ELSE 'exhausted' END,
    "closedAt" = CASE WHEN "isActive" THEN NULL ELSE coalesce("closedAt", "returnedAt", "updatedAt") END,
    "windowEndsAt" = "campaignStartDate" + INTERVAL '32 days',
    "firstReturnAt" = CASE WHEN returned AND "returnedAt" <= "campaignStartDate" + INTERVAL '32 days'
                           THEN "returnedAt" END,
    "lastReminderAt" = "lastNotificationSent",
    ordinal = numbered.ordinal
FROM (SELECT id AS campaign_id, row_number() OVER (
          PARTITION BY "userId" ORDER BY "campaignStartDate", id) AS ordinal
      FROM "ReengagementCampaign") AS numbered
WHERE numbered.campaign_id = id;
"""

INDEXES = """
CREATE UNIQUE INDEX "ReengagementCampaign_userId_active_key"
    ON "ReengagementCampaign" ("userId") WHERE "isActive";
CREATE INDEX "ReengagementCampaign_userId_campaignStartDate_idx"
    ON "ReengagementCampaign" ("userId", "campaignStartDate");
CREATE INDEX "ReengagementCampaign_campaignStartDate_idx" ON "ReengagementCampaign" ("campaignStartDate", id);
ALTER TABLE "ReengagementNotification"
    ADD CONSTRAINT "ReengagementNotification_campaignId_level_key" UNIQUE ("campaignId", level);
CREATE INDEX "ReengagementNotification_waiting_idx" ON "ReengagementNotification" ("queuedAt", id)
    WHERE "runId" IS NOT NULL AND "fannedOutAt" IS NULL AND "settledAt" IS NULL;
CREATE INDEX "ReengagementNotification_sentAt_idx" ON "ReengagementNotification" ("sentAt") WHERE sent;
"""

DELIVERIES = """
CREATE TABLE "ReengagementDelivery" (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY CONSTRAINT "ReengagementDelivery_pkey" PRIMARY KEY,
    "notificationId" TEXT NOT NULL CONSTRAINT "ReengagementDelivery_notificationId_fkey"
        REFERENCES "ReengagementNotification" (id) ON DELETE CASCADE,
    "subscriptionId" TEXT NOT NULL,
    "endpointHash" BYTEA NOT NULL,
    "pushService" TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued' CONSTRAINT "ReengagementDelivery_state_check"
        CHECK (state IN ('queued', 'claimed', 'posting', 'accepted', 'gone', 'rejected', 'expired',
                         'unsupported', 'suppressed', 'unknown')),
    reason TEXT,
    "statusCode" SMALLINT,
    attempts INTEGER NOT NULL DEFAULT 0,
    "queuedAt" TIMESTAMP(3) NOT NULL,
    "nextAttemptAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "claimToken" TEXT,
    "leaseEndsAt" TIMESTAMP(3),
    "postedAt" TIMESTAMP(3),
    "settledAt" TIMESTAMP(3),
    CONSTRAINT "ReengagementDelivery_notificationId_endpointHash_key"
        UNIQUE ("notificationId", "endpointHash")
);
CREATE INDEX "ReengagementDelivery_due_idx" ON "ReengagementDelivery" ("pushService", "nextAttemptAt", id)
    WHERE state = 'queued';
CREATE INDEX "ReengagementDelivery_leased_idx" ON "ReengagementDelivery" ("leaseEndsAt")
    WHERE state IN ('claimed', 'posting');
CREATE TABLE "ReengagementPushOrigin" (
    origin TEXT NOT NULL CONSTRAINT "ReengagementPushOrigin_pkey" PRIMARY KEY,
    "pausedUntil" TIMESTAMP(3),
    reason TEXT,
    refusals INTEGER NOT NULL DEFAULT 0,
    allowance DOUBLE PRECISION,
    "allowanceAt" TIMESTAMP(3),
    "updatedAt" TIMESTAMP(3) NOT NULL
);
CREATE TABLE "ReengagementStrike" (
    "endpointHash" BYTEA NOT NULL CONSTRAINT "ReengagementStrike_pkey" PRIMARY KEY,
    strikes INTEGER NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL
);
CREATE TABLE "ReengagementOptOut" (
    "userId" TEXT NOT NULL CONSTRAINT "ReengagementOptOut_pkey" PRIMARY KEY,
    "createdAt" TIMESTAMP(3) NOT NULL
);
"""

VARIANTS = """
CREATE TABLE "ReengagementVariant" (
    id TEXT NOT NULL CONSTRAINT "ReengagementVariant_pkey" PRIMARY KEY,
    level INTEGER NOT NULL CONSTRAINT "ReengagementVariant_level_check" CHECK (level BETWEEN 1 AND 4),
    "messageType" TEXT NOT NULL CONSTRAINT "ReengagementVariant_messageType_check"
        CHECK ("messageType" IN ('emotional', 'educational', 'motivational', 'mixed')),
    enabled BOOLEAN NOT NULL DEFAULT true,
    revision INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE "ReengagementVariantRevision" (
    "variantId" TEXT NOT NULL CONSTRAINT "ReengagementVariantRevision_variantId_fkey"
        REFERENCES "ReengagementVariant" (id),
    revision INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    url TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "createdBy" TEXT NOT NULL,
    CONSTRAINT "ReengagementVariantRevision_pkey" PRIMARY KEY ("variantId", revision)
);
"""

OPERATION = """
CREATE TABLE "ReengagementRun" (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY CONSTRAINT "ReengagementRun_pkey" PRIMARY KEY,
    kind TEXT NOT NULL CONSTRAINT "ReengagementRun_kind_check" CHECK (kind IN ('scheduled', 'manual')),
    "startedBy" TEXT NOT NULL,
    now TIMESTAMP(3) NOT NULL,
    "localDate" DATE NOT NULL,
    "startedAt" TIMESTAMP(3) NOT NULL,
    "finishedAt" TIMESTAMP(3),
    state TEXT NOT NULL CONSTRAINT "ReengagementRun_state_check"
        CHECK (state IN ('running', 'done', 'failed', 'crashed', 'already_running')),
    stage TEXT,
    error TEXT,
    "newCampaigns" INTEGER,
    "scheduledNotifications" INTEGER,
    "closedCampaigns" INTEGER,
    counts JSONB,
    rules JSONB
);
CREATE UNIQUE INDEX "ReengagementRun_localDate_done_key" ON "ReengagementRun" ("localDate")
    WHERE kind = 'scheduled' AND state = 'done';
CREATE TABLE "ReengagementSetting" (
    name TEXT NOT NULL CONSTRAINT "ReengagementSetting_pkey" PRIMARY KEY,
    value JSONB NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "updatedBy" TEXT NOT NULL
);
CREATE TABLE "ReengagementConsumer" (
    id TEXT NOT NULL CONSTRAINT "ReengagementConsumer_pkey" PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    workers INTEGER NOT NULL,
    "startedAt" TIMESTAMP(3) NOT NULL,
    "seenAt" TIMESTAMP(3) NOT NULL
);
CREATE TABLE "ReengagementSession" (
    "tokenHash" BYTEA NOT NULL CONSTRAINT "ReengagementSession_pkey" PRIMARY KEY,
    kind TEXT NOT NULL CONSTRAINT "ReengagementSession_kind_check" CHECK (kind IN ('link', 'session')),
    name TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL
);
CREATE TABLE "ReengagementAudit" (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY CONSTRAINT "ReengagementAudit_pkey" PRIMARY KEY,
    at TIMESTAMP(3) NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    details JSONB
);
"""

BROKER = """
CREATE TABLE IF NOT EXISTS reengagement_huey_kv (
    queue TEXT NOT NULL, key TEXT NOT NULL, value BYTEA NOT NULL, PRIMARY KEY (queue, key));
CREATE TABLE IF NOT EXISTS reengagement_huey_schedule (
    id BIGSERIAL PRIMARY KEY, queue TEXT NOT NULL, data BYTEA NOT NULL, timestamp DOUBLE PRECISION NOT NULL);
CREATE INDEX IF NOT EXISTS reengagement_huey_schedule_queue_timestamp
    ON reengagement_huey_schedule (queue, timestamp);
CREATE TABLE IF NOT EXISTS reengagement_huey_task (
    id BIGSERIAL PRIMARY KEY, queue TEXT NOT NULL, data BYTEA NOT NULL,
    priority DOUBLE PRECISION NOT NULL DEFAULT 0.0);
CREATE INDEX IF NOT EXISTS reengagement_huey_task_queue_priority_id
    ON reengagement_huey_task (queue, priority DESC, id);
CREATE TABLE IF NOT EXISTS reengagement_huey_counter (
    queue TEXT NOT NULL, key TEXT NOT NULL, value BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (queue, key));
"""
"""What `PostgresHuey` of huey 3.5 would create itself; a test compares the two."""


def upgrade() -> None:
    for script in (
        CAMPAIGNS,
        NOTIFICATIONS,
        RECONCILE,
        INDEXES,
        DELIVERIES,
        VARIANTS,
        OPERATION,
        BROKER,
    ):
        op.get_bind().exec_driver_sql(script)
