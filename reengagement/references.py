"""Signed references to a notification, for the links in a message; they expire."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Connection, select

from reengagement.errors import BadReference, NotMigrated
from reengagement.settings import Settings
from reengagement.tables import setting

LONGEST_REFERENCE = 512


def secret_of(connection: Connection, settings: Settings) -> str:
    """Return the secret that signs references: the one that is set, else the one made at migration.

    Raises NotMigrated where there is none.
    """
    if settings.secret:
        return settings.secret
    found = connection.execute(select(setting.c.value).where(setting.c.name == "secret")).scalar()
    if not found:
        raise NotMigrated("The database holds no secret for links: run `python -m reengagement migrate`.")
    return str(found)


@cache
def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret, salt="reengagement.click", signer_kwargs={"digest_method": hashlib.sha256}
    )


def make(secret: str, notification_id: str, expires_at: datetime) -> str:
    """Return a URL-safe, signed reference to a notification that expires at `expires_at` (naive UTC)."""
    seconds = int(expires_at.replace(tzinfo=UTC).timestamp())
    signed = _serializer(secret).dumps([notification_id, seconds])
    return signed if isinstance(signed, str) else signed.decode()


def read(secret: str, signed: str, now: datetime) -> str:
    """Return the notification's id. Raises BadReference if forged, damaged or expired."""
    if len(signed) > LONGEST_REFERENCE:
        raise BadReference("The link is not one of ours.")
    try:
        notification_id, seconds = _serializer(secret).loads(signed)
    except (BadData, ValueError, TypeError):
        raise BadReference("The link is not one of ours.") from None
    if now.replace(tzinfo=UTC).timestamp() >= seconds:
        raise BadReference("The link has expired.")
    return str(notification_id)
