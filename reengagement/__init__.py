"""Brings a product's inactive users back.

The words, one a concept, in code, dashboard and documents:

- **host**: the product whose users we remind. **user**, **activity** (a completed step), **facts** (what
  we may say about a user).
- **lapse**: the time since a user's last activity. **campaign**: one user's lapse, opened then closed
  (*returned*, *exhausted*, *opted out*).
- **level** 1-4: a step of a campaign. **message type**: emotional, educational, motivational, mixed.
  **variant**: one editable text of a level and a type; **revision**: one edit of it.
- **notification**: one variant rendered for one campaign and level. **subscription**: a push endpoint
  with keys. **delivery**: one notification for one subscription, with its outcome.
- **run**: one execution of the planner. **claim**: a lease on work. **suppressed**: due but held back,
  with a reason.
- **click**, **return**, **opt-out**; **arm**: treated or holdout.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reengagement.audience import InactiveUser

__version__ = "0.1.0"


def find_inactive_users(now: datetime | None = None) -> Sequence[InactiveUser]:
    """Return everyone who has lapsed, as `python -m reengagement inactive` lists them (A5).

    `now` is naive UTC, PostgreSQL's time if not given; settings come from the environment and `.env`.
    Raises SettingsError, DatabaseUnreachable, NotMigrated, HostError.
    """
    from reengagement import audience, database, host, migrations, rules, settings

    configured = settings.load()
    with migrations.prepare(configured).connect() as connection:
        return audience.inactive_users(
            connection,
            host.connect(configured.host, connection),
            rules.in_force(connection, configured.rules).rules,
            now or database.clock(connection),
        )


__all__ = ["find_inactive_users"]
