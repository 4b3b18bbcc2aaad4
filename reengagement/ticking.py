"""The tick: what is looked after every minute, whoever does it and however often."""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from reengagement import delivery, heartbeat, planner, rules, runs
from reengagement.database import autocommit, clock
from reengagement.errors import AlreadyRunning
from reengagement.settings import Settings

log = logging.getLogger(__name__)


def tick(engine: Engine, settings: Settings, *, waiting: int = 0) -> int:
    """Look after everything that is due, and return how many more drains are wanted.

    1. Notice runs that crashed; run the day's run if it is due (E1).
    2. Take back what killed workers left (D5).
    3. Drains: see `drains_wanted`.

    A failed run doesn't keep the others from being looked after: it is in its row, and tried again.
    """
    runs.notice_crashes(engine)
    with autocommit(engine) as connection:
        now = clock(connection)
        in_force = rules.in_force(connection, settings.rules).rules
        due = runs.is_due(connection, in_force, now)
    if due:
        _scheduled_run(engine, settings)
    delivery.take_back(engine, settings)
    return drains_wanted(engine, waiting)


def drains_wanted(engine: Engine, waiting: int) -> int:
    """Return how many more drains the waiting work is worth: at most one a worker, less those `waiting`."""
    with autocommit(engine) as connection:
        now = clock(connection)
        workers = max(1, heartbeat.workers_alive(connection, now))
        return max(0, delivery.need(connection, now, workers) - waiting)


def _scheduled_run(engine: Engine, settings: Settings) -> None:
    try:
        planner.run(engine, settings, kind="scheduled", started_by="schedule")
    except (AlreadyRunning, runs.NotDue) as met:
        log.info("scheduled run not needed", extra={"why": str(met)})
    except Exception:
        log.exception("scheduled run failed; it is tried again after 1, 5 and 30 minutes")
