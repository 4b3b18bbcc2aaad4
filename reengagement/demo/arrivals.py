"""What has arrived on the simulated phones: the last few hundred notifications, and counts of all."""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT = 400


class Arrivals:
    """Accepted messages. With a file, the newest survive a restart; the counts are of this process."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._changed = False
        self._last_id = 0
        self.forget()
        if file is not None and file.exists():
            self._load(file)

    def forget(self) -> None:
        """Forget everything that arrived."""
        self._kept.clear()
        self._changed = True
        self.acceptances: Counter[tuple[str, str]] = Counter()
        self.refusals: Counter[str] = Counter()
        self.undecryptable = 0

    def _load(self, file: Path) -> None:
        """Read the file of an earlier process. A damaged one is set aside: a demo must start."""
        try:
            self._kept.extend(json.loads(file.read_text()))
            self._last_id = max((int(item["id"]) for item in self._kept), default=0)
        except (ValueError, KeyError, TypeError):
            self._kept.clear()
            file.replace(file.with_suffix(".damaged"))

    def add(
        self,
        *,
        token: str,
        user_id: str,
        n: int,
        topic: str,
        ttl: int,
        notification: dict[str, Any] | None,
        now: float,
    ) -> None:
        """Count an acceptance and keep its notification; None is one that the phone couldn't decrypt."""
        self.acceptances[token, topic] += 1
        self._changed = True
        self._last_id = max(self._last_id + 1, int(now * 1000))  # rises over restarts too: pages ask by it
        self.undecryptable += notification is None
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        self._kept.appendleft(
            {
                "id": self._last_id,
                "at": at,
                "userId": user_id,
                "phone": n,
                "token": token,
                "topic": topic,
                "ttl": ttl,
                "notification": notification,
            }
        )

    def newest(
        self, *, after: int = 0, user_id: str | None = None, limit: int = KEPT
    ) -> list[dict[str, Any]]:
        """Return what arrived with an id above `after`, newest first."""
        found = [
            item
            for item in self._kept
            if item["id"] > after and (user_id is None or item["userId"] == user_id)
        ]
        return found[:limit]

    def counts(self) -> dict[str, Any]:
        """Return the sums, and each pair of phone and topic that was accepted more than once."""
        repeated = [
            {"token": token, "topic": topic, "count": count}
            for (token, topic), count in self.acceptances.items()
            if count > 1
        ]
        return {
            "accepted": self.acceptances.total(),
            "phones": len({token for token, _ in self.acceptances}),
            "undecryptable": self.undecryptable,
            "refused": dict(self.refusals),
            "repeated": repeated,
        }

    def save(self) -> None:
        """Write what is kept, whole or not at all, if it changed. Only its owner may read its click links."""
        if self._file is None or not self._changed:
            return
        self._changed = False
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(list(self._kept), stream, ensure_ascii=False)
        new.replace(self._file)
