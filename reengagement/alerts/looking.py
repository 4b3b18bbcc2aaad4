"""Looking after alerts: what consumers and the web process do every minute."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlencode

from sqlalchemy import Engine

from reengagement import rules
from reengagement.alerts import ledger, reading, telling
from reengagement.alerts.conditions import RATE_KINDS, Details, amiss
from reengagement.alerts.sentences import FIRST_PAGE, PAGES, query, say
from reengagement.database import clock, engine_of
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.tables import ALERT_KINDS
from reengagement.words import words

log = logging.getLogger(__name__)


def look_after(settings: Settings) -> None:
    """Open and close alerts, then tell people. Whatever goes wrong keeps the caller from nothing else."""
    try:
        engine = engine_of(settings)
        look(engine, settings)
        if settings.alert_urls:
            tell(engine, settings)
    except Exception:
        log.exception("alerts could not be looked after")


def look(engine: Engine, settings: Settings) -> None:
    """Open an alert for each new condition, and close those whose condition has gone.

    Under a lock, or not at all: then another process is looking. Rates every 15 minutes and after a run.
    """
    with engine.begin() as connection:
        if not ledger.take_lock(connection):
            return
        now = clock(connection)
        in_force = rules.in_force(connection, settings.rules).rules
        look_at_rates = ledger.may_look_at_rates(connection, now)
        rates = reading.rates(connection, in_force, now) if look_at_rates else None
        found = amiss(reading.signs(connection, in_force, now, rates=rates))
        looked_at = set(ALERT_KINDS) - (set() if look_at_rates else RATE_KINDS)
        ledger.update_rows(connection, found, looked_at, now)


def tell(engine: Engine, settings: Settings) -> None:
    """Tell people of every alert that is sure and that they weren't told of, each receiver once.

    Each is claimed in its row, told outside any transaction, and settled.
    """
    with engine.connect() as connection:
        waiting = ledger.to_tell(connection, clock(connection))
        in_force = rules.in_force(connection, settings.rules).rules
    for alert_id in waiting:
        _tell_of(engine, settings, alert_id, in_force)


def _tell_of(engine: Engine, settings: Settings, alert_id: int, in_force: Rules) -> None:
    with engine.begin() as connection:
        claimed = ledger.claim(connection, alert_id, clock(connection))
    if claimed is None:
        return
    left = [one for one in telling.receivers(settings) if one.key not in claimed.told_to]
    attempts = telling.send(left, *message(settings, claimed.kind, claimed.details, in_force))
    told = [*claimed.told_to, *(one.receiver.key for one in attempts if one.reason is None)]
    failures = [one.as_details() for one in attempts if one.reason]
    with engine.begin() as connection:
        ledger.settle(connection, claimed, told, failures, clock(connection))
    if failures:
        log.warning(
            "people could not be told of an alert", extra={"alert": alert_id, "failed": len(failures)}
        )


def message(settings: Settings, kind: str, details: Details, in_force: Rules) -> tuple[str, str]:
    """Return the title and the body that people get, in the language of the settings."""
    said = say(words(settings.alert_language), kind, details, in_force.zone)
    return f"⚠️ {said.title}", "\n".join((*said.more, link(settings, PAGES[kind], query(details))))


def link(settings: Settings, page: str, parameters: Mapping[str, str] | None = None) -> str:
    """Return where a page is; the first one is at the address itself."""
    address = f"{settings.public_url}/{'' if page == FIRST_PAGE else page}"
    return f"{address}?{urlencode(parameters)}" if parameters else address


def send_test(settings: Settings) -> list[telling.Attempt]:
    """Send a test message to each receiver, and return what came of it."""
    _ = words(settings.alert_language).gettext
    title = _("A test: alerts reach you")
    body = _("Somebody asked for this message. Nothing is amiss.")
    return telling.send(telling.receivers(settings), title, f"{body}\n{link(settings, 'alerts')}")
