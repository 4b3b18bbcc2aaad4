"""The audit trail: who did what in the dashboard and on the command line, and when.

A note is written in the transaction of the deed, so that neither is there without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, func, insert, select

from reengagement.tables import audit

Action = Literal[
    "signed_in",
    "sign_in_refused",
    "signed_out",
    "run",
    "paused",
    "resumed",
    "text_edited",
    "text_enabled",
    "text_disabled",
    "test_sent",
    "text_tried",
    "device_added",
    "device_removed",
    "retried",
    "resent",
    "rule_changed",
]
ACTIONS: tuple[Action, ...] = get_args(Action)
"""What is noted. A new one needs a name in `dashboard/labels.py`."""

LONGEST = 120
"""Characters of a name or a detail: strangers choose what they type into a sign-in form."""


@dataclass(frozen=True)
class Note:
    """One entry of the trail. `details` are strings, numbers and truth values by their names."""

    at: datetime
    who: str
    what: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Trail:
    """One page of notes, newest first, out of `total`."""

    notes: Sequence[Note]
    total: int


def note(connection: Connection, who: str, what: Action, now: datetime, **details: Any) -> None:
    """Write that `who` did `what` at `now`; each detail is cut to `LONGEST` characters.

    Never pass a secret, an endpoint, or an address that the deed doesn't need.
    """
    if what not in ACTIONS:
        raise ValueError(f"{what!r} is not an action: add it to auditing.Action and to labels.action")
    cut = {name: _fit(value) for name, value in details.items() if value is not None}
    connection.execute(insert(audit).values(at=now, who=_fit(who), what=what, details=cut or None))


def read(
    connection: Connection,
    *,
    who: str | None = None,
    what: str | None = None,
    skip: int = 0,
    limit: int = 50,
) -> Trail:
    """Return notes, newest first, of one person or one action where given."""
    wanted = [column == value for column, value in ((audit.c.who, who), (audit.c.what, what)) if value]
    total = connection.execute(select(func.count()).select_from(audit).where(*wanted)).scalar_one()
    rows = connection.execute(
        select(audit.c.at, audit.c.who, audit.c.what, audit.c.details)
        .where(*wanted)
        .order_by(audit.c.id.desc())
        .offset(skip)
        .limit(limit)
    )
    return Trail([Note(row.at, row.who, row.what, row.details or {}) for row in rows], total)


def names(connection: Connection) -> Sequence[str]:
    """Return everyone who did something, by name."""
    return connection.execute(select(audit.c.who).distinct().order_by(audit.c.who)).scalars().all()


def _fit(value: Any) -> Any:
    """Return a value that PostgreSQL can keep as text and JSON, no longer than `LONGEST`."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value).replace("\x00", "\ufffd").encode(errors="replace").decode()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
