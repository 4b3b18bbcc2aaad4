"""Whether the figures tell the truth: coverage of their intervals, and false alarms of who looks daily."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import click
import numpy as np
from scipy.stats import norm
from sqlalchemy import Connection

from bench import invented, lived, product
from bench.invented import NOW, RULES
from reengagement import database, metrics
from reengagement.metrics import Period
from reengagement.metrics.choices import compared
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
Found = tuple[str, Interval, float]
"""A figure's name, its interval, and what it ought to hold."""


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


def _judge(connection: Connection, truth: invented.Truth, rng: np.random.Generator, found: Coverage) -> None:
    """Write one product, and count which of its intervals hold the truth."""
    invented.write(connection, truth, rng)
    _count(found, [*_figures(connection, truth), *_curves(connection, truth)], _has_a_badge(connection))


def _count(found: Coverage, figures: Iterable[Found], has_a_badge: bool) -> None:
    names = set()
    for name, interval, true in figures:
        found.figures[name].count(interval, true)
        names.add(name)
    found.products += 1
    found.untold += "lift" not in names
    found.untrue_badges += has_a_badge


def _has_a_badge(connection: Connection) -> bool:
    return any(row.is_better for which in ("click", "return") for row in compared(connection, NOW, which))


def coverage_of_lived(products: int, seed: int = 1, at_once: int = 2) -> Coverage:
    """Return the same of products that the real planner and deliveries live through, several at a time."""
    found = Coverage()
    with (
        ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool,
        click.progressbar(length=products, label="Products lived through", file=sys.stderr) as bar,
    ):
        for figures, has_a_badge in pool.map(_live_one, range(seed, seed + products)):
            _count(found, figures, has_a_badge)
            bar.update(1)
    return found


def _live_one(seed: int) -> tuple[list[Found], bool]:
    with product.empty_database(f"reengagement_lived_{seed}") as url:
        return judge_lived(url, seed)


def judge_lived(url: str, seed: int) -> tuple[list[Found], bool]:
    """Live through one product in an empty database; return its figures, and whether it shows a badge."""
    own = np.random.default_rng([seed, 1])  # the crowd has the stream of `seed`
    behaviour = lived.draw(own)
    lived.live(url, behaviour, seed)
    engine = database.make_engine(url)
    with engine.connect() as connection:
        found = list(_figures(connection, lived.truth_of(behaviour))), _has_a_badge(connection)
    engine.dispose()
    return found


def _arms(connection: Connection):
    return metrics.strata(connection, RULES, NOW), metrics.allocations(connection)


def _figures(connection: Connection, truth: invented.Truth | lived.Truth) -> Iterator[Found]:
    levels = metrics.by_level(connection, LONG_AGO)
    for row in levels:
        if row.sent:
            yield f"click rate, level {row.level}", row.click_rate.interval, truth.click[row.level - 1]
    mixed = sum(row.sent * truth.click[row.level - 1] for row in levels) / sum(row.sent for row in levels)
    yield "click rate", metrics.totals(connection, LONG_AGO).click_rate.interval, mixed
    matured = metrics.matured(connection, RULES, NOW, LONG_AGO)
    yield "click rate, matured", matured.click_rate.interval, mixed * (1 - truth.late_clicks)
    (strata, allocations) = _arms(connection)
    treated = sum(each.treated.campaigns for each in strata)
    everyone = treated + sum(each.holdout.campaigns for each in strata)
    yield "return rate, matured", matured.return_rate.interval, truth.base + truth.lift * treated / everyone
    told = verdict(strata, allocations)
    if told.lift:
        yield "lift", told.lift.interval, truth.lift
        yield "returns we caused", told.lift.caused_interval, truth.lift * told.lift.treated


def _curves(connection: Connection, truth: invented.Truth) -> Iterator[Found]:
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


def _print_coverage(found: Coverage, of: str, seconds: float) -> None:
    click.echo(f"\nIntervals of 95 %: {found.products} {of}, {seconds:.0f} s")
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


@click.command()
@click.option("--products", default=200, show_default=True, help="Invented products for the coverage.")
@click.option("--experiments", default=1000, show_default=True, help="Experiments without an effect.")
@click.option("--simulated", default=200, show_default=True, help="Products that the planner lives through.")
@click.option("--seed", default=1, show_default=True)
def main(products: int, experiments: int, simulated: int, seed: int) -> None:
    """Print how often the dashboard's intervals hold a known truth, and how often it cries wolf."""
    with product.empty_database("reengagement_proof") as url:
        engine = database.make_engine(url)
        started = time.perf_counter()
        with engine.connect() as connection:
            found = coverage(connection, products, seed)
        engine.dispose()
        _print_coverage(found, "invented products", time.perf_counter() - started)
    _print_false_alarms(experiments, seed)
    if simulated:
        started = time.perf_counter()
        found = coverage_of_lived(simulated, seed)
        of = f"products of {lived.USERS} people, simulated for {lived.DAYS} days"
        _print_coverage(found, of, time.perf_counter() - started)
