"""Why one user gets a reminder, or none: what a run would find, rule by rule, and what comes next.

It is the planner's own pipeline, staged for this user alone, so that the two can't disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from reengagement import audience, campaigns, host, levels, planner, rules, runs
from reengagement.audience import Standing
from reengagement.endpoints import address_of, endpoint_hash, may_be_posted, other_channel, push_service_of
from reengagement.host import Host
from reengagement.levels import NextLevel
from reengagement.planner import People
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.tables import notification

COMING = (
    "reminder",
    "too_soon",
    "queued",
    "all_sent",
    "older_system",
    "refused",
    "holdout",
    "closing",
    "opening_later",
    "nothing",
)
"""What comes next for a user: a reminder in the next run, one later, or why there is none."""


@dataclass(frozen=True)
class Phones:
    """How many subscriptions of a user go through one push service, and whether we can post to it."""

    push_service: str
    supported: bool
    count: int


@dataclass(frozen=True)
class Explanation:
    """What a run at `now` would do with one user, and why.

    `opens` tells that a campaign opens; `closes` is the reason for which an open one ends. `arm` is that of
    the campaign that is open, opens, or would. `expected_at` is when the reminder that `coming` speaks of
    falls due, as far as can be told, and `run_at` when a scheduled run then sends it.
    """

    user_id: str
    now: datetime
    rules: Rules
    standing: Standing
    opens: bool
    closes: str | None
    arm: str
    next: NextLevel | None
    coming: str
    expected_at: datetime | None
    run_at: datetime | None
    phones: Sequence[Phones]


def explain(connection: Connection, settings: Settings, user_id: str, now: datetime) -> Explanation:
    """Return what a run at `now` would do with the user, and why.

    Stages lie in temporary tables: call it in a transaction that is rolled back. Raises HostError,
    SettingsError.
    """
    in_force = rules.in_force(connection, settings.rules).rules
    seen = host.connect(settings.host, connection)
    salt = planner.salt_of(connection)
    people = planner.stage_people(connection, seen, in_force, now, salt, only=user_id)
    standing = audience.standing(connection, seen, in_force, now, user_id, people.closing)
    upcoming = levels.next_level(
        connection, seen, in_force, now, user_id, people.activity, people.closing, people.opening
    )
    closes = connection.execute(select(people.closing.c.reason)).scalar_one_or_none()
    coming, expected_at = _coming(connection, in_force, standing, upcoming, closes)
    return Explanation(
        user_id=user_id,
        now=now,
        rules=in_force,
        standing=standing,
        opens=_opens(connection, people),
        closes=closes,
        arm=upcoming.arm if upcoming else campaigns.arm_of(connection, in_force, salt, user_id),
        next=upcoming,
        coming=coming,
        expected_at=expected_at,
        run_at=runs.next_run(connection, in_force, now, expected_at) if expected_at else None,
        phones=_phones(connection, seen, user_id, frozenset(settings.push_origins)),
    )


def _opens(connection: Connection, people: People) -> bool:
    return connection.execute(select(people.opening.c.user_id)).first() is not None


def _coming(
    connection: Connection,
    in_force: Rules,
    standing: Standing,
    upcoming: NextLevel | None,
    closes: str | None,
) -> tuple[str, datetime | None]:
    """Return one of COMING, and when a reminder falls due, if one can be told of."""
    if upcoming:
        kept_back = upcoming.kept_back
        if kept_back == "in_hand":
            return _in_hand(connection, upcoming), None
        waits = kept_back in (None, "too_soon")
        return kept_back or "reminder", upcoming.due_at if waits else None
    if standing.failed == {"long_enough"} and standing.last_activity_at:
        gap_ends_at = standing.past_reminder_at and standing.past_reminder_at + in_force.gap
        lapses_at = standing.last_activity_at + in_force.inactive_after
        return "closing" if closes else "opening_later", max(lapses_at, gap_ends_at or lapses_at)
    return "closing" if closes else "nothing", None


def _in_hand(connection: Connection, upcoming: NextLevel) -> str:
    """Return what became of the level whose notification exists."""
    row = connection.execute(
        select(notification.c.run_id, notification.c.settled_at).where(
            notification.c.campaign_id == upcoming.campaign_id, notification.c.level == upcoming.level
        )
    ).one()
    if row.run_id is None:
        return "older_system"
    return "all_sent" if row.settled_at else "queued"


def _phones(
    connection: Connection, seen: Host, user_id: str, allowed_origins: frozenset[str]
) -> tuple[Phones, ...]:
    """Return the user's subscriptions by push service; the same phone registered twice is one phone."""
    theirs = seen.subscriptions().subquery("theirs")
    rows = connection.execute(
        select(theirs.c.endpoint, theirs.c["keys"]).where(theirs.c.user_id == user_id)
    ).all()
    once = {endpoint_hash(row.endpoint): row for row in rows}.values()
    counts = Counter(
        _service(row.endpoint, row._mapping["keys"], allowed_origins)  # its keys, not the row's own
        for row in once
    )
    return tuple(Phones(*service, count) for service, count in sorted(counts.items()))


def _service(endpoint: str, keys: object, allowed_origins: frozenset[str]) -> tuple[str, bool]:
    address = address_of(endpoint)
    web_push = other_channel(endpoint, keys) is None and address is not None
    supported = web_push and address is not None and may_be_posted(address, allowed_origins)
    return push_service_of(endpoint, keys), supported
