"""How long a trial has to run before it can show an effect of a given size."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

POWER = 0.80
ALPHA = 0.05


@dataclass(frozen=True)
class Trial:
    """The campaigns that a trial needs in each arm, and the days until they are opened and have matured."""

    treated: int
    holdout: int
    days: int

    @property
    def campaigns(self) -> int:
        """Return the campaigns of both arms."""
        return self.treated + self.holdout


def trial(base: float, points: float, share: float, daily: float, window_days: int) -> Trial | None:
    """Return the trial that shows `points` (a share) on top of `base` with power 80 %, two-sided α 5 %.

    `share` is held out of `daily` campaigns, 0 < share < 1. None where base + points isn't a share, or
    no campaigns are opened. Normal approximation with the pooled variance under no effect (Fleiss, Levin
    and Paik 2003, 4.3); campaigns count as independent.
    """
    if not (0 <= base < base + points < 1 and daily > 0):
        return None
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail  # two seconds, once

    treated = samplesize_proportions_2indep_onetail(
        points, base, POWER, ratio=share / (1 - share), alpha=ALPHA
    )
    holdout = treated * share / (1 - share)
    return Trial(ceil(treated), ceil(holdout), ceil((treated + holdout) / daily) + window_days)
