"""Rates and their uncertainty: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

ENOUGH = 30
"""With fewer observations a rate says *too few to tell*."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """`hits` of `n`; shares lie between 0 and 1."""

    hits: int
    n: int

    @property
    def share(self) -> float | None:
        """Return hits ÷ n, None where n is 0: of nothing there is no rate, not even 0 %."""
        return self.hits / self.n if self.n else None

    @property
    def too_few(self) -> bool:
        """Whether n is too small to tell anything from the share."""
        return self.n < ENOUGH

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % Wilson interval, None where n is 0."""
        return wilson(self.hits, self.n) if self.n else None

    def differs_from(self, other: Rate) -> bool:
        """Tell whether the two can't differ by chance alone: enough of each, and the intervals apart.

        Stricter than a test at 95 %, which suits a figure that is looked at daily.
        """
        if self.too_few or other.too_few:
            return False
        (low, high), (others_low, others_high) = wilson(self.hits, self.n), wilson(other.hits, other.n)
        return low > others_high or others_low > high


def wilson(hits: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the Wilson score interval of `hits` of `n` > 0, as shares.

    Wilson (1927), JASA 22:209. Unlike p ± z·√(p(1-p)/n) it stays within 0 and 1, also for 0 hits.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / n
    middle = share + z * z / (2 * n)
    margin = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - margin) / (1 + z * z / n)), min(1.0, (middle + margin) / (1 + z * z / n))


def probability_below(rate: Rate, threshold: float) -> float:
    """Return how probable it is that the true share lies below `threshold`.

    The posterior of Jeffreys' prior, Beta(½ + hits, ½ + n − hits); with n = 0 it is the prior's.
    """
    from scipy.special import betainc  # half a second, and only alerts ask

    return float(betainc(0.5 + rate.hits, 0.5 + rate.n - rate.hits, threshold))
