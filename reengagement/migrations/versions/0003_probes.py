"""What was settled of late is counted for the probes and the queue's page, whatever has piled up before."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute('CREATE INDEX "ReengagementDelivery_settledAt_idx" ON "ReengagementDelivery" ("settledAt")')
