"""From a push service's answer to the state of a delivery (spec: *Every answer*)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from reengagement.delivery.claiming import Posting
from reengagement.delivery.settling import Result
from reengagement.webpush import Answer

TRIES = 5
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0


def wait_before(attempt: int, delivery_id: int, retry_after: float | None) -> timedelta:
    """Return how long to wait after the `attempt`th try (from 1).

    Exponential from 30 s, halved or doubled at most by jitter; where the service said how long, that
    and up to a tenth more, never less. The same delivery and attempt always wait equally long.
    """
    chance = random.Random(f"{delivery_id}:{attempt}").random()
    if retry_after is not None:
        return timedelta(seconds=retry_after * (1 + chance / 10) + chance)
    base = min(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), LONGEST_WAIT_SECONDS)
    return timedelta(seconds=base * (0.5 + chance))


def result_of(posting: Posting, answer: Answer, broken_until: datetime | None, now: datetime) -> Result:
    """Return the state that follows from `answer`.

    A refusal by an origin whose breaker is open isn't an outcome: the delivery waits until
    `broken_until`. A retry that would come after the expiry is *expired*; the fifth failure *rejected*.
    """
    if answer.refused and broken_until is not None:
        return Result(posting.delivery_id, "queued", answer.reason, answer.status, broken_until)
    if answer.outcome != "retry":
        return Result(posting.delivery_id, answer.outcome, answer.reason, answer.status)
    throttled = answer.status in (429, 406)
    if posting.attempts >= TRIES and not throttled:
        return Result(posting.delivery_id, "rejected", f"gave_up_{answer.reason}", answer.status)
    again_at = now + wait_before(posting.attempts, posting.delivery_id, answer.retry_after)
    if again_at >= posting.expires_at:
        return Result(posting.delivery_id, "expired", answer.reason, answer.status)
    return Result(posting.delivery_id, "queued", answer.reason, answer.status, again_at)
