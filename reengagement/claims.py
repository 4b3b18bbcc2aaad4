"""What an OpenID Connect provider says of a visitor, and whether that makes them an admin.

The claims were verified before: Streamlit reads them from a token that the provider signed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from reengagement import host, sessions
from reengagement.database import can_hold
from reengagement.settings import Settings

Claims = Mapping[str, Any]

SKEW = timedelta(minutes=5)
"""By how much a provider's clock may be ahead of the database's."""


@dataclass(frozen=True)
class Admin:
    """Whom the claims name, and which user of the host that is, where the host decides."""

    name: str
    user_id: str | None


def key_of(claims: Claims) -> str:
    """Return what tells this sign-in from every other; it names a session and opens none by itself."""
    return json.dumps([claims.get(name) for name in ("iss", "sub", "iat", "nonce")], default=str)


def admit(connection: Connection, settings: Settings, claims: Claims, now: datetime) -> str | None:
    """Open a session for whom the claims name; return their name, or None.

    Nobody gets in whose sign-in is too old, or was ended or refused before, or who isn't an admin.
    """
    key, until = key_of(claims), expiry(claims, settings, now)
    if until is None:
        return None
    found = admin(connection, settings, claims)
    if found is None:
        sessions.refuse(connection, key, _account(claims), now, until=until)
        return None
    new = sessions.adopt(connection, key, found.name, now, user_id=found.user_id, until=until)
    return found.name if new else None


def expiry(claims: Claims, settings: Settings, now: datetime) -> datetime | None:
    """Return until when a sign-in holds (naive UTC), None if it is over or says no sound time."""
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not 0 < issued < 2**33:
        return None
    at = datetime.fromtimestamp(issued, UTC).replace(tzinfo=None)
    until = at + timedelta(hours=settings.oidc_hours)
    return until if at <= now + SKEW and now < until else None


def admin(connection: Connection, settings: Settings, claims: Claims) -> Admin | None:
    """Return the admin whom the claims name: by the claim that the settings name, else by the host's role."""
    if settings.oidc_claim is not None:
        if not has(claims, settings.oidc_claim, settings.oidc_claim_value):
            return None
        return Admin(_account(claims), None)
    return _admin_of_the_host(connection, settings, _verified_email(claims))


def has(claims: Claims, name: str, value: str) -> bool:
    """Tell whether the claim `name` is `value`, or a list with it, or true; `a.b` also means b in a."""
    found = claims.get(name, _within(claims, name.split(".")))
    if isinstance(found, bool):
        return found and value == "true"
    return value in found if isinstance(found, list | tuple) else found == value


def _within(claims: Any, path: list[str]) -> Any:
    for name in path:
        claims = claims.get(name) if isinstance(claims, Mapping) else None
    return claims


def _account(claims: Claims) -> str:
    subject = str(claims.get("sub"))
    return _verified_email(claims) or (subject if can_hold(subject) else "?")


def _verified_email(claims: Claims) -> str | None:
    """Return the e-mail that the provider vouches for: anyone may call themselves what they like."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or not can_hold(email):
        return None
    return email or None


def _admin_of_the_host(connection: Connection, settings: Settings, email: str | None) -> Admin | None:
    """Return the host's admin with that e-mail; nobody where two have it in different spellings."""
    if email is None:
        return None
    admins = host.connect(settings.host, connection).admins().subquery()
    found = connection.execute(select(admins).where(admins.c.email.in_({email, email.lower()}))).all()
    return Admin(found[0].name or email, found[0].user_id) if len(found) == 1 else None
