"""Rates: worked by hand, and against the table in Newcombe (1998)."""

from math import asin, pi, sqrt

import pytest

from reengagement.stats import Rate, probability_below, wilson


def test_a_rate_is_hits_of_n():
    assert Rate(3, 12).share == 0.25


def test_of_nothing_there_is_no_rate_and_no_interval():
    """metrics: *Zero*."""
    assert Rate(0, 0).share is None
    assert Rate(0, 0).interval is None


@pytest.mark.parametrize(("n", "too_few"), [(0, True), (29, True), (30, False)])
def test_less_than_thirty_are_too_few_to_tell(n, too_few):
    assert Rate(0, n).too_few is too_few


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_wilson_interval_is_that_of_newcombe_1998(hits, n, low, high):
    """Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(hits, n) == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize("hits", [0, 1, 19, 20])
def test_the_interval_stays_within_0_and_1(hits):
    low, high = wilson(hits, 20)
    assert 0 <= low < high <= 1


def test_the_posterior_is_that_of_jeffreys_prior():
    """metrics: *Alerts*. Beta(½, ½) is the arcsine law; 1 of 1 makes it Beta(3/2, ½)."""
    assert probability_below(Rate(0, 0), 0.25) == pytest.approx(1 / 3)
    arcsine = 2 / pi * asin(sqrt(0.3))
    assert probability_below(Rate(1, 1), 0.3) == pytest.approx(arcsine - 2 / pi * sqrt(0.3 * 0.7))


@pytest.mark.parametrize(
    ("hits", "certain"), [(0, True), (1, True), (2, False), (5, False)], ids=lambda value: str(value)
)
def test_of_a_hundred_clicks_below_five_percent_are_certain_only_when_they_are_very_few(hits, certain):
    assert (probability_below(Rate(hits, 100), 0.05) > 0.95) is certain
