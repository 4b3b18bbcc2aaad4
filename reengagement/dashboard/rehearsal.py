"""A dry run in a thread of its own, shared for a while by all who ask for the same one."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime

import streamlit as st

from reengagement import planner
from reengagement.database import engine_of
from reengagement.planner import STAGES, Plan
from reengagement.settings import Settings

KEPT_SECONDS = 120
SHOWN_OF_A_LEVEL = 500
"""So many reminders of each level are read; how many there are is counted whatever the number."""

log = logging.getLogger(__name__)


class Rehearsal:
    """A dry run for a moment, under way or over: then it has a plan, or an error."""

    def __init__(self, settings: Settings, now: datetime | None) -> None:
        self.stage: str = STAGES[0]
        self.plan: Plan | None = None
        self.error: Exception | None = None
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._work, args=(settings, now), daemon=True)
        self._thread.start()

    @property
    def is_stale(self) -> bool:
        """Tell whether it failed, or ended too long ago to be shown."""
        old = time.monotonic() - self._started > KEPT_SECONDS
        return not self._thread.is_alive() and (old or self.error is not None)

    def wait(self, seconds: float) -> bool:
        """Wait for the end, for so long at most; tell whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self, settings: Settings, now: datetime | None) -> None:
        try:
            self.plan = planner.dry_run(
                engine_of(settings), settings, now=now, at_most=SHOWN_OF_A_LEVEL, progress=self._tell
            )
        except Exception as error:
            log.exception("a dry run failed")
            self.error = error

    def _tell(self, stage: str) -> None:
        self.stage = stage


class Rehearsals:
    """The dry runs of this process by what they were asked for; a stale one is made anew."""

    MOST = 8

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[object, ...], Rehearsal] = {}

    def get(self, settings: Settings, now: datetime | None, asked: tuple[object, ...]) -> Rehearsal:
        """Return the dry run that `asked` names, begun now if there is none."""
        with self._lock:
            known = self._known.pop(asked, None)
            if known is None or known.is_stale:
                known = Rehearsal(settings, now)
            self._known[asked] = known
            while len(self._known) > self.MOST:
                self._known.pop(next(iter(self._known)))
            return known

    def forget(self) -> None:
        """Make every dry run stale."""
        with self._lock:
            self._known.clear()


@st.cache_resource(show_spinner=False)
def all_of_them() -> Rehearsals:
    """Return the dry runs of this process."""
    return Rehearsals()
