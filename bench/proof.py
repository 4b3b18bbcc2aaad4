"""Whether the figures tell the truth: coverage of their intervals, and false alarms of who looks daily."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import click
import numpy as np
from scipy.stats import norm
from sqlalchemy import Connection

from bench import invented, product
from bench.invented import LATE_CLICKS, NOW, RULES, Truth
from reengagement import database, metrics, simulate
from reengagement.metrics import Period
from reengagement.metrics.choices import compared
from reengagement.settings import parse
from reengagement.stats.arms import Allocation
from reengagement.stats.better import Hits, is_better
from reengagement.stats.lift import MISFIT, split_probability, verdict
from reengagement.stats.survival import returned_by, share_by

DAYS = 90
LOOKED_AT_BY = (7, 21)
"""Days on which the curves of returns are compared with the truth."""
LONG_AGO = Period(end=NOW - RULES.window)
"""What was sent earlier has had all the clicks that it will have."""

Interval = tuple[float, float]


@dataclass
class Tally:
    """How often an interval held the truth, of how many."""

    held: int = 0
    of: int = 0

    def count(self, interval: Interval, truth: float) -> None:
        """Count one interval."""
        self.of += 1
        self.held += interval[0] <= truth <= interval[1]

    @property
    def share(self) -> float:
        """Return the share that held it."""
        return self.held / self.of if self.of else float("nan")


@dataclass
class Coverage:
    """Tallies by figure, and how many products showed a badge though no text did better."""

    figures: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    products: int = 0
    untrue_badges: int = 0
    untold: int = 0


def coverage(connection: Connection, products: int, seed: int = 1) -> Coverage:
    """Return how often the dashboard's intervals hold the truth of so many invented products."""
    rng, found = np.random.default_rng(seed), Coverage()
    for _ in range(products):
        with connection.begin_nested() as savepoint:
            _judge(connection, invented.draw(rng), rng, found)
            savepoint.rollback()
    return found


def _judge(connection: Connection, truth: Truth, rng: np.random.Generator, found: Coverage) -> None:
    """Write one product, and count which of its intervals hold the truth."""
    invented.write(connection, truth, rng)
    found.products += 1
    for name, interval, true in _figures(connection, truth):
        found.figures[name].count(interval, true)
    found.untold += verdict(*_arms(connection)).state != "told"
    badges = [row for which in ("click", "return") for row in compared(connection, NOW, which)]
    found.untrue_badges += any(row.is_better for row in badges)


def _arms(connection: Connection):
    return metrics.strata(connection, RULES, NOW), metrics.allocations(connection)


def _figures(connection: Connection, truth: Truth) -> Iterator[tuple[str, Interval, float]]:
    """Yield each figure's name, its interval, and what it ought to hold."""
    levels = metrics.by_level(connection, LONG_AGO)
    for row in levels:
        if row.sent:
            yield f"click rate, level {row.level}", row.click_rate.interval, truth.click[row.level - 1]
    mixed = sum(row.sent * truth.click[row.level - 1] for row in levels) / sum(row.sent for row in levels)
    yield "click rate", metrics.totals(connection, LONG_AGO).click_rate.interval, mixed
    matured = metrics.matured(connection, RULES, NOW, LONG_AGO)
    yield "click rate, matured", matured.click_rate.interval, mixed * (1 - LATE_CLICKS)
    (strata, allocations) = _arms(connection)
    treated = sum(each.treated.campaigns for each in strata)
    everyone = treated + sum(each.holdout.campaigns for each in strata)
    yield "return rate, matured", matured.return_rate.interval, truth.base + truth.lift * treated / everyone
    told = verdict(strata, allocations)
    if told.lift:
        yield "lift", told.lift.interval, truth.lift
        yield "returns we caused", told.lift.caused_interval, truth.lift * told.lift.treated
    for course in metrics.courses(connection, RULES, NOW):
        for day in LOOKED_AT_BY:
            point = share_by(returned_by(course.watched), day)
            yield (
                f"returned by day {day}, {course.arm}",
                (point.low, point.high),
                truth.returned_by(day, course.arm),
            )


def looked_at_daily(
    rng: np.random.Generator, rates: Iterable[float], a_day: int, comparisons: int | None = None
) -> tuple[int | None, bool]:
    """Return the day on which a text first got a badge, and whether daily p-values ever fell below 5 %.

    The texts are equally likely, `a_day` reminders go out, and one looks each day for ninety.
    """
    rates = np.array(list(rates))
    texts, first, significant = len(rates), None, False
    sent, hits = np.zeros(texts, int), np.zeros(texts, int)
    for day in range(1, DAYS + 1):
        today = rng.multinomial(a_day, [1 / texts] * texts)
        sent, hits = sent + today, hits + rng.binomial(today, rates)
        strata = ([Hits(1 / texts, int(own), int(hits.sum()))] for own in hits)
        if first is None and any(is_better(each, comparisons or texts) for each in strata):
            first = day
        significant = significant or _p_value(sent, hits) < 0.05
    return first, significant


def _p_value(sent, hits) -> float:
    """Return the p-value of the first text against the rest, by the test that textbooks have."""
    n, m = sent[0], sent[1:].sum()
    pooled = hits.sum() / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)) if n and m else 0
    return float(2 * norm.sf(abs(hits[0] / n - hits[1:].sum() / m) / error)) if error else 1.0


