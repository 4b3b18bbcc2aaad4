"""Small products whose truth is known, written straight into our tables: for judging the figures.

Campaigns and notifications are drawn as the planner and the deliveries would leave them, two hundred products
in a minute, by rules that can be worked out on paper, also where users differ. What is judged, the SQL of the
figures and their intervals, is the dashboard's own. `lived` has products of the real planner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, text

from reengagement import variants
from reengagement.rules import Rules
from reengagement.tables import campaign, notification

NOW = datetime(2026, 3, 20, 5)  # noqa: DTZ001 - naive UTC, as everywhere
RULES = Rules()
WINDOW = RULES.window.days
OFFSETS = tuple(day - RULES.level_days[0] for day in RULES.level_days)
"""Days after the campaign's start at which the levels are sent."""
LATE_CLICKS = 0.1
"""Share of the clicks that come more than 72 hours after sending."""
SECOND_CAMPAIGN = 0.3
PETS = 0.6


@dataclass(frozen=True)
class Truth:
    """One product. `base` is the probability to return within the window by oneself, `effect` that of those
    who wouldn't to return because of reminders; `click` by level; `best` is a text pressed `factor` times
    as often; `spread` is how much users differ in returning by themselves."""

    users: int
    share: float
    base: float
    effect: float
    click: tuple[float, float, float, float]
    best: str = ""
    factor: float = 1.0
    spread: float = 0.0
    late_clicks: float = LATE_CLICKS

    @property
    def lift(self) -> float:
        """Return by how much reminders raise the probability to return."""
        return (1 - self.base) * self.effect

    def returned_by(self, day: float, arm: str) -> float:
        """Return the probability to have returned by this day: each cause comes evenly over the window."""
        alone = self.base * day / WINDOW
        because = self.effect * day / WINDOW if arm == "treated" else 0.0
        return 1 - (1 - alone) * (1 - because)


def draw(rng: np.random.Generator) -> Truth:
    """Return some product: of a size, with rates and with an effect, as may be."""
    return Truth(
        users=int(rng.integers(400, 900)),
        share=float(rng.uniform(0.2, 0.5)),
        base=float(rng.uniform(0.1, 0.4)),
        effect=float(rng.choice([0.0, rng.uniform(0, 0.25)])),
        click=tuple(rng.uniform(0.05, 0.25, 4)),
        spread=float(rng.choice([0.0, 0.4])),
    )


def write(connection: Connection, truth: Truth, rng: np.random.Generator) -> None:
    """Write a product's campaigns and notifications; the tables are emptied first."""
    connection.execute(text('TRUNCATE "ReengagementCampaign" CASCADE'))
    campaigns = list(_campaigns(truth, rng))
    reminders = [row for one in campaigns if one["arm"] == "treated" for row in _reminders(one, truth, rng)]
    for one in campaigns:
        del one["pet"]
    connection.execute(insert(campaign), campaigns)
    if reminders:
        connection.execute(insert(notification), reminders)


def _campaigns(truth: Truth, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for user in range(truth.users):
        alone = truth.base * (1 + truth.spread * rng.choice([-1, 1]))
        arm = "holdout" if rng.random() < truth.share else "treated"
        pet = bool(rng.random() < PETS)
        start = NOW - timedelta(days=float(rng.uniform(0, 300)))
        for ordinal in range(1 + int(rng.random() < SECOND_CAMPAIGN)):
            at = start + timedelta(days=60 * ordinal)
            if at >= NOW:
                break
            after = _return_after(alone, truth.effect if arm == "treated" else 0.0, rng)
            back = at + timedelta(days=after) if after is not None else None
            seen = back if back is not None and back <= NOW else None
            yield {
                "id": f"c{user:05}-{ordinal}", "user_id": f"user-{user:05}", "started_at": at,
                "last_activity_at": at - timedelta(days=5), "created_at": at, "updated_at": at,
                "is_active": False, "ordinal": ordinal + 1, "arm": arm, "holdout_share": truth.share,
                "holdout_salt": "s", "window_ends_at": at + RULES.window, "first_return_at": seen, "pet": pet,
            }  # fmt: skip


def _return_after(alone: float, effect: float, rng: np.random.Generator) -> float | None:
    """Return the days until the first of both causes, None where neither comes within the window."""
    times = [rng.uniform(0, WINDOW) for probability in (alone, effect) if rng.random() < probability]
    return float(min(times)) if times else None


_TEXTS = {
    (level, pet): [
        one for one in variants.first_texts() if one.level == level and ("dogName" in one.placeholders) is pet
    ]
    for level in (1, 2, 3, 4)
    for pet in (True, False)
}


def _reminders(one: dict[str, Any], truth: Truth, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Yield the levels that fell due before the user returned and before now; each text equally likely."""
    for level, offset in enumerate(OFFSETS, 1):
        at = one["started_at"] + timedelta(days=offset)
        if at > NOW or (one["first_return_at"] is not None and one["first_return_at"] <= at):
            return
        texts = _TEXTS[level, one["pet"]]
        chosen = texts[rng.integers(len(texts))]
        factor = truth.factor if chosen.id == truth.best else 1.0
        clicked = rng.random() < truth.click[level - 1] * factor
        late = rng.random() < LATE_CLICKS
        clicked_at = at + timedelta(hours=float(rng.uniform(73, 200) if late else rng.uniform(0, 71)))
        clicked = clicked and clicked_at <= NOW
        yield {
            "id": f"{one['id']}-{level}", "campaign_id": one["id"], "level": level,
            "message_type": chosen.message_type, "variant_id": chosen.id, "title": "", "body": "",
            "created_at": at, "queued_at": at, "sent": True, "sent_at": at, "clicked": bool(clicked),
            "clicked_at": clicked_at if clicked else None, "revision": 1,
            "choice_probability": 1 / len(texts),
        }  # fmt: skip
