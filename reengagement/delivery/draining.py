"""A drain: works off what is due, in batches, with many requests in flight and no transaction open."""

from __future__ import annotations

import asyncio
import atexit
import logging
import math
import os
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import OperationalError

from reengagement import collecting, database, host, opting_out, references, rules
from reengagement.delivery import claiming, origins, settling, strikes
from reengagement.delivery.claiming import Posting
from reengagement.delivery.confirming import confirm_seen
from reengagement.delivery.fan_out import fan_out
from reengagement.delivery.outcomes import result_of
from reengagement.errors import SettingsError
from reengagement.host import Host
from reengagement.rules import Rules
from reengagement.settings import Settings
from reengagement.tables import delivery, notification
from reengagement.webpush import Answer, Message, Sender, payload_of, topic_of

log = logging.getLogger(__name__)

Post = Callable[[Message], Awaitable[Answer]]
Clock = Callable[[Connection], datetime]

CLAIMED_AT_ONCE = 400
POSTED_AT_ONCE = 200
"""The posting group: what a killed worker leaves unknown at most, times LANES."""
LANES = 2
"""Groups under way at once in one worker: while one is posted, the other is settled and the next begun."""
STOP_SECONDS = 3.0
"""How long requests in flight are waited for after a stop."""
LOOK_UP_SECONDS = 0.5
SETTLE_FOR_SECONDS = 60.0
"""How long settling is tried while the database is away; with the HTTP timeout less than POSTING_LEASE."""
REFILL_SECONDS = 0.25
"""How often a drain that a rate limit holds back looks again."""
CLICKS_COUNT_FOR = timedelta(days=30)
"""How long after a reminder's expiry its links still count."""
PER_WORKER = 2_000
"""What one worker does in a second or two: more waiting is worth another one."""


@dataclass
class Drained:
    """What a drain did: notifications fanned out, and deliveries by the state they went into.

    `more` tells that it stopped because its time was up.
    """

    fanned_out: int = 0
    more: bool = False
    states: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        """How many deliveries a push service accepted."""
        return self.states["accepted"]


@dataclass(frozen=True)
class _Context:
    engine: Engine
    settings: Settings
    clock: Clock
    post: Post
    secret: str
    rules: Rules
    seen: Host
    ends_at: float
    stop: Callable[[], bool]
    debris: collecting.Debris = field(default_factory=collecting.Debris)

    def is_over(self) -> bool:
        """Tell whether no more work is to be begun."""
        return time.monotonic() >= self.ends_at or self.stop()


def drain(
    engine: Engine,
    settings: Settings,
    *,
    post: Post | None = None,
    clock: Clock = database.clock,
    seconds: float | None = None,
    stop: Callable[[], bool] = lambda: False,
    lanes: int = LANES,
) -> Drained:
    """Send what is due until nothing is, or for about `seconds`; return what was done.

    Once `stop` tells so, nothing more is begun, and what is in flight is settled within STOP_SECONDS.
    `post` stands in for the network (a simulation's people, who need no second of the `lanes`); without
    it, Web Push by the settings' VAPID key. Raises SettingsError without such a key, NotMigrated, HostError.
    """
    with collecting.rarely():
        return _runner(os.getpid()).run(_drain(engine, settings, post, clock, seconds, stop, lanes))


@cache
def _runner(process_id: int) -> asyncio.Runner:
    """One event loop a process: workers are forked, and the HTTP session belongs to its loop."""
    return asyncio.Runner()


async def _drain(
    engine: Engine,
    settings: Settings,
    post: Post | None,
    clock: Clock,
    seconds: float | None,
    stop: Callable[[], bool],
    lanes: int,
) -> Drained:
    with engine.connect() as connection:
        secret = references.secret_of(connection, settings)
        in_force = rules.in_force(connection, settings.rules).rules
        seen = host.connect(settings.host, connection)
    post = post or (await _sender(settings, os.getpid())).post
    ends_at = math.inf if seconds is None else time.monotonic() + seconds
    context = _Context(engine, settings, clock, post, secret, in_force, seen, ends_at, stop)
    done = Drained()
    ends = await asyncio.gather(*(_lane(context, done) for _ in range(lanes)), return_exceptions=True)
    for error in ends:  # once all lanes have ended: one that is left behind would lose its answers
        if error is not None:
            raise error
    return done


_senders: dict[tuple[object, ...], Sender] = {}


