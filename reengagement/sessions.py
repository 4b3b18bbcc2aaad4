"""Who is signed in to the dashboard: one-time links, and the sessions that doors open.

The database holds hashes only: who reads it can't sign in with what it says. Where the right to be here
is a role on the host, it is looked up there each time: a role taken away ends the session at once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Connection, delete, select, true, update
from sqlalchemy.dialects.postgresql import insert

from reengagement import auditing, host
from reengagement.errors import SettingsError
from reengagement.settings import Settings
from reengagement.tables import session

Door = Literal["link", "demo", "accounts", "oidc"]

LINK_LIFETIME = timedelta(hours=24)
SESSION_LIFETIME = timedelta(days=7)
PATH = "/session"
"""Where the routes of signing in and out are mounted."""

COOKIE = "reengagement_session"
REFUSED = "refused"
"""The query parameter that tells the sign-in page what didn't work."""

ADMIN = "admin"
"""Who uses a one-time link, as runs and the audit trail name them."""

DEMO = "demo"
STRANGER = "stranger"
"""Who was refused, as the audit trail names them: what they typed proves nothing."""


@dataclass(frozen=True)
class Session:
    """A session just opened: its `token` goes into the browser's cookie and nowhere else."""

    token: str
    name: str


def new_link(connection: Connection, settings: Settings, now: datetime, name: str = ADMIN) -> str:
    """Return the address of a link that signs in once, within 24 hours.

    Raises SettingsError where that door is closed.
    """
    if "link" not in settings.doors:
        raise SettingsError(
            f"REENGAGEMENT_SIGN_IN is {','.join(settings.sign_in)}, so a link would open nothing: add link."
        )
    token = secrets.token_urlsafe(32)
    _add(connection, token, "link", "link", name, now, now + LINK_LIFETIME)
    return f"{settings.public_url}{PATH}/sign-in?token={token}"


def redeem(connection: Connection, settings: Settings, token: str, now: datetime) -> Session | None:
    """Use up the link with `token` and open a session; None if it was used, expired or never made.

    The row's deletion decides: of two who press at once, one gets in.
    """
    if "link" not in settings.doors:
        return None
    name = connection.execute(
        delete(session)
        .where(session.c.token_hash == _hash(token), session.c.kind == "link", *_lasting(now))
        .returning(session.c.name)
    ).scalar_one_or_none()
    return begin(connection, name, now) if name is not None else None


def begin(
    connection: Connection, name: str, now: datetime, *, door: Door = "link", user_id: str | None = None
) -> Session:
    """Open a session for `name`, whose right to it the caller has checked.

    With `user_id` it lasts only as long as that user of the host is an admin there.
    """
    token = secrets.token_urlsafe(32)
    _add(connection, token, "session", door, name, now, now + SESSION_LIFETIME, user_id)
    auditing.note(connection, name, "signed_in", now, door=door)
    return Session(token, name)


def adopt(
    connection: Connection, key: str, name: str, now: datetime, *, user_id: str | None, until: datetime
) -> bool:
    """Open a session for one sign-in at a provider; tell whether that one hadn't been opened before.

    `key` names the sign-in. A session that was ended can't be opened again with what the browser kept.
    """
    if not _add(connection, key, "session", "oidc", name, now, until, user_id):
        return False
    auditing.note(connection, name, "signed_in", now, door="oidc")
    return True


def refuse(connection: Connection, key: str, account: str, now: datetime, *, until: datetime) -> None:
    """Note that a sign-in at a provider gave `account` no entry; once, however often the page is drawn."""
    if _add(connection, key, "session", "oidc", STRANGER, now, until, ended_at=now):
        auditing.note(connection, STRANGER, "sign_in_refused", now, door="oidc", account=account)


def who(
    connection: Connection, settings: Settings, token: str, now: datetime, *, provider: bool = False
) -> str | None:
    """Return the name of the session with `token`; None if there is none, or it may no longer be here.

    Over are sessions that expired or were ended, whose door was closed, whose user is no admin of the
    host any more. `provider` tells that the token is the key of a sign-in at a provider, which is no
    secret: as a cookie it opens nothing.
    """
    doors = {"oidc"} & set(settings.doors) if provider else set(settings.doors) - {"oidc"}
    found = connection.execute(
        select(session.c.name, session.c.user_id).where(
            session.c.token_hash == _hash(token),
            session.c.kind == "session",
            session.c.door.in_(doors),
            *_lasting(now),
        )
    ).one_or_none()
    if found is None or (found.user_id is not None and not _is_admin(connection, settings, found.user_id)):
        return None
    return str(found.name)


def end(connection: Connection, token: str, now: datetime) -> None:
    """Close the session with `token`, if there is one, for every tab that uses it."""
    name = connection.execute(
        update(session)
        .where(session.c.token_hash == _hash(token), session.c.kind == "session", *_lasting(now))
        .values(ended_at=now)
        .returning(session.c.name)
    ).scalar_one_or_none()
    if name is not None:
        auditing.note(connection, name, "signed_out", now)


def end_all(connection: Connection, name: str | None, now: datetime, *, by: str) -> int:
    """Close all sessions of one person, or of everyone, and withdraw unused links; return how many."""
    whose = session.c.name == name if name is not None else true()
    ended = connection.execute(
        update(session).where(whose, *_lasting(now)).values(ended_at=now).returning(session.c.name)
    ).all()
    auditing.note(connection, by, "signed_out", now, name=name, sessions=len(ended))
    return len(ended)


def _lasting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return session.c.expires_at > now, session.c.ended_at.is_(None)


def _is_admin(connection: Connection, settings: Settings, user_id: str) -> bool:
    admins = host.connect(settings.host, connection).admins().subquery()
    return connection.execute(select(admins.c.user_id).where(admins.c.user_id == user_id)).first() is not None


def _add(
    connection: Connection,
    token: str,
    kind: str,
    door: Door,
    name: str,
    now: datetime,
    expires_at: datetime,
    user_id: str | None = None,
    ended_at: datetime | None = None,
) -> bool:
    """Insert a row, unless its token has one; tell which. Forget what has expired."""
    connection.execute(delete(session).where(session.c.expires_at <= now))
    row = insert(session).values(
        token_hash=_hash(token),
        kind=kind,
        door=door,
        name=name,
        user_id=user_id,
        created_at=now,
        expires_at=expires_at,
        ended_at=ended_at,
    )
    added = row.on_conflict_do_nothing(index_elements=[session.c.token_hash]).returning(session.c.name)
    return connection.execute(added).first() is not None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
