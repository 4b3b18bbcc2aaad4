"""The probabilities that simulated people live by, stated in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reengagement.tables import LEVELS, MESSAGE_TYPES


@dataclass(frozen=True)
class Behaviour:
    """What simulated people do, and how often. Shares and probabilities lie in 0-1, times are in days.

    Nothing here is measured on real people: these are assumptions that make a plausible product, and
    that a test of the figures can compare its results with.
    """

    # Joining and practising
    first_day_share: float = 0.15
    """Share of the users who are there on the first day; the others join over the whole time."""
    growth: float = 2.0
    """How many times as many join at the end as at the beginning."""
    practice_low: float = 0.5
    practice_high: float = 0.95
    """An engaged user practises on a day with a probability of their own, evenly between these two."""
    weekend_factor: float = 1.15
    """Practising at weekends, against other days."""
    extra_steps: float = 1.0
    """A session is one step and, on average, this many more."""
    unfinished_share: float = 0.08
    """Sessions that leave one more step unfinished."""
    steps_a_course: int = 20
    """A course is completed each time this many steps are."""
    review_share: float = 0.45

    # Lapsing and coming back by oneself
    lapse: float = 0.055
    """After a session, the probability that it was the last one for now."""
    return_a_day: float = 0.010
    """On the first day away, the probability of coming back that day with no reminder at all."""
    return_fades: float = 20.0
    """Days after which that probability has fallen to 37 %."""
    return_floor: float = 0.0006
    """What is left of it in the end."""
    loyalty_spread: float = 0.5
    """Users differ in returning and in clicking: standard deviation of the factor, which averages 1."""

    # Reminders
    shown_share: float = 0.88
    """Accepted reminders that a phone reports as shown."""
    click_by_level: Mapping[int, float] = field(
        default_factory=lambda: dict(zip(LEVELS, (0.15, 0.11, 0.075, 0.05), strict=True))
    )
    click_by_type: Mapping[str, float] = field(
        default_factory=lambda: dict(zip(MESSAGE_TYPES, (1.2, 0.8, 1.0, 0.95), strict=True))
    )
    """Factors on the level's probability."""
    click_with_dog: float = 1.25
    """Factor where the dog's name is in the text."""
    click_by_variant: Mapping[str, float] = field(default_factory=dict)
    """Factors of single variants, by id: an effect that the dashboard should find."""
    click_delay: float = 0.04
    """Median time from sending to the click; a few come days later."""
    return_after_click: float = 0.55
    return_after_shown: float = 0.02
    """A reminder that was seen and not clicked brings back this share within three days."""
    opt_out: float = 0.003
    """Of those who saw a reminder, the share who press the opt-out link."""

    # Phones and push services
    phone_life: float = 500.0
    """Mean life of a subscription; afterwards the push service answers 410."""
    new_phone: float = 0.5
    """Of those who come back without a living subscription, the share who allow reminders again."""
    hiccup: float = 0.004
    """Posts that are answered 503 or 429 and succeed later."""
    lost_answer: float = 0.003
    """Posts whose answer never comes: outcome *unknown*. Half of them did arrive."""
