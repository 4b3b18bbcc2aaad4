"""What is amiss: rules over what was read, pure functions of frozen rows and the time in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from reengagement import runs
from reengagement.breaker import PROBING, REFUSALS_IN_A_ROW, REFUSED
from reengagement.metrics import LastRun, Waiting
from reengagement.metrics.lately import Lately, Move
from reengagement.rules import Rules
from reengagement.stats import Rate, probability_below
from reengagement.status import OLDEST_WAITING
from reengagement.tables import ALERT_KINDS

RATE_KINDS = frozenset({"click_rate", "return_rate"})
"""These take a look at weeks of rows, so they are looked at more rarely."""

ENOUGH_TO_TELL = 50
SURE = 0.95
"""People are told when the rate lies below its threshold with more than this probability."""
STILL = 0.5
"""What people were told of stays until it is more probably above; or it would come and go at the border."""
STRUCK_USERS = 10
STRUCK_SHARE = 0.2
"""So many subscriptions of a push service struck within a day, and so large a part of those that it
answered, aren't each by its own fault."""
STRUCK_WITHIN = timedelta(days=1)
MOVED = 2.0
"""A level, type or push service is named as a cause from so many standard errors on."""
NO_CAMPAIGNS_FOR = timedelta(days=7)
MISSING_AFTER = timedelta(hours=1)
"""The day's run is missed an hour after its time: at 09:00 with the default of 08:00."""

Details = Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """A push service that refused or fell silent many times in a row."""

    origin: str
    reason: str | None
    refusals: int


@dataclass(frozen=True)
class Struck:
    """What a push service rejected within STRUCK_WITHIN, by status, and how many deliveries it accepted."""

    origin: str
    by_status: Mapping[int, int]
    accepted: int

    @property
    def total(self) -> int:
        """How many subscriptions have a strike."""
        return sum(self.by_status.values())


@dataclass(frozen=True)
class Rates:
    """The two rates of late; what moved is read only where one lies below its threshold."""

    clicks: Lately
    returns: Lately
    click_moves: Sequence[Move] = ()
    return_moves: Sequence[Move] = ()


@dataclass(frozen=True)
class Signs:
    """All that the rules look at, of one moment. `rates` is None where they weren't looked at.

    `tries` are the states of today's scheduled runs, oldest first; `last_counts` the eligible and held-back
    users of the last run that was done; `told` the kinds and subjects of open alerts that people know of,
    `open` those of all open ones.
    """

    now: datetime
    rules: Rules
    installed_at: datetime
    consumers: int
    last_run: LastRun | None
    tries: Sequence[str]
    last_done_at: datetime | None
    last_counts: Details | None
    newest_campaign_at: datetime | None
    paused_since: datetime | None
    waiting: Waiting
    origins: Sequence[Origin] = ()
    struck: Sequence[Struck] = ()
    rates: Rates | None = None
    open: frozenset[tuple[str, str]] = frozenset()
    told: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Condition:
    """Something amiss. `sure`: people are told of it, too; a page shows it in any case."""

    kind: str
    details: Details = field(default_factory=dict)
    subject: str = ""
    sure: bool = True


def amiss(signs: Signs) -> list[Condition]:
    """Return what is amiss, the worst first; what isn't sure comes after what is."""
    found = [
        *no_consumer(signs),
        *run_failed(signs),
        *run_missing(signs),
        *refused(signs),
        *struck(signs),
        *waiting_long(signs),
        *no_new_campaigns(signs),
        *return_rate(signs),
        *click_rate(signs),
    ]
    return sorted(found, key=lambda one: (not one.sure, ALERT_KINDS.index(one.kind), one.subject))


def no_consumer(signs: Signs) -> Iterable[Condition]:
    """No consumer was seen within three minutes."""
    if not signs.consumers:
        yield Condition("no_consumer")


def run_failed(signs: Signs) -> Iterable[Condition]:
    """The last run failed or crashed; sure once no further try comes by itself."""
    last = signs.last_run
    if last and last.state in ("failed", "crashed"):
        tried_again = last.kind == "scheduled" and 0 < len(signs.tries) <= len(runs.RETRY_AFTER)
        late = signs.rules.local(signs.now).time() > signs.rules.run_until
        details = {"at": last.started_at.isoformat(), "state": last.state, "error": last.error or ""}
        yield Condition("run_failed", details, sure=late or not tried_again)


def run_missing(signs: Signs) -> Iterable[Condition]:
    """No scheduled run of today was done or is under way, an hour after its time; none failed either."""
    due = runs.scheduled_for(signs.rules, signs.now)
    if signs.installed_at <= due and signs.now >= due + MISSING_AFTER and not signs.tries:
        yield Condition("run_missing", {"due": due.isoformat()})


def refused(signs: Signs) -> Iterable[Condition]:
    """A push service answered 400, 401 or 403 many times in a row: a wrong key or clock, our fault."""
    for one in signs.origins:
        probed = one.reason == PROBING and ("refused", one.origin) in signs.open
        if one.refusals >= REFUSALS_IN_A_ROW and (one.reason == REFUSED or probed):
            yield Condition("refused", {"origin": one.origin, "refusals": one.refusals}, one.origin)