async def _sender(settings: Settings, process_id: int) -> Sender:
    """Return this process's sender, with its one long-lived session. Raises SettingsError."""
    private_key, subject = settings.vapid_private_key, settings.vapid_subject
    if not private_key or not subject:
        raise SettingsError(
            "VAPID_PRIVATE_KEY and VAPID_SUBJECT are needed to send; make them with: "
            "python -m reengagement vapid"
        )
    key = (process_id, private_key, subject, settings.push_origins)
    if key not in _senders:
        sender = Sender(private_key, subject, frozenset(settings.push_origins))
        _senders[key] = await sender.__aenter__()
        atexit.register(_close, process_id, sender)
    return _senders[key]


def _close(process_id: int, sender: Sender) -> None:
    """Close the session at the end of the process that made it: one left open is complained of."""
    if process_id == os.getpid():
        _runner(process_id).run(sender.__aexit__())


async def _lane(context: _Context, done: Drained) -> None:
    """Work off groups one after another until nothing is due or the time is up."""
    while not context.is_over():
        token = uuid.uuid4().hex
        fanned_out, claimed = await asyncio.to_thread(_take_work, context, token)
        done.fanned_out += fanned_out
        if not fanned_out and not claimed:
            if not await asyncio.to_thread(_is_rationed, context):
                return
            await asyncio.sleep(REFILL_SECONDS)
        for group in _groups(claimed):
            if context.is_over():
                await asyncio.to_thread(_give_back, context, token)
                break
            done.states.update(await _work_off(context, group, token))
    done.more = True


def _groups(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + POSTED_AT_ONCE] for start in range(0, len(ids), POSTED_AT_ONCE)]


def _take_work(context: _Context, token: str) -> tuple[int, list[int]]:
    """Fan out what waits, if anything does, and claim deliveries."""
    with context.engine.begin() as connection:
        now = context.clock(connection)
        fanned_out = fan_out(connection, context.seen, context.rules, now)
    with context.engine.begin() as connection:
        return fanned_out, claiming.claim(connection, context.rules, token, now, CLAIMED_AT_ONCE)


def _is_rationed(context: _Context) -> bool:
    """Tell whether more is due and only a rate limit holds it back; a clock that stands refills nothing."""
    if not context.rules.pushes_per_second or context.clock is not database.clock:
        return False
    with context.engine.connect() as connection:
        return claiming.is_any_due(connection, context.clock(connection))


def _give_back(context: _Context, token: str) -> None:
    with context.engine.begin() as connection:
        claiming.release(connection, token)


async def _work_off(context: _Context, ids: Sequence[int], token: str) -> Counter[str]:
    """Post one group and settle it; return how many went into each state."""
    postings = await asyncio.to_thread(_begin, context, ids, token)
    answers = await _answers(context, postings)
    pairs = list(zip(postings, answers, strict=True))
    context.debris.add(
        sum(answer.outcome in ("retry", "unknown") and not answer.status for answer in answers)
    )
    return await _settle_patiently(context, pairs, token)


def _begin(context: _Context, ids: Sequence[int], token: str) -> tuple[Posting, ...]:
    with context.engine.begin() as connection:
        now = context.clock(connection)
        begun = claiming.begin_posting(connection, context.seen, ids, token, now)
        settling.settle_notifications(connection, context.rules, begun.settled, now)
        return begun.postings


async def _answers(context: _Context, postings: Sequence[Posting]) -> list[Answer]:
    """Post a group and return the answers; when told to stop, don't wait for the slow ones.

    What hasn't been answered by then may have arrived: unknown, like after a reset.
    """
    requests = [asyncio.create_task(_post(context, posting)) for posting in postings]
    pending: set[asyncio.Task[Answer]] = set(requests)
    cut_at = math.inf
    while pending and time.monotonic() < cut_at:
        _, pending = await asyncio.wait(pending, timeout=LOOK_UP_SECONDS)
        if cut_at == math.inf and context.stop():
            cut_at = time.monotonic() + STOP_SECONDS
    for request in pending:
        request.cancel()
    if pending:
        await asyncio.wait(pending)
    return [Answer("unknown", origins.STOPPED) if each.cancelled() else each.result() for each in requests]


async def _post(context: _Context, posting: Posting) -> Answer:
    """Return the answer to one message; a message that can't be built fails alone."""
    try:
        message = _message(context, posting)
    except (ValueError, TypeError, AttributeError) as error:
        log.error(
            "message can't be built", extra={"delivery": posting.delivery_id, "error": type(error).__name__}
        )
        return Answer("rejected", "bad_payload")
    return await context.post(message)


