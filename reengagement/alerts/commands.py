"""What the command `alerts` does: what goes into JSON, and the text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from reengagement import rules
from reengagement.alerts import ledger, looking, reading, telling
from reengagement.alerts.conditions import amiss
from reengagement.alerts.sentences import say
from reengagement.database import clock
from reengagement.errors import SettingsError
from reengagement.settings import Settings
from reengagement.words import words

Report = tuple[Any, str]


def show(engine: Engine, settings: Settings) -> Report:
    """Return what is amiss now, and for each since when an alert is open and when people were told."""
    with engine.connect() as connection:
        now = clock(connection)
        in_force = rules.in_force(connection, settings.rules).rules
        rates = reading.rates(connection, in_force, now)
        found = amiss(reading.signs(connection, in_force, now, rates=rates))
        rows = {(one.kind, one.subject): one for one in ledger.open_alerts(connection)}
    english = words("en")
    report, lines = [], []
    for one in found:
        said, row = say(english, one.kind, one.details, in_force.zone), rows.get((one.kind, one.subject))
        opened, told = (row.opened_at, row.told_at) if row else (None, None)
        report.append(
            {
                "kind": one.kind,
                "subject": one.subject,
                "sure": one.sure,
                "title": said.title,
                "more": list(said.more),
                "openedAt": opened.isoformat() + "Z" if opened else None,
                "toldAt": told.isoformat() + "Z" if told else None,
                "details": dict(one.details),
            }
        )
        knows = f"told {told:%Y-%m-%d %H:%M} UTC" if told else "nobody was told"
        lines += [f"! {said.title} ({knows})", *(f"  {sentence}" for sentence in said.more)]
    return report, "\n".join(lines or ["Nothing is amiss."])


def test(settings: Settings) -> Report:
    """Send a test to everyone who is told. Raises SettingsError where that is nobody."""
    if not settings.alert_urls:
        raise SettingsError("REENGAGEMENT_ALERT_URLS is not set, so nobody is told; see docs/settings.md.")
    attempts = looking.send_test(settings)
    report = [{**one.as_details(), "delivered": one.reason is None} for one in attempts]
    lines = [f"{one.receiver.name}: {_outcome(one)}" for one in attempts]
    return report, "\n".join(lines)


def _outcome(attempt: telling.Attempt) -> str:
    if attempt.reason is None:
        return "delivered"
    if attempt.reason == telling.UNKNOWN:
        return "Apprise knows no such service, or the address lacks something"
    return f"it answered {attempt.status}" if attempt.status else "it could not be reached, or refused it"
