"""Small products that the real planner and the real deliveries live through, day by day, with a known truth.

People behave by chance alone, all alike, so that what they will do can be worked out on paper: how often a
reminder is pressed, and who comes back by themselves or because of one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.invented import NOW, RULES
from reengagement import database, simulate
from reengagement.demo.population import ONE_PHONE_SHARE, TWO_PHONES_SHARE
from reengagement.metrics.messages import CLICK_WITHIN
from reengagement.settings import parse
from reengagement.simulate import Behaviour
from reengagement.simulate.crowd import HOURS
from reengagement.simulate.reactions import CLICK_SPREAD
from reengagement.tables import LEVELS

USERS = 400
DAYS = 75
HELD_OUT = 0.5
REACHABLE = ONE_PHONE_SHARE + TWO_PHONES_SHARE


@dataclass(frozen=True)
class Truth:
    """What a behaviour comes to. `base` is the probability to return within the window by oneself, `lift` by
    how much reminders raise it; `click` that a reminder is ever pressed, by level; `late_clicks` the share
    of the presses that come more than 72 hours after sending.
    """

    base: float
    lift: float
    click: tuple[float, ...]
    late_clicks: float


def draw(rng: np.random.Generator) -> Behaviour:
    """Return how some product's people behave; in half of them reminders bring nobody back."""
    works = rng.random() < 0.5
    return Behaviour(
        first_day_share=0.8,
        practice_low=0.98,  # nobody stays away for days who hasn't lapsed
        practice_high=0.98,
        lapse=0.08,
        return_a_day=rng.uniform(0.01, 0.03),
        loyalty_spread=0.0,
        shown_share=rng.uniform(0.7, 1.0),
        click_by_level=dict(zip(LEVELS, rng.uniform(0.05, 0.3, 4), strict=True)),
        click_by_type=dict.fromkeys(Behaviour().click_by_type, 1.0),
        click_with_dog=1.0,
        return_after_click=works * rng.uniform(0.1, 0.6),
        return_after_shown=works * rng.uniform(0.0, 0.2),
        opt_out=0.0,
        phone_life=50_000.0,
        hiccup=0.0,
        lost_answer=0.0,
    )


def truth_of(one: Behaviour) -> Truth:
    """Return what the figures ought to find.

    Someone who lapses at an hour of the day is found by the sixth run after it, and has a chance to come
    back on each of the window's days, whatever they got. Each reminder has its own chance to bring back.
    """
    found_after = 6 - (np.arange(24) + 0.5) / 24
    days_away = found_after[:, None] + np.arange(RULES.window.days)
    chance = one.return_a_day * np.exp(-days_away / one.return_fades) + one.return_floor
    base = 1 - np.average(np.prod(1 - chance, axis=1), weights=HOURS)
    pressed = np.array([one.click_by_level[level] for level in LEVELS])
    brings_back = one.shown_share * (
        pressed * one.return_after_click + (1 - pressed) * one.return_after_shown
    )
    by_reminders = 1 - np.prod(1 - brings_back)
    soon = math.log(CLICK_WITHIN.total_seconds() / 86_400 / one.click_delay) / CLICK_SPREAD
    return Truth(
        base=float(base),
        lift=float(REACHABLE * (1 - base) * by_reminders),
        click=tuple(one.shown_share * pressed),
        late_clicks=math.erfc(soon / math.sqrt(2)) / 2,
    )


def live(url: str, behaviour: Behaviour, seed: int) -> None:
    """Fill an empty database with the product's days; half of the users are held out."""
    settings = parse({"DATABASE_URL": url, "REENGAGEMENT_HOLDOUT_SHARE": str(HELD_OUT)})
    engine = database.make_engine(url)
    simulate.simulate(engine, settings, users=USERS, days=DAYS, until=NOW, seed=seed, behaviour=behaviour)
    engine.dispose()
