"""The host's own accounts: a user name or an e-mail, and a password against the host's bcrypt hash.

A try takes the same time whether the account is unknown, no admin's, or the password is wrong: one
bcrypt check is always made, at the cost that this host's hashes have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import bcrypt
from sqlalchemy import Connection, or_, select

from reengagement.database import can_hold
from reengagement.host import Host

LONGEST_PASSWORD = 72
"""Bytes that bcrypt reads. The host's own check cuts what is longer, so a password that works there
works here too."""

COSTS = range(4, 17)
"""Costs that are checked; more would keep a process busy for minutes."""
USUAL_COST = 10
"""That of bcryptjs, where the host has no hash to go by."""

_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
"""Of the salt's last character bcrypt reads two bits only."""


@dataclass(frozen=True)
class Account:
    """An admin of the host."""

    user_id: str
    name: str


@dataclass(frozen=True)
class Candidate:
    """Who may be meant, None for nobody, and a hash to check the password against in any case."""

    account: Account | None
    hash: str = field(repr=False)


def find(connection: Connection, host: Host, name: str) -> Candidate:
    """Return whom `name` means: the admin with that user name, else the one with that e-mail.

    Raises HostError where the host keeps no passwords.
    """
    account = host.accounts().subquery()
    usual = connection.execute(
        select(account.c.password).where(account.c.password.like("$2%")).limit(1)
    ).scalar()
    decoy = Candidate(None, _decoy(usual))
    if not name or not can_hold(name):
        return decoy
    found = connection.execute(
        select(account)
        .where(or_(account.c.name == name, account.c.email.in_({name, name.lower()})))
        .order_by((account.c.name == name).desc(), account.c.user_id)
        .limit(1)
    ).one_or_none()
    if found is None or not _checkable(found.password):
        return decoy
    return Candidate(Account(found.user_id, found.name or found.email), found.password)


def matches(candidate: Candidate, password: str) -> bool:
    """Tell whether `password` is the candidate's; slow on purpose, and never faster for nobody's."""
    given = password.encode(errors="replace")
    right = bcrypt.checkpw(given.replace(b"\x00", b"\xff")[:LONGEST_PASSWORD], candidate.hash.encode())
    return right and candidate.account is not None and given != b"" and b"\x00" not in given


def _checkable(hashed: str | None) -> bool:
    return _cost(hashed) in COSTS


def _cost(hashed: str | None) -> int | None:
    found = _HASH.fullmatch(hashed or "")
    return int(found.group(1)) if found else None


def _decoy(usual: str | None) -> str:
    """Return a hash of nothing in particular that costs as much as the host's."""
    cost = _cost(usual)
    return f"$2b${cost if cost in COSTS else USUAL_COST:02}${'.' * 53}"
