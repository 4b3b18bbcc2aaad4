"""Consumers as operators run them: each in a working folder of its own, with its own `.env`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reengagement.embedded.supervisor import end_with_parent

ROOT = Path(__file__).parent.parent
OURS = ("REENGAGEMENT_", "DATABASE_URL", "REDIS_URL", "VAPID_")
STOP_SECONDS = 10.0
"""What a consumer may take to end after SIGTERM."""
ORPHAN_SECONDS = 20.0
FAKETIME = "libfaketime.so.1"


@dataclass
class Machine:
    """One consumer on one "machine": a folder, a clock that is `clock` seconds fast, a process."""

    folder: Path
    environment: Mapping[str, str]
    workers: int
    clock: float = 0.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "consumer.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the stock command; it reads `.env` of its folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}" for name, value in self.environment.items()]
        (self.folder / ".env").write_text("\n".join(lines) + "\n")
        consumer = Path(sys.executable).with_name("huey_consumer")
        words = [
            str(consumer),
            "tasks.huey",
            "-k",
            "process",
            "-w",
            str(self.workers),
            "-g",
            "TERM",
            "-t",
            "8",
        ]
        outside = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words,
                cwd=self.folder,
                env={**outside, **_clock_of(self.clock), "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )

    def children(self) -> list[int]:
        """Return its workers and its scheduler, those that live; Linux alone tells."""
        try:
            listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except FileNotFoundError:
            return []
        return [int(pid) for pid in listed if _began(int(pid))]

    def cpu_seconds(self) -> float:
        """Return what it and its children have used."""
        return sum(_cpu_seconds(pid) for pid in (self.pid, *self.children()))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _clock_of(seconds: float) -> dict[str, str]:
    library = faketime()
    if not seconds or library is None:
        return {}
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{seconds:+.0f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "0",
    }


def faketime() -> Path | None:
    """Return libfaketime, if the package of that name is installed."""
    return next(iter(sorted(Path("/usr/lib").glob(f"*/faketime/{FAKETIME}"))), None)


@dataclass
class Fleet:
    """Some machines, and who on them was killed."""

    machines: Sequence[Machine]
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    workers_killed: int = 0
    consumers_killed: int = 0
    consumers_stopped: int = 0
    slowest_stop: float = 0.0
    _left: dict[int, tuple[str, float]] = field(default_factory=dict)
    """Children of killed consumers: pid to when they began, and when they must have ended."""

    def tend(self) -> None:
        """Start whatever has ended, as systemd does with Restart=always."""
        for machine in self.machines:
            if not machine.is_running:
                machine.start()

    def kill_worker(self) -> str:
        """`kill -9` a child of a consumer, rather one that has worked much than one that has idled."""
        machine = self.chance.choice([one for one in self.machines if one.is_running])
        children = machine.children()
        if not children:
            return f"no worker of {machine.folder.name} yet"
        (pid,) = self.chance.choices(children, [0.01 + _cpu_seconds(each) ** 2 for each in children])
        os.kill(pid, signal.SIGKILL)
        self.workers_killed += 1
        return f"worker {pid} of {machine.folder.name}"

    def kill_consumer(self) -> str:
        """`kill -9` a consumer's main process; its children have to end by themselves."""
        machine = self.chance.choice([one for one in self.machines if one.is_running])
        deadline = time.monotonic() + ORPHAN_SECONDS
        self._left |= {pid: (_began(pid), deadline) for pid in machine.children()}
        os.kill(machine.pid, signal.SIGKILL)
        assert machine.process is not None
        machine.process.wait()
        self.consumers_killed += 1
        return machine.folder.name

    def stop_one(self) -> str:
        """SIGTERM, as an upgrade does."""
        machine = self.chance.choice([one for one in self.machines if one.is_running])
        self.consumers_stopped += 1
        return f"{machine.folder.name}, ended after {self._stop(machine):.1f} s"

    def stop(self) -> None:
        """End all of them, together."""
        for machine in self.machines:
            if machine.is_running:
                machine.process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]
        for machine in self.machines:
            if machine.process is not None:
                self._stop(machine)

    def _stop(self, machine: Machine) -> float:
        assert machine.process is not None
        began = time.monotonic()
        if machine.is_running:
            machine.process.send_signal(signal.SIGTERM)
        try:
            machine.process.wait(3 * STOP_SECONDS)
        except subprocess.TimeoutExpired:
            machine.process.kill()
            machine.process.wait()
        took = time.monotonic() - began
        self.slowest_stop = max(self.slowest_stop, took)
        return took

    def orphans(self) -> list[int]:
        """Return children of killed consumers that outlived their time; who still has some is waited for."""
        while any(time.monotonic() < until for _, (_, until) in self._alive()):
            time.sleep(0.1)
        return [pid for pid, _ in self._alive()]

    def _alive(self) -> list[tuple[int, tuple[str, float]]]:
        return [(pid, left) for pid, left in self._left.items() if _began(pid) == left[0] != ""]


def _began(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


@contextmanager
def fleet(
    folder: Path,
    environment: Mapping[str, str],
    consumers: int,
    *,
    workers: int = 2,
    clocks: Sequence[float] = (0.0,),
    seed: int = 0,
) -> Iterator[Fleet]:
    """Run so many consumers until the context ends; their clocks are `clocks` seconds fast, in turn."""
    machines = [
        Machine(folder / f"machine-{n + 1}", environment, workers, clocks[n % len(clocks)])
        for n in range(consumers)
    ]
    running = Fleet(machines, random.Random(seed))
    try:
        running.tend()
        yield running
    finally:
        running.stop()
