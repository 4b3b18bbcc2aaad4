"""How things stand, for the command line: what runs, what waits, and what an operator should mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from reengagement import host, metrics, pause, rules
from reengagement.audience import AHEAD
from reengagement.database import clock
from reengagement.host import Host
from reengagement.metrics import Consumer, LastRun, Waiting
from reengagement.settings import Settings

OLDEST_WAITING = timedelta(hours=1)


@dataclass(frozen=True)
class Status:
    """One look at everything; times are naive UTC. `warnings` are sentences for an operator."""

    now: datetime
    last_run: LastRun | None
    waiting: Waiting
    consumers: tuple[Consumer, ...]
    paused_since: datetime | None
    absent_tables: tuple[str, ...]
    rule_sources: Mapping[str, str]
    warnings: tuple[str, ...]


def look(connection: Connection, settings: Settings) -> Status:
    """Return how things stand now. Raises HostError, SettingsError."""
    now = clock(connection)
    in_force = rules.in_force(connection, settings.rules)
    seen = host.connect(settings.host, connection)
    last_run = metrics.last_run(connection)
    waiting = metrics.waiting(connection)
    consumers = tuple(metrics.consumers_alive(connection, now))
    paused_since = pause.since(connection)
    return Status(
        now=now,
        last_run=last_run,
        waiting=waiting,
        consumers=consumers,
        paused_since=paused_since,
        absent_tables=tuple(sorted(seen.absent)),
        rule_sources={name: source for name, source in in_force.sources.items() if source != "default"},
        warnings=tuple(
            _warnings(
                last_run,
                waiting,
                now,
                consumers=bool(consumers),
                paused=paused_since is not None,
                can_send=bool(settings.vapid_private_key and settings.vapid_subject),
                ahead=_steps_ahead(connection, seen, now),
            )
        ),
    )


def _steps_ahead(connection: Connection, seen: Host, now: datetime) -> int:
    activity = seen.activity().subquery("activity")
    ahead = select(func.count()).where(activity.c.at > now, activity.c.at <= now + AHEAD)
    return connection.execute(ahead).scalar_one()


def _warnings(
    last_run: LastRun | None,
    waiting: Waiting,
    now: datetime,
    *,
    consumers: bool,
    paused: bool,
    can_send: bool,
    ahead: int,
) -> list[str]:
    found = []
    if paused:
        found.append("Sending is paused; go on with: python -m reengagement resume")
    if not consumers:
        found.append("No consumer is alive, so nothing is sent: huey_consumer tasks.huey -k process -w 2")
    if not can_send:
        found.append("VAPID_PRIVATE_KEY or VAPID_SUBJECT is not set: python -m reengagement vapid")
    if waiting.oldest_at and now - waiting.oldest_at > OLDEST_WAITING and not paused:
        found.append(f"The oldest reminder has waited since {waiting.oldest_at:%Y-%m-%d %H:%M} UTC.")
    if last_run and last_run.state in ("failed", "crashed"):
        found.append(f"The last run {last_run.state}: {last_run.error}")
    if ahead:
        found.append(f"{ahead} completed steps are dated in the future: the host's clock may not be UTC.")
    return found
