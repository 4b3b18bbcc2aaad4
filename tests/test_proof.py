"""The short version of `make proof`: the dashboard's figures against products whose truth is known."""

import numpy as np
import pytest
from click.testing import CliRunner

from bench import invented, proof
from reengagement.__main__ import cli
from reengagement.metrics.choices import compared
from reengagement.simulate import Behaviour
from reengagement.simulate.crowd import Crowd
from reengagement.simulate.reactions import Reactions, Reminder
from tests.records import NOON


def test_intervals_hold_a_known_truth_about_as_often_as_they_say(connection):
    """Each of thirteen figures in a dozen products; `make proof` has 200, and 95 % ± 3 of each figure."""
    found = proof.coverage(connection, 12)
    assert len(found.figures) == 13
    assert all(tally.of == 12 for tally in found.figures.values())
    held = sum(tally.held for tally in found.figures.values())
    assert 0.90 <= held / (12 * 13) < 1
    assert min(tally.share for tally in found.figures.values()) >= 0.75
    assert found.untrue_badges == found.untold == 0


def test_an_effect_that_was_put_in_is_found(connection):
    """A text that is pressed twice as often, and reminders that bring back a fifth of those who stay away."""
    best = invented._TEXTS[1, True][0].id
    truth = invented.Truth(4_000, 0.3, 0.2, 0.2, (0.2, 0.1, 0.1, 0.1), best=best, factor=2.0)
    invented.write(connection, truth, np.random.default_rng(3))
    better = [row.variant_id for row in compared(connection, invented.NOW, "click") if row.is_better]
    assert best in better
    assert not set(better) - {best, None}
    told = proof.verdict(*proof._arms(connection))
    assert told.lift.interval[0] > 0.08
    assert told.lift.interval[0] < truth.lift < told.lift.interval[1]


def test_without_an_effect_hardly_anyone_who_looks_daily_sees_a_badge():
    rng = np.random.default_rng(2)
    runs = [proof.looked_at_daily(rng, [0.12] * 5, 100) for _ in range(30)]
    assert sum(first is not None for first, _ in runs) <= 2
    assert sum(significant for _, significant in runs) >= 6


def test_the_figures_of_a_product_that_was_lived_through_hold_what_was_put_in(clone_url):
    """The real planner and deliveries; `make proof` has 200 such products."""
    figures, has_a_badge = proof.judge_lived(clone_url, 1)
    assert len(figures) == 9
    assert sum(low <= truth <= high for _name, (low, high), truth in figures) >= 8
    assert not has_a_badge


@pytest.mark.long
def test_the_figures_of_products_that_were_lived_through_are_as_sure_as_they_say():
    found = proof.coverage_of_lived(16)
    held = sum(tally.held for tally in found.figures.values())
    assert 0.88 <= held / sum(tally.of for tally in found.figures.values()) < 1
    assert found.untrue_badges <= 1


def test_a_simulated_text_is_pressed_as_often_as_it_was_told():
    behaviour = Behaviour(loyalty_spread=0, click_by_variant={"emotional-1-1": 3.0})
    reactions = Reactions(Crowd(1, 0, 1, behaviour, 1), behaviour)
    same, best = (
        reactions._click_probability(Reminder("n", 0, 1, "emotional", variant, False, False, NOON))
        for variant in ("emotional-1-2", "emotional-1-1")
    )
    assert best == pytest.approx(3 * same)


def test_a_factor_that_is_none_is_wrong_usage():
    done = CliRunner().invoke(cli, ["simulate", "--click-factor", "emotional-1-1"])
    assert done.exit_code == 2
    assert "write one as emotional-1-1=1.5" in done.output
