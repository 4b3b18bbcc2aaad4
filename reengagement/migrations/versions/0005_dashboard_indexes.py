"""The overview reads by when something was sent, clicked or returned: each by an index of its own."""

from alembic import op

revision = "0005"
down_revision = "0004"

INDEXES = """
DROP INDEX "ReengagementNotification_sentAt_idx";
CREATE INDEX "ReengagementNotification_sent_idx"
    ON "ReengagementNotification" (coalesce("sentAt", "clickedAt")) WHERE sent OR clicked;
CREATE INDEX "ReengagementNotification_clickedAt_idx"
    ON "ReengagementNotification" ("clickedAt") WHERE clicked;
CREATE INDEX "ReengagementCampaign_firstReturnAt_idx"
    ON "ReengagementCampaign" ("firstReturnAt") WHERE "firstReturnAt" IS NOT NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(INDEXES)
