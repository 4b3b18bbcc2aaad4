"""The seam to the product whose users we remind: one module a known host, chosen by REENGAGEMENT_HOST.

A host module holds one class, `Tables`, whose selects have fixed labels (see `Host`). Nothing else in
this package names a table of a host.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, FromClause, Select

from reengagement.errors import HostError


@dataclass(frozen=True, slots=True)
class Subscription:
    """A push subscription as the host has it. Endpoint and keys are secrets."""

    subscription_id: str
    endpoint: str = field(repr=False)
    keys: Any = field(repr=False)


class Host(Protocol):
    """What the rest of the package may ask of a host. Times are naive UTC; ids are text."""

    absent: frozenset[str]
    """Optional tables that this host doesn't have; they are treated as empty."""

    def users(self) -> Select[Any]:
        """Return `user_id, name, email, role`, a row a user."""

    def admins(self) -> Select[Any]:
        """Return `user_id, name, email`, a row for each user who may see the dashboard (F1)."""

    def accounts(self) -> Select[Any]:
        """Return `user_id, name, email, password`, a row an admin; the password is a bcrypt hash.

        Raises HostError if this host keeps none.
        """

    def activity(self) -> Select[Any]:
        """Return `user_id, at`, a row a completed step."""

    def subscriptions(self) -> Select[Any]:
        """Return `subscription_id, user_id, endpoint, keys` (jsonb), a row a push subscription."""

    def facts(self, of: FromClause) -> Select[Any]:
        """Return, a row for each `user_id` of `of`: `user_id, user_name, dog_name, courses_completed,
        best_course`; names are null where there is none. The best course is that of the user's own
        highest rating of 4 or more, else the latest completed (C2)."""

    def reminders_refused(self) -> Select[Any]:
        """Return `user_id` of those whose own settings on the host refuse reminders (A4)."""

    def save_subscription(
        self, connection: Connection, *, user_id: str, endpoint: str, p256dh: str, auth: str, now: Any
    ) -> None:
        """Insert or renew a subscription."""

    def remove_subscriptions(self, connection: Connection, dead: Sequence[Subscription]) -> int:
        """Remove dead subscriptions whose endpoint and keys are still these; return how many were."""


def known() -> list[str]:
    """Return the names that REENGAGEMENT_HOST may have."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def connect(name: str, connection: Connection) -> Host:
    """Return the host `name` as `connection` sees it.

    Raises HostError if there is no such host, or if a table or column that is needed is missing.
    """
    if name not in known():
        raise HostError(f"REENGAGEMENT_HOST: {name!r} is not a known host; known: {', '.join(known())}.")
    host: Host = importlib.import_module(f"{__name__}.{name}").Tables(connection)
    return host