def struck(signs: Signs) -> Iterable[Condition]:
    """Many subscriptions of a push service were rejected that it isn't held back for: it accepts others."""
    known = {one.subject for one in refused(signs)}
    for one in signs.struck:
        if one.origin not in known and is_our_fault(one):
            by_status = {str(status): n for status, n in sorted(one.by_status.items())}
            details = {"origin": one.origin, "by_status": by_status, "accepted": one.accepted}
            yield Condition("struck", details, one.origin)


def is_our_fault(one: Struck) -> bool:
    """Tell whether so many, and so large a part, were rejected that it can't be each one's own fault."""
    return one.total >= STRUCK_USERS and one.total > STRUCK_SHARE * (one.total + one.accepted)


def waiting_long(signs: Signs) -> Iterable[Condition]:
    """The oldest reminder has waited for more than an hour, and not because of a pause."""
    oldest = signs.waiting.oldest_at
    if oldest and signs.now - oldest > OLDEST_WAITING and signs.paused_since is None:
        yield Condition("waiting_long", {"since": oldest.isoformat(), "n": signs.waiting.total})


def no_new_campaigns(signs: Signs) -> Iterable[Condition]:
    """No campaign was opened for more than seven days, and which of three causes it has (F6)."""
    since = max(signs.newest_campaign_at or signs.installed_at, signs.installed_at)
    if signs.now - since <= NO_CAMPAIGNS_FOR:
        return
    details: dict[str, Any] = {"since": since.isoformat()}
    if signs.last_done_at is None or signs.now - signs.last_done_at > NO_CAMPAIGNS_FOR:
        details["why"] = "planner"
        details["last_done"] = signs.last_done_at.isoformat() if signs.last_done_at else None
    elif signs.paused_since is not None:
        details |= {"why": "paused", "paused_since": signs.paused_since.isoformat()}
    else:
        counts = signs.last_counts or {}
        details |= {
            "why": "nobody",
            "inactive": counts.get("inactive", 0),
            "held_back": dict(counts.get("held_back", {})),
        }
    yield Condition("no_new_campaigns", details)


def click_rate(signs: Signs) -> Iterable[Condition]:
    """The click rate lies below its threshold."""
    if signs.rates:
        threshold, moves = signs.rules.click_rate_threshold, signs.rates.click_moves
        yield from _low("click_rate", signs.rates.clicks, threshold, moves, signs)


def return_rate(signs: Signs) -> Iterable[Condition]:
    """The return rate lies below its threshold."""
    if signs.rates:
        threshold, moves = signs.rules.return_rate_threshold, signs.rates.return_moves
        yield from _low("return_rate", signs.rates.returns, threshold, moves, signs)


def is_below(lately: Lately, threshold: float) -> bool:
    """Tell whether the plain rate lies below the threshold: what a page flags at once."""
    return lately.plain.share is not None and lately.plain.share < threshold


def is_surely_below(lately: Lately, threshold: float, probability: float = SURE) -> bool:
    """Tell whether so much has matured, and lies so far below, that people should be told."""
    return lately.matured.n >= ENOUGH_TO_TELL and probability_below(lately.matured, threshold) > probability


def _low(
    kind: str, lately: Lately, threshold: float, moves: Sequence[Move], signs: Signs
) -> Iterable[Condition]:
    told = (kind, "") in signs.told
    sure = is_surely_below(lately, threshold, STILL if told else SURE)
    if is_below(lately, threshold) or sure:
        details = {
            "threshold": threshold,
            "plain": [lately.plain.hits, lately.plain.n],
            "matured": [lately.matured.hits, lately.matured.n],
            "moved": _as_details(most_moved(moves)),
        }
        yield Condition(kind, details, sure=sure)


def most_moved(moves: Iterable[Move]) -> Move | None:
    """Return what fell most against the 28 days before, in standard errors; None where nothing stands out."""
    fallen = [(_fall(one), one) for one in moves if not (one.lately.too_few or one.before.too_few)]
    fall, move = max(fallen, key=lambda pair: pair[0], default=(0.0, None))
    return move if fall >= MOVED else None


def _fall(move: Move) -> float:
    """Return by how many standard errors of two pooled proportions the rate fell; negative if it rose."""
    lately, before = move.lately, move.before
    pooled = (lately.hits + before.hits) / (lately.n + before.n)
    error = sqrt(pooled * (1 - pooled) * (1 / lately.n + 1 / before.n))
    return ((before.share or 0.0) - (lately.share or 0.0)) / error if error else 0.0


def _as_details(move: Move | None) -> dict[str, Any] | None:
    if move is None:
        return None
    return {
        "dimension": move.dimension,
        "value": move.value,
        "lately": [move.lately.hits, move.lately.n],
        "before": [move.before.hits, move.before.n],
    }


def rate_of(counts: Sequence[int]) -> Rate:
    """Return the rate that details keep as hits and n."""
    return Rate(counts[0], counts[1])
