"""The curve of returns: the published example, and the library that isn't used because it takes no counts."""

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from reengagement.stats.survival import Watched, returned_by, share_by

FREIREICH = {6: (3, 1), 7: (1, 0), 9: (0, 1), 10: (1, 1), 11: (0, 1), 13: (1, 0), 16: (1, 0),
             17: (0, 1), 19: (0, 1), 20: (0, 1), 22: (1, 0), 23: (1, 0), 25: (0, 1),
             32: (0, 2), 34: (0, 1), 35: (0, 1)}  # fmt: skip
"""Weeks of remission with 6-MP (Freireich et al. 1963): events, and those still in remission."""


def test_the_curve_is_the_published_one():
    """Collett, Modelling Survival Data in Medical Research."""
    points = returned_by(Watched(week, *counts) for week, counts in FREIREICH.items())
    survival = [round(1 - point.share, 3) for point in points]
    assert survival == [1.0, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]


def test_shares_and_standard_errors_agree_with_statsmodels():
    rng = np.random.default_rng(5)
    times, seen = rng.integers(1, 30, 400), rng.random(400) < 0.4
    groups = [
        Watched(float(t), int(seen[times == t].sum()), int((~seen)[times == t].sum())) for t in set(times)
    ]
    points = returned_by(groups)[1:]
    other = SurvfuncRight(times, seen)
    assert [1 - point.share for point in points] == pytest.approx(list(other.surv_prob))
    for point, survival, error in zip(points, other.surv_prob, other.surv_prob_se, strict=True):
        spread = np.exp(1.959964 * error / survival / abs(np.log(survival)))
        assert (point.low, point.high) == pytest.approx((1 - survival ** (1 / spread), 1 - survival**spread))


def test_without_censoring_the_curve_is_the_share_that_returned():
    points = returned_by([Watched(1, 10, 0), Watched(5, 20, 0), Watched(32, 0, 70)])
    assert [point.days for point in points] == [0, 1, 5]
    assert [point.share for point in points] == pytest.approx([0, 0.1, 0.3])
    assert share_by(points, 4.9).share == pytest.approx(0.1)
    assert share_by(points, 30).share == pytest.approx(0.3)


def test_those_cut_off_by_now_are_no_failures():
    """Of ten, five were opened two days ago: on day 3 one of the five who were watched that long returned."""
    points = returned_by([Watched(2, 0, 5), Watched(3, 1, 0), Watched(32, 0, 4)])
    assert points[-1].share == pytest.approx(0.2)


def test_everyone_returned_and_nobody_was_watched():
    assert returned_by([Watched(1, 3, 0)])[-1].share == 1
    assert returned_by([])[-1].share == 0
