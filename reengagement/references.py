"""Signed references to a notification, for the links in a message; they expire."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode
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
def _signer(secret: str) -> Signer:
    return Signer(secret, salt="reengagement.click", key_derivation="hmac", digest_method=hashlib.sha256)


def make(secret: str, notification_id: str, expires_at: datetime) -> str:
    """Return a URL-safe, signed reference to a notification that expires at `expires_at` (naive UTC)."""
    seconds = int(expires_at.replace(tzinfo=UTC).timestamp())
    return _signer(secret).sign(f"{base64_encode(notification_id).decode()}.{seconds:x}").decode()


def read(secret: str, signed: str, now: datetime) -> str:
    """Return the notification's id. Raises BadReference if forged, damaged or expired."""
    if len(signed) > LONGEST_REFERENCE:
        raise BadReference("The link is not one of ours.")
    try:
        value = _signer(secret).unsign(signed.encode()).decode()
    except (BadSignature, ValueError):
        raise BadReference("The link is not one of ours.") from None
    notification_id, _, seconds = value.rpartition(".")
    if now.replace(tzinfo=UTC).timestamp() >= int(seconds, 16):
        raise BadReference("The link has expired.")
    return base64_decode(notification_id).decode()
