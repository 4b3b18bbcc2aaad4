"""What the commands do: each returns what goes into JSON, in the old system's own names, and the text."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any

import click
from sqlalchemy import Engine

from reengagement import audience, delivery, export, host, pause, planner, rules, runs, sessions
from reengagement import status as status_module
from reengagement.database import clock
from reengagement.export import Sheet
from reengagement.settings import Settings
from reengagement.webpush import make_vapid_keys

Report = tuple[Any, str]

COMMAND_LINE = "command line"
"""Who acts, as runs and the audit trail name them: the system's account says who that was."""


def inactive(engine: Engine, settings: Settings, now: datetime | None) -> Report:
    """Return the inactive users (A5)."""
    with engine.connect() as connection:
        users = audience.inactive_users(
            connection,
            host.connect(settings.host, connection),
            rules.in_force(connection, settings.rules).rules,
            now or clock(connection),
        )
    report = [
        {
            "userId": user.user_id,
            "lastActivityDate": user.last_activity_at.isoformat() + "Z",
            "daysSinceActivity": user.days,
            "totalCompletions": user.completions,
            "hasActiveCampaign": user.has_active_campaign,
        }
        for user in users
    ]
    lines = [f"Inactive users: {len(users)}"]
    lines += [
        f"{user.user_id}  {user.days} days, {user.completions} completed steps, "
        f"{'a campaign is open' if user.has_active_campaign else 'no open campaign'}"
        for user in users
    ]
    return report, "\n".join(lines)


def plan(engine: Engine, settings: Settings, now: datetime | None, *, scheduled: bool) -> Report:
    """Run the planner, with its stages on standard error."""
    done = planner.run(
        engine,
        settings,
        kind="scheduled" if scheduled else "manual",
        started_by="cron" if scheduled else COMMAND_LINE,
        now=now,
        progress=lambda stage: click.echo(f"… {stage}", err=True),
    )
    report = {
        "newCampaigns": done.new_campaigns,
        "scheduledNotifications": done.scheduled_notifications,
        "closedCampaigns": done.closed_campaigns,
        "runId": done.run_id,
        "now": done.now.isoformat() + "Z",
        "inactive": done.inactive,
        "heldBack": dict(done.held_back),
        "paused": done.paused,
    }
    lines = [
        f"New campaigns: {done.new_campaigns}",
        f"Notifications scheduled: {done.scheduled_notifications}",
        f"Campaigns closed: {done.closed_campaigns}",
        *_why(done.inactive, done.held_back, done.paused),
    ]
    return report, "\n".join(lines)


def dry_run(engine: Engine, settings: Settings, now: datetime | None) -> Report:
    """Show who would get what; nothing is changed."""
    shown = planner.dry_run(engine, settings, now=now)
    report = {
        "dryRun": True,
        "newCampaigns": shown.new_campaigns,
        "scheduledNotifications": len(shown.reminders),
        "closedCampaigns": shown.closed_campaigns,
        "now": shown.now.isoformat() + "Z",
        "inactive": shown.inactive,
        "heldBack": dict(shown.held_back),
        "paused": shown.paused,
        "reminders": [
            {
                "userId": each.user_id,
                "level": each.level,
                "daysSinceActivity": each.days,
                "messageType": each.message_type,
                "variantId": each.variant_id,
                "title": each.title,
                "body": each.body,
            }
            for each in shown.reminders
        ],
    }
    lines = [
        f"Dry run for {shown.now:%Y-%m-%d %H:%M} UTC; nothing was changed.",
        f"New campaigns: {shown.new_campaigns}, reminders: {len(shown.reminders)}, "
        f"campaigns closed: {shown.closed_campaigns}",
        *_why(shown.inactive, shown.held_back, shown.paused),
        *(f"{each.user_id}  level {each.level}  {each.title} - {each.body}" for each in shown.reminders),
    ]
    return report, "\n".join(lines)


def _why(users: int, held_back: Any, paused: bool) -> list[str]:
    reasons = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in sorted(held_back.items()))
    lines = [f"Inactive users: {users}" + (f"; no new campaign for: {reasons}" if reasons else "")]
    return [*lines, "Sending is paused: nothing leaves until `resume`."] if paused else lines


