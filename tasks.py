"""The Huey instance and its tasks: wake-ups, never facts. Losing or doubling one changes nothing.

Run with: huey_consumer tasks.huey -k process -w 2 -g TERM -t 8
"""

from huey import crontab

from reengagement import alerts, database, delivery, ticking
from reengagement.broker import make_huey
from reengagement.settings import load

FIRST, LATER = 10, 1
DRAIN_SECONDS = 4.0
"""A drain lets others run after so long."""

settings = load()
huey = make_huey(settings)


@huey.periodic_task(crontab(), priority=FIRST)
def tick() -> None:
    """Look after what is due, every minute, wake as many drains as are wanted, then see to alerts."""
    engine = database.engine_of(settings)
    wake(ticking.tick(engine, settings, waiting=huey.pending_count()))
    alerts.look_after(settings)


@huey.task(priority=LATER)
def drain() -> None:
    """Send for a few seconds; if the time ran out there is more to do."""
    engine = database.engine_of(settings)
    if delivery.drain(engine, settings, seconds=DRAIN_SECONDS, stop=huey.is_stopping).more:
        drain()


def wake(drains: int) -> None:
    """Enqueue so many drains."""
    for _ in range(drains):
        drain()


huey.wake = wake
