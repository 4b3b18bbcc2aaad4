"""Where the tests' databases lie: in memory, where there is room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30
"""Bytes: each process of the tests has a cluster and a few copies of a database, of 50 MB altogether."""


def in_memory() -> Path | None:
    """Return a folder that lies in memory and has room, None where there is none.

    A copy of a database takes 22 ms there; on a disk 175, nearly all of it the kernel's work.
    """
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free >= ROOM else None
