"""What reminders changed: the difference between those reminded and those held out, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from reengagement.stats.arms import Allocation, Arm, Stratum
from reengagement.stats.rates import CONFIDENCE, ENOUGH, Rate

ENOUGH_RETURNS = 5
"""With fewer returns in an arm nothing is said about the difference."""

MISFIT = 0.001
"""A split less probable than this is no accident: something else than chance decides who is held out."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Lift:
    """Return rate of treated − of holdout, and the returns caused; each with its 95 % interval."""

    lift: float
    interval: Interval
    treated: int
    returned: int

    @property
    def caused(self) -> float:
        """Return how many of the treated campaigns' returns would not have been without reminders."""
        return self.treated * self.lift

    @property
    def caused_interval(self) -> Interval:
        """Return the interval of `caused`."""
        return self.treated * self.interval[0], self.treated * self.interval[1]


@dataclass(frozen=True)
class Verdict:
    """What may be said about the two arms: nothing, why not, or the lift."""

    state: Literal["no_holdout", "uneven", "too_few", "told"]
    treated: Rate
    holdout: Rate
    allocations: Sequence[Allocation]
    lift: Lift | None = None


def verdict(strata: Sequence[Stratum], allocations: Sequence[Allocation]) -> Verdict:
    """Return the lift, or why there is none to tell.

    1. *no holdout*: nobody was ever held out by plan. 2. *uneven*: the split isn't the planned one, so the
    arms may differ by more than chance. 3. *too few* matured campaigns or returns. 4. *told*.
    """
    treated = _together([each.treated for each in strata])
    holdout = _together([each.holdout for each in strata])
    if not allocations:
        return Verdict("no_holdout", treated, holdout, allocations)
    if split_probability(allocations) < MISFIT:
        return Verdict("uneven", treated, holdout, allocations)
    found = lift(strata) if enough(treated, holdout) else None
    return Verdict("told" if found else "too_few", treated, holdout, allocations, found)


def newcombe(one: Rate, other: Rate) -> Interval:
    """Return the 95 % interval of one share − the other; both n > 0. Newcombe (1998), method 10."""
    return _newcombe(one.hits, one.n, other.hits, other.n)


def _newcombe(hits: float, n: float, other_hits: float, other_n: float) -> Interval:
    from statsmodels.stats.proportion import confint_proportions_2indep  # two seconds, once a process

    low, high = confint_proportions_2indep(
        hits, n, other_hits, other_n, method="newcomb", compare="diff", alpha=1 - CONFIDENCE
    )
    return float(low), float(high)


def _together(arms: Sequence[Arm]) -> Rate:
    return Rate(sum(arm.returned for arm in arms), sum(arm.campaigns for arm in arms))


def enough(*arms: Rate) -> bool:
    """Tell whether each arm has the campaigns and the returns that a difference needs."""
    return all(arm.n >= ENOUGH and arm.hits >= ENOUGH_RETURNS for arm in arms)


def split_probability(allocations: Sequence[Allocation]) -> float:
    """Return the probability of a split at least as far from the planned shares: χ², one degree of freedom.

    Each user counts once, at the first of their campaigns that had a planned share. Later campaigns are
    no sample of the split: reminders that work make more returns, more lapses and so more campaigns.
    """
    planned = [(one.share, one.treated + one.holdout, one.holdout) for one in allocations]
    variance = sum(users * share * (1 - share) for share, users, _held in planned)
    if not variance:
        return 1.0
    excess = sum(held - users * share for share, users, held in planned)
    from scipy.special import chdtrc  # half a second

    return float(chdtrc(1, excess**2 / variance))


def lift(strata: Sequence[Stratum]) -> Lift | None:
    """Return the lift over all shares that were in force, None where no share has both arms.

    Differences within strata, by Mantel-Haenszel weights n·m ÷ (n + m), so that a stratum with few of one
    arm weighs little (Greenland and Robins 1985). The interval is Newcombe's within a stratum, each arm's
    n divided by its design effect, and those are joined by the square-and-add rule that Newcombe's is made
    of (MOVER, Zou and Donner 2008). With one stratum and one campaign a user it is Newcombe's.
    """
    both = [each for each in strata if each.treated.campaigns and each.holdout.campaigns]
    if not both:
        return None
    weights = [_weight(each.treated.campaigns, each.holdout.campaigns) for each in both]
    whole = sum(weights)
    differences = [_difference(each) for each in both]
    value = sum(w * d for w, (d, _, _) in zip(weights, differences, strict=True)) / whole
    below = sum((w * (d - low)) ** 2 for w, (d, low, _) in zip(weights, differences, strict=True))
    above = sum((w * (high - d)) ** 2 for w, (d, _, high) in zip(weights, differences, strict=True))
    return Lift(
        lift=value,
        interval=(value - sqrt(below) / whole, value + sqrt(above) / whole),
        treated=sum(each.treated.campaigns for each in both),
        returned=sum(each.treated.returned for each in both),
    )


def _weight(n: int, m: int) -> float:
    return n * m / (n + m)


def _difference(stratum: Stratum) -> tuple[float, float, float]:
    """Return the difference of a stratum's shares and its interval."""
    effective = []
    for arm in (stratum.treated, stratum.holdout):
        effective += [arm.returned / arm.design_effect, arm.campaigns / arm.design_effect]
    hits, n, other_hits, other_n = effective
    return hits / n - other_hits / other_n, *_newcombe(hits, n, other_hits, other_n)
