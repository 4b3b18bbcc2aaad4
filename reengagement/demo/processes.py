"""Runs the demo's processes together, and ends them together: their groups, grandchildren included."""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from types import FrameType
from typing import Any

from honcho.manager import Manager
from honcho.process import Popen, Process

from reengagement.demo.place import PROJECT
from reengagement.embedded.supervisor import end_with_parent

READY_SECONDS = 60
LOOK_EVERY_SECONDS = 0.1


class _Popen(Popen):  # type: ignore[misc]
    """A shell in a session of its own, which goes with who started it."""

    def __init__(self, command: str, **options: Any) -> None:
        ending = partial(end_with_parent, signal.SIGTERM) if sys.platform == "linux" else None
        super().__init__(command, preexec_fn=ending, **options)


class _Process(Process):  # type: ignore[misc]
    """Honcho's process; on Linux it doesn't outlive a killed launcher."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        if sys.platform == "linux":
            end_with_parent(signal.SIGKILL)
        self._child_ctor = _Popen
        super().run(events, ignore_signals)


class Together(Manager):  # type: ignore[misc]
    """Honcho's manager: one that ends takes the others with it. `ready` is called once `page` answers."""

    def __init__(self, page: str, ready: Callable[[], None]) -> None:
        super().__init__()
        self._process_ctor = _Process
        self._page, self._ready = page, ready
        self._over = Event()
        self._asked = self._too_early = self._failed = False

    def run(self, commands: Mapping[str, str]) -> int:
        """Run the commands until one ends or a signal asks for the end; return an exit status.

        None is left behind. An end that was asked for is a success: 0.
        """
        for name, command in commands.items():
            self.add_process(name, command, cwd=str(PROJECT))
        try:
            self.loop()
        finally:
            self._over.set()
            for group in self._groups():
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
        if self._failed:
            return 1
        return 0 if self._asked else int(self.returncode or 0)

    def terminate(self) -> None:
        """End all; before all have started, as soon as they have (honcho knows no numbers until then)."""
        self._asked |= not self._any_stopped()
        if super()._all_started():
            super().terminate()
        else:
            self._too_early = True

    def _all_started(self) -> bool:
        started = bool(super()._all_started())
        if started and self._too_early:
            self._too_early = False
            super().terminate()
        return started

    def _start(self) -> None:
        """Start all; then, since no thread may run while processes are forked, the one that waits."""
        signal.signal(signal.SIGHUP, self._hang_up)
        super()._start()
        Thread(target=self._wait_for_page, daemon=True).start()

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self.terminate()

    def _groups(self) -> list[int]:
        return [process["pid"] for process in self._processes.values() if "pid" in process]

    def _wait_for_page(self) -> None:
        for _ in range(int(READY_SECONDS / LOOK_EVERY_SECONDS)):
            if self._over.wait(LOOK_EVERY_SECONDS):
                return
            if answers(self._page):
                self._ready()
                return
        sys.stderr.write(f"{self._page} doesn't answer; the lines above say why.\n")
        self._failed = True
        os.kill(os.getpid(), signal.SIGTERM)


def answers(page: str) -> bool:
    """Return whether `page` answers `ok`; proxies of the environment are for elsewhere."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(page, timeout=2) as answer:
            return bool(answer.read(64).strip() == b"ok")
    except (urllib.error.URLError, OSError):
        return False
