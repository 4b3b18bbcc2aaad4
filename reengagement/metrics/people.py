"""Users of the host, as someone looks for them: by id, by e-mail, by name or a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy.types import Text

from reengagement.host import Host
from reengagement.tables import campaign

SHORTEST_PART = 2
"""Fewer letters of a name are no search: a third of all names hold an `a`."""


@dataclass(frozen=True)
class Person:
    """A user of the host; name and e-mail are None where the host knows none."""

    user_id: str
    name: str | None
    email: str | None


def find_people(connection: Connection, host: Host, text: str, limit: int) -> list[Person]:
    """Return at most `limit` users whom `text` means, by name.

    Who bears it as id, e-mail or name, whole; only if nobody does, whose name or e-mail it is a part of. So
    a whole one is found by the host's own indexes. A user whom only our campaigns know is found by id.
    """
    wanted = text.strip()
    if not wanted:
        return []
    users = host.users().subquery("users")
    for condition in (_is_whole(users, wanted), _is_part(users, wanted)):
        found = _people(connection, users, condition, limit) if condition is not None else []
        if found:
            return found
    known = person(connection, host, wanted)
    return [known] if known else []


def person(connection: Connection, host: Host, user_id: str) -> Person | None:
    """Return the user with this id; one whom only our campaigns know has neither name nor e-mail."""
    users = host.users().subquery("users")
    found = _people(connection, users, users.c.user_id == user_id, 1)
    if found:
        return found[0]
    theirs = select(campaign.c.id).where(campaign.c.user_id == user_id).limit(1)
    return Person(user_id, None, None) if connection.execute(theirs).first() else None


def meant_by(host: Host, text: str) -> Select[Any] | CompoundSelect[Any]:
    """Return `user_id` of all whom `text` means: by id, or by a part of name or e-mail."""
    wanted, users = text.strip(), host.users().subquery("users")
    part = _is_part(users, wanted)
    by_id = select(literal(wanted, Text).label("user_id"))
    return by_id if part is None else union(by_id, select(users.c.user_id).where(part))


def _people(
    connection: Connection, users: FromClause, condition: ColumnElement[bool], limit: int
) -> list[Person]:
    rows = connection.execute(
        select(users.c.user_id, users.c.name, users.c.email)
        .where(condition)
        .order_by(users.c.name, users.c.user_id)
        .limit(limit)
    )
    return [Person(**row._mapping) for row in rows]


def _is_whole(users: FromClause, text: str) -> ColumnElement[bool]:
    return or_(users.c.user_id == text, users.c.email == text, users.c.name == text)


def _is_part(users: FromClause, text: str) -> ColumnElement[bool] | None:
    if len(text) < SHORTEST_PART:
        return None
    return or_(users.c.name.icontains(text, autoescape=True), users.c.email.icontains(text, autoescape=True))