def deliver(engine: Engine, settings: Settings) -> Report:
    """Drain once in this process."""
    delivery.take_back(engine, settings)
    done = delivery.drain(engine, settings)
    report = {"fannedOut": done.fanned_out, "deliveries": dict(done.states)}
    states = ", ".join(f"{state} {count}" for state, count in sorted(done.states.items())) or "none were due"
    return report, f"Notifications fanned out: {done.fanned_out}\nDeliveries: {states}"


def status(engine: Engine, settings: Settings) -> Report:
    """Look at everything."""
    runs.notice_crashes(engine)
    with engine.connect() as connection:
        seen = status_module.look(connection, settings)
    last = seen.last_run
    states = ", ".join(f"{state} {count}" for state, count in seen.waiting.deliveries.items())
    lines = [
        f"Queue: {seen.waiting.notifications} notifications to fan out, deliveries {states or 'none'}",
        "Last run: "
        + (f"#{last.id} {last.state}, {last.kind}, by {last.started_by}, {last.started_at:%Y-%m-%d %H:%M} UTC"
           if last else "none yet; run: python -m reengagement plan"),
        f"Consumers alive: {len(seen.consumers)}"
        + "".join(f"\n  {one.host} pid {one.pid}, version {one.version}" for one in seen.consumers),
        f"Tables that the host doesn't have: {', '.join(seen.absent_tables) or 'none'}",
        *(f"! {warning}" for warning in seen.warnings),
    ]  # fmt: skip
    return asdict(seen), "\n".join(lines)


def pause_sending(engine: Engine, settings: Settings) -> str:
    """Turn the switch on."""
    with engine.begin() as connection:
        new = pause.pause(connection, by=COMMAND_LINE, now=clock(connection))
    return "Sending is paused." if new else "Sending was paused already."


def resume_sending(engine: Engine, settings: Settings) -> str:
    """Turn the switch off."""
    with engine.begin() as connection:
        was = pause.resume(connection, by=COMMAND_LINE, now=clock(connection))
    return "Sending goes on; expiries were moved by the length of the pause." if was else "It wasn't paused."


def write_export(engine: Engine, sheet: Sheet, to: IO[str]) -> None:
    """Write a sheet as CSV, as it is fetched."""
    with engine.connect() as connection:
        to.writelines(export.lines(connection, sheet))


def vapid() -> Report:
    """Make a key pair."""
    private, public = make_vapid_keys()
    text = (
        f"VAPID_PRIVATE_KEY={private}\nVAPID_SUBJECT=mailto:you@example.org\n\n"
        "Put these two lines into .env or the environment of web and worker, with an address that\n"
        "push services can write to. The private key is a secret. Browsers subscribe with the public key:\n"
        f"{public}"
    )
    return {"VAPID_PRIVATE_KEY": private, "publicKey": public}, text


def sign_in_link(engine: Engine, settings: Settings) -> str:
    """Make a one-time link."""
    with engine.begin() as connection:
        return sessions.new_link(connection, settings, clock(connection))


def sign_out(engine: Engine, settings: Settings, name: str | None) -> str:
    """End the sessions of one person, or of everyone."""
    with engine.begin() as connection:
        ended = sessions.end_all(connection, name, clock(connection), by=COMMAND_LINE)
    return f"Ended: {ended}"


def simulate(
    engine: Engine, settings: Settings, users: int, days: int, seed: int, effects: Mapping[str, Any]
) -> Report:
    """Live through the days of simulated people, with a progress bar on standard error.

    `effects` are fields of Behaviour that are known to be what they are, for the figures to find.
    """
    from reengagement.simulate import Behaviour  # numbers and names that no other command needs
    from reengagement.simulate import simulate as live

    with engine.connect() as connection:
        until = clock(connection)
    with click.progressbar(length=days, label="Days", file=sys.stderr) as bar:
        done = live(
            engine,
            settings,
            users=users,
            days=days,
            until=until,
            seed=seed,
            behaviour=Behaviour(**effects),
            progress=lambda day, of: bar.update(day - bar.pos),
        )
    report = asdict(done)
    return report, "\n".join(f"{name}: {value}" for name, value in report.items())
