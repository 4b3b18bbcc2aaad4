"""Browsers of people who use the dashboard, for tests of messages."""

from alembic import op

revision = "0007"
down_revision = "0006"

DEVICES = """
CREATE TABLE "ReengagementDevice" (
    "endpointHash" BYTEA CONSTRAINT "ReengagementDevice_pkey" PRIMARY KEY,
    name TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    keys JSONB NOT NULL,
    "addedAt" TIMESTAMP(3) NOT NULL,
    "testedAt" TIMESTAMP(3)
);
CREATE INDEX "ReengagementDevice_name_idx" ON "ReengagementDevice" (name);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(DEVICES)
