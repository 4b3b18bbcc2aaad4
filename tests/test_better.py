"""Badges that may be looked at daily: by hand, without effect, with one, and with stored odds too high."""

import numpy as np
import pytest

from reengagement.stats.better import ALPHA, FACTORS, Hits, at_least, is_better, log_evidence

DAYS, TEXTS, A_DAY = 90, 5, 40
"""Looked at daily for 90 days; five texts are equally likely; 40 reminders of the level a day."""


def experiment(rng, rates, looks=DAYS):
    """Yield, day by day, each text's hits so far."""
    hits = np.zeros(len(rates), int)
    for _ in range(looks):
        sent = rng.multinomial(A_DAY, [1 / len(rates)] * len(rates))
        hits = hits + rng.binomial(sent, rates)
        yield hits


def ever_better(rng, rates, text=None):
    """Tell whether any text (or this one) ever wins a badge."""
    texts = range(len(rates)) if text is None else [text]
    return any(
        is_better([Hits(1 / len(rates), int(hits[one]), int(hits.sum()))], comparisons=len(rates))
        for hits in experiment(rng, rates)
        for one in texts
    )


def test_the_evidence_of_a_single_hit_is_the_mean_of_what_was_bet():
    """At even odds a bet on e^λ pays 2·e^λ ÷ (1 + e^λ) for a hit, and the rest for a miss."""
    pays = 2 * np.exp(FACTORS) / (1 + np.exp(FACTORS))
    bets = np.exp(-0.5 * (FACTORS / 0.5) ** 2)
    bets /= bets.sum()
    assert log_evidence([Hits(0.5, 1, 1)]) == pytest.approx(np.log((bets * pays).sum()))
    assert log_evidence([Hits(0.5, 0, 1)]) == pytest.approx(np.log((bets * (2 - pays)).sum()))


def test_of_no_hits_there_is_no_evidence():
    assert log_evidence([]) == log_evidence([Hits(0.2, 0, 0)]) == pytest.approx(0)
    assert at_least([], 5) == 1


@pytest.mark.parametrize("own", [0.2, 0.5])
def test_evidence_is_a_fair_bet_where_a_text_does_no_better(own):
    """The mean of the capital after two hits, over the four ways in which they can fall, is what was bet."""
    chances = {0: (1 - own) ** 2, 1: 2 * own * (1 - own), 2: own**2}
    mean = sum(chance * np.exp(log_evidence([Hits(own, k, 2)])) for k, chance in chances.items())
    assert mean == pytest.approx(1)


def test_without_an_effect_looking_daily_shows_a_badge_in_at_most_five_percent():
    """metrics: *Peeking*; `make proof` does a thousand."""
    rng = np.random.default_rng(1)
    false = sum(ever_better(rng, [0.12] * TEXTS) for _ in range(100))
    assert false <= 100 * ALPHA


def test_a_text_that_does_much_better_is_found_and_its_factor_not_overstated():
    rng = np.random.default_rng(2)
    found = sum(ever_better(rng, [0.24, 0.12, 0.12, 0.12, 0.12], text=0) for _ in range(10))
    assert found >= 9
    *_, last = experiment(rng, [0.24, 0.12, 0.12, 0.12, 0.12], looks=300)
    bound = at_least([Hits(0.2, int(last[0]), int(last.sum()))], comparisons=TEXTS)
    assert 1.3 < bound < 2.0


def test_strata_multiply():
    """Odds of one in five with a pet and of one in three without: each is judged by its own."""
    strata = [Hits(1 / 5, 40, 120), Hits(1 / 3, 30, 50)]
    assert log_evidence(strata) > max(log_evidence([one]) for one in strata)


def test_odds_stated_too_high_make_no_badge():
    """A text that only half of the users could have got: its hits are half of what the odds say."""
    rng = np.random.default_rng(3)
    assert not any(is_better([Hits(0.2, int(rng.binomial(n, 0.1)), n)], 1) for n in range(10, 3000, 10))


def test_the_more_texts_may_win_the_more_evidence_each_of_them_needs():
    """Capital of 20 for one comparison, of 20,000 for a thousand."""
    hits = [Hits(0.2, own, 100) for own in range(20, 60)]
    alone, of_many = (
        [is_better([one], comparisons) for one in hits].index(True) for comparisons in (1, 1000)
    )
    assert log_evidence([hits[alone - 1]]) < np.log(20) <= log_evidence([hits[alone]])
    assert log_evidence([hits[of_many - 1]]) < np.log(20_000) <= log_evidence([hits[of_many]])
