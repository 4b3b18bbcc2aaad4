"""What the answer of a push service means: HTTP's status and headers to one of six outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from reengagement.endpoints import Address

Outcome = Literal["accepted", "gone", "rejected", "unsupported", "unknown", "retry"]
Headers = Mapping[str, str]

REFUSING = (400, 401, 403)
WAIT_WITHOUT_RETRY_AFTER = 120.0
LONGEST_WAIT = 24 * 3600.0
"""Seconds; a longer one would silence a whole push service for the sake of one odd header."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message. `reason` is a short machine word; `retry_after` in seconds.

    `refused` marks 400, 401 and 403: many in a row are our own fault (key, clock, a bug), not subscriptions'.
    """

    outcome: Outcome
    reason: str
    status: int | None = None
    retry_after: float | None = None
    refused: bool = False


def classify(status: int, headers: Headers, address: Address, now: float) -> Answer:
    """Return the meaning of a complete answer that came at `now`, in seconds since 1970 (D3)."""
    reason = f"http_{status}"
    if 200 <= status < 300:
        return Answer("accepted", reason, status)
    if status in (404, 410):
        return Answer("gone", reason, status)
    if status == 429 or (status == 406 and address.is_under("notify.windows.com")):
        wait = _retry_after(headers, now)
        return Answer("retry", reason, status, WAIT_WITHOUT_RETRY_AFTER if wait is None else wait)
    if status == 408 or status >= 500:
        return Answer("retry", reason, status, _retry_after(headers, now))
    return Answer("rejected", reason, status, refused=status in REFUSING)


def _retry_after(headers: Headers, now: float) -> float | None:
    """Return the seconds that Retry-After asks for, if readable. A date counts from the answer's own Date."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(float(value), LONGEST_WAIT)
    until, since = _seconds_of_date(value), _seconds_of_date(headers.get("Date", ""))
    if until is None:
        return None
    return min(max(0.0, until - (now if since is None else since)), LONGEST_WAIT)


def _seconds_of_date(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a year or an hour of twenty digits
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
