"""Those reminded and those held out, as counts that a lift is worked out from."""

from __future__ import annotations

from dataclasses import dataclass

from reengagement.stats.rates import Rate


@dataclass(frozen=True)
class Arm:
    """The matured campaigns of one arm. The sums run over its users: c their campaigns, r those returned.

    One user's campaigns are alike, and the arm is the user's: so they tell less than as many users would.
    """

    campaigns: int
    returned: int
    sum_cc: int
    sum_cr: int
    sum_rr: int

    @property
    def rate(self) -> Rate:
        """Return returned of campaigns."""
        return Rate(self.returned, self.campaigns)

    @property
    def design_effect(self) -> float:
        """Return how many times the variance of independent campaigns the rate has, at least 1.

        Σ(r − share·c)² over users ÷ n·share·(1 − share): Kish's design effect of clusters.
        """
        share = self.rate.share
        if share is None or not 0 < share < 1:
            return 1.0
        between = self.sum_rr - 2 * share * self.sum_cr + share**2 * self.sum_cc
        return max(1.0, between / (self.campaigns * share * (1 - share)))


@dataclass(frozen=True)
class Stratum:
    """Campaigns opened under one planned share: only among these do the arms differ by chance alone."""

    share: float
    treated: Arm
    holdout: Arm


@dataclass(frozen=True)
class Allocation:
    """Users by the arm of their first campaign that had a planned share."""

    share: float
    treated: int
    holdout: int