def split_refused_daily(rng: np.random.Generator, share: float = 0.1, a_day: int = 20) -> bool:
    """Tell whether a split that chance made is ever refused within ninety days."""
    held = np.cumsum(rng.binomial(a_day, share, DAYS))
    users = a_day * np.arange(1, DAYS + 1)
    return any(
        split_probability([Allocation(share, int(n - h), int(h))]) < MISFIT
        for n, h in zip(users, held, strict=True)
    )


def _print_coverage(found: Coverage, seconds: float) -> None:
    click.echo(f"\nIntervals of 95 %: {found.products} invented products, {seconds:.0f} s")
    click.echo(f"{'figure':<34}{'held the truth':>16}{'of':>6}")
    for name, tally in found.figures.items():
        click.echo(f"{name:<34}{tally.share:>15.1%} {tally.of:>6}")
    click.echo(f"lift not told (too few, or a split that looked uneven): {found.untold}")
    click.echo(f"products that showed a badge though no text did better: {found.untrue_badges}")


def _print_false_alarms(experiments: int, seed: int) -> None:
    rng, started = np.random.default_rng(seed), time.perf_counter()
    click.echo(
        f"\nLooked at daily for {DAYS} days, {experiments} experiments without any effect, 12 % clicks"
    )
    click.echo(f"{'texts':<8}{'reminders a day':>16}{'ever a badge':>14}{'ever p < 5 %':>14}")
    for texts, a_day in ((2, 40), (5, 100), (10, 400)):
        runs = [looked_at_daily(rng, [0.12] * texts, a_day) for _ in range(experiments)]
        badges = sum(first is not None for first, _ in runs) / experiments
        naive = sum(significant for _, significant in runs) / experiments
        click.echo(f"{texts:<8}{a_day:>16}{badges:>14.1%}{naive:>14.1%}")
    refused = sum(split_refused_daily(rng) for _ in range(experiments)) / experiments
    click.echo(f"a split that chance made was ever refused: {refused:.1%}")
    click.echo(
        "\nOne text of five is pressed more often than 12 %, 100 reminders a day, a tenth of the experiments"
    )
    for factor in (1.25, 1.5, 2.0):
        runs = [looked_at_daily(rng, [0.12 * factor] + [0.12] * 4, 100)[0] for _ in range(experiments // 10)]
        found = sorted(day for day in runs if day is not None)
        half = f", half of these by day {found[len(found) // 2]}" if found else ""
        click.echo(f"{factor} times as often: a badge in {len(found) / len(runs):.0%}{half}")
    click.echo(f"({time.perf_counter() - started:.0f} s)")


def lift_of_a_simulated_product(url: str, seed: int, effect: float, users: int, days: int):
    """Return what the page says of a product that the real planner and deliveries lived through.

    Half is held out; `effect` is the probability to come back because of a reminder, seen or pressed.
    """
    settings = parse({"DATABASE_URL": url, "REENGAGEMENT_HOLDOUT_SHARE": "0.5"})
    engine = database.make_engine(url)
    behaviour = simulate.Behaviour(return_after_click=effect, return_after_shown=effect, first_day_share=0.6)
    simulate.simulate(engine, settings, users=users, days=days, until=NOW, seed=seed, behaviour=behaviour)
    with engine.connect() as connection:
        found = verdict(*_arms(connection))
    engine.dispose()
    return found


def _print_simulated(products: int, users: int, days: int) -> None:
    click.echo(f"\nThe real planner and deliveries: {users} people, {days} days, half of them held out")
    for effect, meaning in ((0.0, "reminders do nothing"), (0.3, "a reminder brings back three in ten")):
        told = []
        for seed in range(products):
            with product.empty_database("reengagement_proof_full") as url:
                told.append(lift_of_a_simulated_product(url, seed, effect, users, days))
        lifts = [each.lift for each in told if each.lift]
        around = sum(one.interval[0] <= 0 <= one.interval[1] for one in lifts)
        above = sum(one.interval[0] > 0 for one in lifts)
        mean = sum(one.lift for one in lifts) / len(lifts) if lifts else float("nan")
        click.echo(
            f"{meaning}: told {len(lifts)} of {products}, mean lift {mean:+.1%}, "
            f"interval around zero {around}, above zero {above}"
        )


@click.command()
@click.option("--products", default=200, show_default=True, help="Invented products for the coverage.")
@click.option("--experiments", default=1000, show_default=True, help="Experiments without an effect.")
@click.option(
    "--simulated", default=4, show_default=True, help="Products of the real simulation, per effect."
)
@click.option("--seed", default=1, show_default=True)
def main(products: int, experiments: int, simulated: int, seed: int) -> None:
    """Print how often the dashboard's intervals hold a known truth, and how often it cries wolf."""
    with product.empty_database("reengagement_proof") as url:
        engine = database.make_engine(url)
        started = time.perf_counter()
        with engine.connect() as connection:
            found = coverage(connection, products, seed)
        engine.dispose()
        _print_coverage(found, time.perf_counter() - started)
    _print_false_alarms(experiments, seed)
    if simulated:
        _print_simulated(simulated, users=150, days=150)
