"""Signed references to a notification, for the links in a message; they expire."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import Connection, select

from reengagement.errors import BadReference, NotMigrated
from reengagement.settings import Settings
from reengagement.tables import setting
from reengagement.vapid import base64url


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
def _key(secret: str) -> bytes:
    """Return the key of references: the secret may sign other things as well."""
    return hmac.digest(secret.encode(), b"reengagement.click", "sha256")


def make(secret: str, notification_id: str, expires_at: datetime) -> str:
    """Return a URL-safe, signed reference to a notification that expires at `expires_at` (naive UTC)."""
    seconds = int(expires_at.replace(tzinfo=UTC).timestamp())
    value = f"{base64url(notification_id.encode())}.{seconds:x}"
    return f"{value}.{_signature(secret, value)}"


def read(secret: str, signed: str, now: datetime) -> str:
    """Return the notification's id. Raises BadReference if forged, damaged or expired."""
    value, _, signature = signed.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(secret, value).encode()):
        raise BadReference("The link is not one of ours.")
    notification_id, _, seconds = value.partition(".")
    if now.replace(tzinfo=UTC).timestamp() >= int(seconds, 16):
        raise BadReference("The link has expired.")
    return base64.urlsafe_b64decode(notification_id + "=" * (-len(notification_id) % 4)).decode()


def _signature(secret: str, value: str) -> str:
    return base64url(hmac.digest(_key(secret), value.encode(), "sha256"))
