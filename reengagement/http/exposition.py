"""The figures of the machinery in Prometheus' text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reengagement.metrics import LastRun, Waiting
from reengagement.tables import OPEN_STATES

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True)
class Reading:
    """What was read at `now`. `settled`: deliveries of the last 24 hours by their final state."""

    now: datetime
    waiting: Waiting
    consumers: int
    workers: int
    last_run: LastRun | None
    settled: Mapping[str, int]
    paused: bool


class _Once(Collector):
    """Gives the figures of one reading."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return _families(self._reading)


def exposition(reading: Reading) -> bytes:
    """Return the reading as Prometheus scrapes it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(reading))
    return generate_latest(registry)


def _families(reading: Reading) -> Iterator[GaugeMetricFamily]:
    waiting = reading.waiting
    oldest = (reading.now - waiting.oldest_at).total_seconds() if waiting.oldest_at else 0.0
    yield _gauge("notifications_waiting", "Notifications not yet fanned out.", waiting.notifications)
    deliveries = {state: waiting.deliveries.get(state, 0) for state in OPEN_STATES}
    yield _by("deliveries_open", "Deliveries that are open, by state.", "state", deliveries)
    yield _by("deliveries_settled_last_day", "Deliveries of 24 hours, by outcome.", "state", reading.settled)
    yield _gauge("oldest_waiting_seconds", "How long the oldest of what is open has waited.", oldest)
    yield _gauge("consumers_alive", "Consumers seen within three minutes.", reading.consumers)
    yield _gauge("workers_alive", "Workers of these consumers.", reading.workers)
    yield _gauge("paused", "1 while sending is paused.", int(reading.paused))
    if reading.last_run is not None:
        yield from _last_run(reading.last_run)


def _last_run(run: LastRun) -> Iterator[GaugeMetricFamily]:
    started = run.started_at.replace(tzinfo=UTC).timestamp()
    yield _gauge("last_run_started_timestamp_seconds", "When the last run started.", started)
    yield _by("last_run_state", "1 for the state that the last run is in.", "state", {run.state: 1})
    if run.finished_at is not None:
        took = (run.finished_at - run.started_at).total_seconds()
        yield _gauge("last_run_duration_seconds", "How long the last run took.", took)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"reengagement_{name}", about, value=value)


def _by(name: str, about: str, label: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"reengagement_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
