"""Which text does better: evidence that may be looked at every day.

Whoever looks daily at a p-value finds “significance” in three of ten experiments without any effect.
So this counts *evidence*: the capital of someone who bets, at fair odds, on which text the next click
will come from. With no effect nobody expects to win (it is a martingale), and the probability that
the capital *ever* reaches 1/α is at most α, however often and whenever one looks (Ville 1939).

The odds are known: the choice among a user's texts was random, and its probability is stored. Under
no effect a click comes from the text with just the probability that the text had. The bet is that the
text clicks better by some factor e^λ, over a spread of λ > 0: a mixture martingale (Robbins 1970; Howard,
Ramdas, McAuliffe and Sekhon 2021, Annals of Statistics 49:1055; for counts of one kind of event Lindon and
Malek 2022, NeurIPS 35). It is exact for any number of observations, not an approximation for many.

The bets are on λ > 0 only, so a probability that is stated too high makes the evidence less, never more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ALPHA = 0.05
"""The probability that a page, over all its life, ever shows a badge to a text that does no better."""

SPREAD = 0.5
"""Scale of the half-normal prior of λ: most bets are on factors up to e^0.5 = 1.65."""

FACTORS = np.linspace(0.02, 2.5, 125)
"""The λ that are bet on: factors from 1.02 to 12."""

_PRIOR = np.exp(-0.5 * (FACTORS / SPREAD) ** 2) / np.exp(-0.5 * (FACTORS / SPREAD) ** 2).sum()

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hits:
    """Hits (clicks, or returns) among choices that gave a text the same probability: its own, and all."""

    probability: float
    own: int
    all: int


def log_evidence(strata: Sequence[Hits], at: float = 0.0) -> float:
    """Return the logarithm of the evidence that a text does better than the rest by more than e^`at`.

    Strata (users with and without a pet, more or fewer texts to choose from) multiply.
    """
    higher = FACTORS + at
    gained = _log_likelihood(strata, higher) - _log_likelihood(strata, np.array([at]))
    top = float(gained.max())
    return top + float(np.log(np.sum(_PRIOR * np.exp(gained - top))))


def _log_likelihood(strata: Sequence[Hits], factors: Floats) -> Floats:
    """Return, for each λ, the log-probability of whose hits these are: binomial, own odds times e^λ."""
    total = np.zeros(len(factors))
    for each in strata:
        if 0 < each.probability < 1:
            odds = np.log(each.probability / (1 - each.probability)) + factors
            total += each.own * odds - each.all * np.logaddexp(0, odds)
    return total


def is_better(strata: Sequence[Hits], comparisons: int) -> bool:
    """Tell whether the evidence suffices for a badge, where `comparisons` may each win one.

    The error ALPHA is shared among them evenly, so it holds for all of them together.
    """
    return log_evidence(strata) >= float(np.log(comparisons / ALPHA))


def at_least(strata: Sequence[Hits], comparisons: int) -> float:
    """Return the factor that the text does better by at least: the sequence's lower bound, 1 without a badge.

    Larger factors are tried until the evidence against one no longer suffices.
    """
    needed = float(np.log(comparisons / ALPHA))
    low, high = 0.0, float(FACTORS[-1])
    if log_evidence(strata) < needed:
        return 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if log_evidence(strata, middle) >= needed else (low, middle)
    return float(np.exp(low))
