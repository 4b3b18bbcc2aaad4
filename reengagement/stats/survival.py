"""How long users take to return: Kaplan and Meier's curve of those who have, and its band."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

from reengagement.stats.rates import CONFIDENCE


@dataclass(frozen=True)
class Watched:
    """Campaigns that were watched for the same time: how many returned then, and how many had not."""

    days: float
    returned: int
    unseen: int
    """Not returned and watched no longer: *now* cut them off, or the end of the window."""


@dataclass(frozen=True)
class Point:
    """The share that has returned by `days` after the campaign's start, with its 95 % interval there."""

    days: float
    share: float
    low: float
    high: float


def returned_by(watched: Iterable[Watched]) -> list[Point]:
    """Return the curve's points, one for each time at which someone returned, from (0, 0) on.

    Kaplan and Meier (1958). The interval is pointwise, Greenwood's variance on the scale of
    log(−log survival) (Kalbfleisch and Prentice), so that it stays within 0 and 1.
    """
    groups = sorted(watched, key=lambda group: group.days)
    at_risk = sum(group.returned + group.unseen for group in groups)
    points, survival, greenwood = [Point(0.0, 0.0, 0.0, 0.0)], 1.0, 0.0
    for group in groups:
        if group.returned:
            left = at_risk - group.returned
            survival *= left / at_risk
            greenwood += group.returned / (at_risk * left) if left else 0.0
            points.append(_point(group.days, survival, greenwood))
        at_risk -= group.returned + group.unseen
    return points


def _point(days: float, survival: float, greenwood: float) -> Point:
    if survival <= 0:
        return Point(days, 1.0, 1.0, 1.0)
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    spread = exp(z * sqrt(greenwood) / abs(log(survival)))
    return Point(days, 1 - survival, 1 - survival ** (1 / spread), 1 - survival**spread)


def share_by(points: Iterable[Point], days: float) -> Point:
    """Return the curve at `days`: its last point until then."""
    return max((point for point in points if point.days <= days), key=lambda point: point.days)
