"""Clicks and *shown* of many browsers at once, recorded together: one transaction for all that wait.

While one batch is written, the next gathers; so a batch is as large as the load, and a lone click waits for
nobody. Each request is answered once its own batch is committed: what was answered is never lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from starlette.concurrency import run_in_threadpool

from reengagement import clicks
from reengagement.database import clock, engine_of
from reengagement.errors import BadReference
from reengagement.settings import Settings

Kind = Literal["click", "shown", "look"]
"""*look*: the reference is judged and nothing counted."""

LARGEST_BATCH = 1000


@dataclass(eq=False)
class _Report:
    kind: Kind
    notification_id: str
    expires_at: datetime
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Recorder:
    """Gathers the reports of one process and writes them, a batch at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: list[_Report] = []
        self._writer: asyncio.Task[None] | None = None

    async def record(self, kind: Kind, notification_id: str, expires_at: datetime) -> None:
        """Record one report and return when it is committed.

        Raises BadReference if it had expired by PostgreSQL's clock, and what the database raises.
        """
        report = _Report(kind, notification_id, expires_at)
        self._waiting.append(report)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await report.done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            try:
                now = await run_in_threadpool(self._write, batch)
            except Exception as error:  # noqa: BLE001  each request of the batch raises it
                _tell(batch, error)
            else:
                for report in batch:
                    _tell(
                        [report], BadReference("The link has expired.") if report.expires_at <= now else None
                    )

    def _write(self, batch: list[_Report]) -> datetime:
        """Write a batch; return the time that its references were judged by.

        Two transactions, since each locks deliveries before notifications, as everyone does.
        """
        engine = engine_of(self._settings)
        with engine.begin() as connection:
            now = clock(connection)
            valid = [report for report in batch if report.expires_at > now]
            clicks.record_clicks(connection, _of("click", valid, now))
        with engine.begin() as connection:
            clicks.record_shown(connection, _of("shown", valid, now))
        return now


def _of(kind: Kind, reports: list[_Report], now: datetime) -> list[tuple[str, datetime]]:
    return [(report.notification_id, now) for report in reports if report.kind == kind]


def _tell(reports: list[_Report], error: Exception | None) -> None:
    for report in reports:
        if report.done.done():  # the browser has gone
            continue
        if error is None:
            report.done.set_result(None)
        else:
            report.done.set_exception(error)
