"""Telling people, by Apprise: e-mail, Slack, Telegram and a hundred others, each an address of its own.

The addresses are secrets. None of them, and nothing that Apprise logs, ever reaches a log, an error or a
page: a receiver is named by its scheme and host as Apprise masks them.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from reengagement.settings import Settings

UNKNOWN, NOT_DELIVERED = "unknown_service", "not_delivered"
"""Why a receiver wasn't told: Apprise doesn't know such an address, or nobody took the message."""

_STATUS = re.compile(r"error=(\d{3})")


@dataclass(frozen=True)
class Receiver:
    """One address of REENGAGEMENT_ALERT_URLS: `key` is a hash of it, `name` what may be shown."""

    key: str
    name: str
    url: str = field(repr=False)


@dataclass(frozen=True)
class Attempt:
    """What came of telling one receiver; `reason` is None where it took the message."""

    receiver: Receiver
    reason: str | None = None
    status: int | None = None

    def as_details(self) -> dict[str, Any]:
        """Return what a row may keep."""
        return {"receiver": self.receiver.name, "reason": self.reason, "status": self.status}


def receivers(settings: Settings) -> list[Receiver]:
    """Return who is told of alerts."""
    return [
        Receiver(hashlib.sha256(url.encode()).hexdigest()[:16], _masked(url), url)
        for url in settings.alert_urls
    ]


def send(to: Sequence[Receiver], title: str, body: str) -> list[Attempt]:
    """Send one message to each receiver, and return what came of each. Takes seconds where one is away."""
    return [_send(receiver, title, body) for receiver in to]


def _send(receiver: Receiver, title: str, body: str) -> Attempt:
    apprise = _apprise()
    service = apprise.Apprise.instantiate(receiver.url, suppress_exceptions=True)
    if service is None:
        return Attempt(receiver, UNKNOWN)
    one = apprise.Apprise()
    one.add(service)
    with apprise.LogCapture(level=logging.WARNING) as log:
        if one.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            return Attempt(receiver)
        status = _STATUS.search(log.getvalue())
    return Attempt(receiver, NOT_DELIVERED, int(status.group(1)) if status else None)


def _masked(url: str) -> str:
    service = _apprise().Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        return f"{urlsplit(url).scheme}://…"
    shown = urlsplit(service.url(privacy=True))
    return f"{shown.scheme}://{shown.netloc.rpartition('@')[2]}/…"


def _apprise() -> Any:
    """Return the library, silenced: what it logs may hold an address. It takes most of a second to load."""
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return apprise
