"""The tables of the people who use the dashboard: their sessions, and what they did."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from reengagement.tables.schema import Time, metadata, one_of

DOORS = ("link", "demo", "accounts", "oidc")
"""Ways of signing in."""

session = Table(
    "ReengagementSession",
    metadata,
    Column("tokenHash", LargeBinary, key="token_hash", primary_key=True),
    Column("kind", Text, key="kind", nullable=False),
    Column("name", Text, key="name", nullable=False),
    Column("createdAt", Time(), key="created_at", nullable=False),
    Column("expiresAt", Time(), key="expires_at", nullable=False),
    Column("door", Text, key="door", nullable=False, server_default=text("'link'")),
    Column("userId", Text, key="user_id"),
    Column("endedAt", Time(), key="ended_at"),
    one_of("kind", ("link", "session"), "kind"),
    one_of("door", DOORS, "door"),
)
"""Sign-in links not yet used and sessions of the dashboard; only hashes of their tokens. `user_id` is the
host's, where the right to be here is a role there."""

sign_in_attempt = Table(
    "ReengagementSignInAttempt",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", Time(), key="at", nullable=False),
    Column("accountHash", LargeBinary, key="account_hash"),
    Column("addressHash", LargeBinary, key="address_hash", nullable=False),
    Index("ReengagementSignInAttempt_accountHash_idx", "account_hash"),
    Index("ReengagementSignInAttempt_addressHash_idx", "address_hash"),
)
"""Attempts to sign in of the last minutes, by hashes of the account tried and of the address."""

device = Table(
    "ReengagementDevice",
    metadata,
    Column("endpointHash", LargeBinary, key="endpoint_hash", primary_key=True),
    Column("name", Text, key="name", nullable=False),
    Column("endpoint", Text, key="endpoint", nullable=False),
    Column("keys", JSONB, key="keys", nullable=False),
    Column("addedAt", Time(), key="added_at", nullable=False),
    Column("testedAt", Time(), key="tested_at"),
    Index("ReengagementDevice_name_idx", "name"),
)
"""Browsers of people who use the dashboard, for tests of messages: no user of the host, never reminded."""

audit = Table(
    "ReengagementAudit",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", Time(), key="at", nullable=False),
    Column("who", Text, key="who", nullable=False),
    Column("what", Text, key="what", nullable=False),
    Column("details", JSONB, key="details"),
)
"""Who did what in the dashboard and on the command line."""