def _message(context: _Context, posting: Posting) -> Message:
    settings, notification_id = context.settings, posting.notification_id
    reference = references.make(context.secret, notification_id, posting.expires_at + CLICKS_COUNT_FOR)
    routes = f"{settings.public_url}/reengagement"
    topic = topic_of(notification_id)
    payload = payload_of(
        posting.title,
        posting.body,
        tag=topic,
        click_url=f"{routes}/click/{reference}",
        shown_url=f"{routes}/shown/{reference}",
        landing_url=f"{routes}/open/{reference}",
        opt_out_url=f"{routes}/opt-out/{_opt_out_reference(context, posting)}",
    )
    remains = posting.expires_at - posting.posted_at
    return Message(
        endpoint=posting.subscription.endpoint,
        keys=posting.subscription.keys,
        payload=payload,
        ttl=max(1, int(remains.total_seconds())),
        topic=topic,
    )


def _opt_out_reference(context: _Context, posting: Posting) -> str:
    return references.make(
        context.secret, posting.user_id, posting.posted_at + opting_out.LINK_LIFETIME, "opt-out"
    )


async def _settle_patiently(
    context: _Context, pairs: Sequence[tuple[Posting, Answer]], token: str
) -> Counter[str]:
    """Settle, though the database is restarted meanwhile: an answer lost is a delivery unknown for ever.

    What was written before a connection broke isn't written again: it no longer carries the token.
    """
    began, told_to_stop = time.monotonic(), math.inf
    while True:
        try:
            return await asyncio.to_thread(_settle, context, pairs, token)
        except OperationalError:
            now = time.monotonic()
            told_to_stop = min(told_to_stop, now) if context.stop() else math.inf
            if now > min(began + SETTLE_FOR_SECONDS, told_to_stop + STOP_SECONDS):
                raise
            log.warning("answers can't be settled; trying again", extra={"deliveries": len(pairs)})
        await asyncio.sleep(LOOK_UP_SECONDS)


def _settle(context: _Context, pairs: Sequence[tuple[Posting, Answer]], token: str) -> Counter[str]:
    """Write a group's answers: origins, deliveries, notifications, campaigns, dead subscriptions."""
    if not pairs:
        return Counter()
    with context.engine.begin() as connection:
        now = context.clock(connection)
        answers = [(posting.push_service, answer) for posting, answer in pairs]
        broken = origins.hear(connection, answers, now).broken
        results = [
            result_of(posting, answer, broken.get(posting.push_service), now) for posting, answer in pairs
        ]
        settling.settle(connection, context.rules, results, token, now)
        _remove_dead(context, connection, pairs, results, now)
    return Counter(result.state for result in results)


def _remove_dead(
    context: _Context,
    connection: Connection,
    pairs: Sequence[tuple[Posting, Answer]],
    results: Sequence[settling.Result],
    now: datetime,
) -> None:
    """Remove the host's subscriptions that are gone, or were rejected too often by their own fault (D3)."""
    struck = {
        posting.endpoint_hash: strikes.Strike(posting.push_service, answer.status)
        for (posting, answer), result in zip(pairs, results, strict=True)
        if result.state == "rejected" and answer.refused and answer.status
    }
    accepted = [
        posting.endpoint_hash
        for posting, answer in pairs
        if answer.outcome == "accepted" and posting.has_strikes
    ]
    strikes.wipe(connection, accepted)
    out = strikes.strike_out(connection, struck, now)
    dead = [
        posting.subscription
        for posting, answer in pairs
        if answer.outcome == "gone" or posting.endpoint_hash in out
    ]
    if dead:
        context.seen.remove_subscriptions(connection, dead)


def take_back(engine: Engine, settings: Settings, *, clock: Clock = database.clock) -> int:
    """Take back what killed workers left; return how many notifications have a delivery now unknown."""
    with engine.begin() as connection:
        now = clock(connection)
        touched = claiming.reclaim(connection, now)
        in_force = rules.in_force(connection, settings.rules).rules
        settling.settle_notifications(connection, in_force, touched, now)
        confirm_seen(connection, touched, now)
        return len(set(touched))


def need(connection: Connection, now: datetime, workers: int) -> int:
    """Return how many workers the work that is due is worth, `workers` at most."""
    waiting = select(notification.c.id).where(
        notification.c.run_id.is_not(None),
        notification.c.fanned_out_at.is_(None),
        notification.c.settled_at.is_(None),
    )
    due = select(delivery.c.id).where(delivery.c.state == "queued", delivery.c.next_attempt_at <= now)
    enough = workers * PER_WORKER
    counts = [
        connection.execute(select(func.count()).select_from(each.limit(enough).subquery())).scalar_one()
        for each in (waiting, due)
    ]
    return min(workers, math.ceil(sum(counts) / PER_WORKER))
