"""Strikes tell whose they are and since when; a push service, when it last accepted; an alert of many.

The strikes so far don't say it: they are dropped, and each subscription starts anew.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

STRIKES = """
DELETE FROM "ReengagementStrike";
ALTER TABLE "ReengagementStrike"
    ADD COLUMN "pushService" TEXT NOT NULL,
    ADD COLUMN "statusCode" SMALLINT NOT NULL,
    ADD COLUMN "firstAt" TIMESTAMP(3) NOT NULL;
ALTER TABLE "ReengagementPushOrigin" ADD COLUMN "acceptedAt" TIMESTAMP(3);
ALTER TABLE "ReengagementAlert" DROP CONSTRAINT "ReengagementAlert_kind_check";
ALTER TABLE "ReengagementAlert" ADD CONSTRAINT "ReengagementAlert_kind_check" CHECK (kind IN (
    'no_consumer', 'run_failed', 'run_missing', 'refused', 'struck', 'waiting_long', 'no_new_campaigns',
    'return_rate', 'click_rate'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(STRIKES)
