"""Keeps one PostgreSQL running while it has users. Run by its path, with the standard library alone.

python -I -S supervisor.py '{"command": […], "data": …, "users": …, "account": [uid, gid] | null, "life": fd,
                                     "short_lived": folder to remove at the end | null}'
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

LOOK_EVERY_SECONDS = 0.2
FAST_STOP_SECONDS = 60
MOST_FAILED_STARTS = 20
FAILED_START_SECONDS = 5
"""A server that ends sooner than this counts as a failed start."""
PR_SET_PDEATHSIG = 1


def supervise(task: dict[str, Any]) -> int:
    """Run the server until its last user has gone or a signal comes; return an exit status.

    1. End a server that an earlier supervisor left behind.
    2. Start the server; start it again whenever it ends by itself.
    3. Once `users` can be locked alone, keep that lock (newcomers wait), stop the server, let go of `life`
       first, so that whoever gets the lock on `users` then finds no supervisor and starts one.
    """
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    users = os.open(task["users"], os.O_RDWR)
    clear_leftover(Path(task["data"]))
    server, started, failures = start(task), time.monotonic(), 0
    while not stopping and not alone(users):
        if server.poll() is not None:
            failures = failures + 1 if time.monotonic() - started < FAILED_START_SECONDS else 1
            if failures >= MOST_FAILED_STARTS:
                return 1
            time.sleep(LOOK_EVERY_SECONDS)
            server, started = start(task), time.monotonic()
        time.sleep(LOOK_EVERY_SECONDS)
    end(server)
    if task["short_lived"]:
        os.rmdir(task["short_lived"])
    os.close(task["life"])
    return 0


def start(task: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Return the server, started as the account and such that the kernel ends it with us (on Linux)."""
    as_account: dict[str, Any] = {}
    if task["account"]:
        uid, gid = task["account"]
        as_account = {"user": uid, "group": gid, "extra_groups": []}
    return subprocess.Popen(
        task["command"],
        stdin=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        preexec_fn=end_with_parent if sys.platform == "linux" else None,
        **as_account,
    )


def end_with_parent(number: int = signal.SIGINT) -> None:
    """Ask the kernel to signal this process when its parent dies, even of SIGKILL; Linux alone can.

    The default is PostgreSQL's fast shutdown.
    """
    LIBC.prctl(PR_SET_PDEATHSIG, number)


def alone(users: int) -> bool:
    """Return whether nobody else holds the lock; if so, we do from now on."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end(server: subprocess.Popen[bytes]) -> None:
    """Stop the server: fast, then at once, then by force."""
    for number, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, None)):
        if server.poll() is None:
            server.send_signal(number)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def clear_leftover(data: Path) -> None:
    """End a server that outlived its supervisor; forget a pid file whose number is another process's now.

    PostgreSQL itself deals with a pid file whose process has gone.
    """
    file = data / "postmaster.pid"
    if not file.exists():
        return
    pid = int(file.read_text().split()[0])
    if not is_alive(pid):
        return
    if str(data) not in command_of(pid):
        file.unlink(missing_ok=True)  # in a container numbers repeat, and PostgreSQL would refuse for ever
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + FAST_STOP_SECONDS
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_SECONDS)


def is_alive(pid: int) -> bool:
    """Return whether a process has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_of(pid: int) -> str:
    """Return the command line of a process, empty if it has just ended."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            return ""
    return subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True).stdout


LIBC = ctypes.CDLL(None)

if __name__ == "__main__":
    if os.fork() == 0:  # init becomes our parent, and whoever started us has no child to wait for
        os._exit(supervise(json.loads(sys.argv[1])))
