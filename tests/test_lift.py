"""The difference that reminders made: published examples, by hand, and a split that isn't the planned one."""

import pytest
from scipy.stats import binomtest

from reengagement.stats import Rate
from reengagement.stats.arms import Allocation, Arm, Stratum
from reengagement.stats.lift import MISFIT, lift, newcombe, split_probability, verdict
from reengagement.stats.power import trial


def arm(returned: int, campaigns: int) -> Arm:
    """Return an arm whose every user has one campaign."""
    return Arm(campaigns, returned, sum_cc=campaigns, sum_cr=returned, sum_rr=returned)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_the_interval_of_a_difference_is_that_of_newcombe_1998(one, other, low, high):
    """Statistics in Medicine 17:873, table II, method 10."""
    assert newcombe(Rate(*one), Rate(*other)) == pytest.approx((low, high), abs=0.00005)


def test_with_one_share_and_one_campaign_a_user_the_lift_is_newcombes():
    found = lift([Stratum(0.5, arm(56, 70), arm(48, 80))])
    assert found.lift == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=0.00005)
    assert found.caused == pytest.approx(14)
    assert found.caused_interval == pytest.approx((3.67, 23.37), abs=0.01)


def test_a_share_that_changed_is_compared_within_each_share():
    """Thrown together it would be 320/1000 − 140/400 < 0, though reminders added ten points each time."""
    early = Stratum(0.1, arm(270, 900), arm(20, 100))
    late = Stratum(0.75, arm(50, 100), arm(120, 300))
    found = lift([early, late])
    assert found.lift == pytest.approx(0.1)
    pooled = (270 + 50) / 1000 - (20 + 120) / 400
    assert pooled < 0 < found.interval[0]


def test_shares_weigh_by_what_they_can_tell():
    """n·m ÷ (n + m): 50 for 100 and 100 that differ by 20 points, 150 for 300 and 300 that differ by 5."""
    few, many = Stratum(0.5, arm(30, 100), arm(10, 100)), Stratum(0.4, arm(90, 300), arm(75, 300))
    found = lift([few, many])
    assert found.lift == pytest.approx((0.2 * 50 + 0.05 * 150) / 200)
    below = [d - newcombe(each.treated.rate, each.holdout.rate)[0] for d, each in ((0.2, few), (0.05, many))]
    together = ((0.25 * below[0]) ** 2 + (0.75 * below[1]) ** 2) ** 0.5
    assert found.interval[0] == pytest.approx(found.lift - together)
    assert (found.treated, found.returned) == (400, 120)


def test_a_share_without_a_holdout_tells_nothing():
    with_both = Stratum(0.1, arm(30, 90), arm(2, 10))
    assert lift([Stratum(0.01, arm(10, 50), arm(0, 0)), with_both]) == lift([with_both])
    assert lift([Stratum(0.01, arm(10, 50), arm(0, 0))]) is None


def test_users_with_several_campaigns_tell_less_than_as_many_users():
    """Ten users with four campaigns each, all or none of which return, are ten and not forty."""
    alike = Arm(campaigns=40, returned=20, sum_cc=10 * 16, sum_cr=5 * 16, sum_rr=5 * 16)
    assert alike.design_effect == pytest.approx(4)
    assert arm(20, 40).design_effect == 1
    wide = lift([Stratum(0.5, alike, alike)]).interval
    assert wide == pytest.approx(newcombe(Rate(5, 10), Rate(5, 10)))


@pytest.mark.parametrize(
    ("treated", "holdout", "told"),
    [((5, 30), (5, 30), True), ((5, 29), (5, 30), False), ((5, 30), (4, 30), False)],
)
def test_hidden_until_each_arm_has_thirty_campaigns_and_five_returns(treated, holdout, told):
    split = [Allocation(0.5, treated[1], holdout[1])]
    found = verdict([Stratum(0.5, arm(*treated), arm(*holdout))], split)
    assert found.state == ("told" if told else "too_few")
    assert (found.lift is not None) is told


def test_campaigns_of_all_shares_count_towards_enough():
    half = Stratum(0.5, arm(3, 15), arm(3, 15))
    split = [Allocation(0.5, 30, 30)]
    assert verdict([half], split).state == "too_few"
    assert verdict([half, half], split).state == "told"


def test_a_lift_of_arms_that_chance_did_not_make_is_not_told():
    strata = [Stratum(0.1, arm(300, 900), arm(20, 300))]
    assert verdict(strata, [Allocation(0.1, 900, 300)]).state == "uneven"
    assert verdict(strata, [Allocation(0.1, 900, 100)]).state == "told"
    assert verdict([], []).state == "no_holdout"


@pytest.mark.parametrize(("holdout", "refused"), [(100, False), (131, False), (132, True), (68, True)])
def test_a_split_that_chance_does_not_make_is_refused(holdout, refused):
    """Of 1,000 at 10 %: 31² ÷ 90 = 10.68 (p 0.00108), 32² ÷ 90 = 11.38 (p 0.00074)."""
    assert (split_probability([Allocation(0.1, 1000 - holdout, holdout)]) < MISFIT) is refused


def test_the_split_is_judged_by_the_shares_that_were_in_force():
    """Expected 10 + 50 of 200, with variance 9 + 25."""
    exact = [Allocation(0.1, 90, 10), Allocation(0.5, 50, 50)]
    assert split_probability(exact) == pytest.approx(1)
    assert split_probability([Allocation(0.1, 50, 50), Allocation(0.5, 50, 50)]) < MISFIT
    assert split_probability([]) == 1


def test_the_split_agrees_with_the_binomial_distribution():
    found = split_probability([Allocation(0.2, 770, 230)])
    assert found == pytest.approx(binomtest(230, 1000, 0.2).pvalue, abs=0.002)


def test_a_trial_of_equal_arms_is_the_textbooks():
    """40 % against 50 %, power 80 %, α 5 %: 388 in each arm (Fleiss, Levin and Paik 2003, 4.3)."""
    found = trial(base=0.40, points=0.10, share=0.5, daily=20, window_days=32)
    assert (found.treated, found.holdout) == (388, 388)
    assert found.days == 39 + 32


def test_a_smaller_holdout_takes_longer():
    tenth, half = (trial(0.3, 0.03, share, 100, 32) for share in (0.1, 0.5))
    assert tenth.holdout < half.holdout
    assert tenth.campaigns > 2 * half.campaigns


@pytest.mark.parametrize(("base", "daily"), [(0.98, 10), (0.3, 0)])
def test_no_trial_shows_the_impossible(base, daily):
    assert trial(base, 0.03, 0.1, daily, 32) is None
