"""Signed references to a notification or a user, for links and for what the host vouches for; they expire."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from functools import cache
from typing import Literal

from sqlalchemy import Connection, select

from reengagement.errors import BadReference, NotMigrated
from reengagement.settings import Settings
from reengagement.tables import setting
from reengagement.vapid import base64url

Purpose = Literal["click", "opt-out", "subscribe", "device"]
"""What a reference is good for; `subscribe` is signed by the host, with the secret that we share with it;
`device` lets someone who is signed in to the dashboard add the browser that opens it."""


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
def _key(secret: str, purpose: Purpose) -> bytes:
    """Return the key of a purpose: a reference made for one is worth nothing for another."""
    return hmac.digest(secret.encode(), f"reengagement.{purpose}".encode(), "sha256")


def make(secret: str, subject: str, expires_at: datetime, purpose: Purpose = "click") -> str:
    """Return a URL-safe, signed reference to `subject` that expires at `expires_at` (naive UTC)."""
    seconds = int(expires_at.replace(tzinfo=UTC).timestamp())
    value = f"{base64url(subject.encode())}.{seconds:x}"
    return f"{value}.{_signature(secret, value, purpose)}"


def read(secret: str, signed: str, now: datetime, purpose: Purpose = "click") -> str:
    """Return the subject. Raises BadReference if forged, damaged or expired."""
    subject, expires_at = parse(secret, signed, purpose)
    if now >= expires_at:
        raise BadReference("The link has expired.")
    return subject


def parse(secret: str, signed: str, purpose: Purpose = "click") -> tuple[str, datetime]:
    """Return the subject and when the reference expires (naive UTC), which is for the caller to judge.

    Raises BadReference if forged or damaged.
    """
    value, _, signature = signed.rpartition(".")
    if not hmac.compare_digest(
        signature.encode(errors="replace"), _signature(secret, value, purpose).encode()
    ):
        raise BadReference("The link is not one of ours.")
    try:  # the host makes references too, and may err
        encoded, _, seconds = value.partition(".")
        subject = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        expires_at = datetime.fromtimestamp(int(seconds, 16), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise BadReference("The link is damaged.") from None
    if "\x00" in subject:
        raise BadReference("The link is damaged.")
    return subject, expires_at


def _signature(secret: str, value: str, purpose: Purpose) -> str:
    return base64url(hmac.digest(_key(secret, purpose), value.encode(errors="replace"), "sha256"))
