"""Who is signed in to the dashboard: one-time links, and the sessions that they open.

The database holds hashes only: who reads it can't sign in with what it says.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from reengagement import auditing
from reengagement.settings import Settings
from reengagement.tables import session

LINK_LIFETIME = timedelta(hours=24)
SESSION_LIFETIME = timedelta(days=7)
PATH = "/session"
"""Where the routes of signing in and out are mounted."""

COOKIE = "reengagement_session"
REFUSED = "refused"
"""The query parameter that tells the sign-in page that a link didn't work."""

ADMIN = "admin"
"""Who uses a one-time link, as runs and the audit trail name them."""

DEMO = "demo"


@dataclass(frozen=True)
class Session:
    """A session just opened: its `token` goes into the browser's cookie and nowhere else."""

    token: str
    name: str


def new_link(connection: Connection, settings: Settings, now: datetime, name: str = ADMIN) -> str:
    """Return the address of a link that signs in once, within 24 hours; forget what has expired."""
    connection.execute(delete(session).where(session.c.expires_at <= now))
    token = _add(connection, "link", name, now, now + LINK_LIFETIME)
    return f"{settings.public_url}{PATH}/sign-in?token={token}"


def redeem(connection: Connection, token: str, now: datetime) -> Session | None:
    """Use up the link with `token` and open a session; None if it was used, expired or never made.

    The row's deletion decides: of two who press at once, one gets in.
    """
    name = connection.execute(
        delete(session)
        .where(session.c.token_hash == _hash(token), session.c.kind == "link", session.c.expires_at > now)
        .returning(session.c.name)
    ).scalar_one_or_none()
    return begin(connection, name, now) if name is not None else None


def begin(connection: Connection, name: str, now: datetime) -> Session:
    """Open a session for `name`, whose right to it the caller has checked."""
    token = _add(connection, "session", name, now, now + SESSION_LIFETIME)
    auditing.note(connection, name, "signed_in", now)
    return Session(token, name)


def who(connection: Connection, token: str, now: datetime) -> str | None:
    """Return the name of the session with `token`, None if there is none or it has expired."""
    return connection.execute(
        select(session.c.name).where(
            session.c.token_hash == _hash(token), session.c.kind == "session", session.c.expires_at > now
        )
    ).scalar_one_or_none()


def end(connection: Connection, token: str, now: datetime) -> None:
    """Close the session with `token`, if there is one, for every tab that uses it."""
    name = connection.execute(
        delete(session)
        .where(session.c.token_hash == _hash(token), session.c.kind == "session")
        .returning(session.c.name)
    ).scalar_one_or_none()
    if name is not None:
        auditing.note(connection, name, "signed_out", now)


def _add(connection: Connection, kind: str, name: str, now: datetime, expires_at: datetime) -> str:
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(session).values(
            token_hash=_hash(token), kind=kind, name=name, created_at=now, expires_at=expires_at
        )
    )
    return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
