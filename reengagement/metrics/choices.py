"""Which text, and which type of text, does better at its level: by clicks and by returns.

Within a level chance chose a user's text, among those that the user's facts allowed, with a probability
that is stored: so a difference is the texts' own. Users with a pet get texts with its name and the others
get other texts: they are never compared with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, cast, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from reengagement.metrics.messages import (
    CLICK_WITHIN,
    CLICKED_SOON,
    RETURN_WITHIN,
    RETURNED_SOON,
    sent_long_enough_ago,
)
from reengagement.stats import Rate
from reengagement.stats.better import Hits, at_least
from reengagement.tables import MESSAGE_TYPES, Time, campaign, notification, revision, variant
from reengagement.variants import SEEDED_BY

Outcome = Literal["click", "return"]


@dataclass(frozen=True)
class Text:
    """A variant that is in use, at its newest revision. `with_pet`: the pet's name stands in it.

    `era` counts the level's changes until that revision: earlier reminders say nothing about it.
    """

    variant_id: str
    level: int
    message_type: str
    with_pet: bool
    era: int


@dataclass(frozen=True)
class Chosen:
    """Matured reminders of one variant that were chosen with the same probability."""

    level: int
    message_type: str
    variant_id: str
    with_pet: bool
    probability: float
    first: bool
    era: int
    sent: int
    hits: int


@dataclass(frozen=True)
class Compared:
    """A text (`variant_id`) or a type (`variant_id` is None) beside the rest of its level.

    `better_by` is the factor that it hits at least as often by, 1 where nothing is shown yet.
    """

    level: int
    message_type: str
    variant_id: str | None
    with_pet: Rate
    without_pet: Rate
    better_by: float

    @property
    def is_better(self) -> bool:
        """Whether it has earned a badge."""
        return self.better_by > 1


def compared(connection: Connection, now: datetime, outcome: Outcome) -> list[Compared]:
    """Return each type and each text in use beside the rest of its level, by level; types come first."""
    texts, begins = _texts(connection)
    chosen = _chosen(connection, now, outcome, begins)
    types = sorted({(one.level, one.message_type) for one in texts})
    comparisons = 2 * (len(types) + len(texts))  # clicks and returns
    rows = [_of_type(level, name, texts, chosen, comparisons) for level, name in types]
    rows += [_of_text(text, chosen, comparisons) for text in texts]
    return sorted(rows, key=lambda row: (row.level, row.variant_id or "", _place(row.message_type)))


def _place(message_type: str) -> int:
    return MESSAGE_TYPES.index(message_type)


def _of_text(text: Text, chosen: Sequence[Chosen], comparisons: int) -> Compared:
    """A text is judged by those who could have got it: since its newest revision, with a pet or without."""
    rivals = [
        one
        for one in chosen
        if (one.level, one.with_pet) == (text.level, text.with_pet) and one.era >= text.era
    ]
    own = [one for one in rivals if one.variant_id == text.variant_id]
    hits = [
        Hits(probability, _hits(own, probability), _hits(rivals, probability))
        for probability in sorted({one.probability for one in rivals})
    ]
    return _row(text.level, text.message_type, text.variant_id, own, at_least(hits, comparisons))


def _of_type(
    level: int, name: str, texts: Sequence[Text], chosen: Sequence[Chosen], comparisons: int
) -> Compared:
    """A type has the probability of its texts together, while none is used up: so first campaigns count."""
    rivals = [one for one in chosen if one.level == level and one.first]
    own = [one for one in rivals if one.message_type == name]
    hits = []
    for with_pet in (True, False):
        known = {text.variant_id for text in texts if _is(text, level, name, with_pet)}
        known |= {one.variant_id for one in own if one.with_pet is with_pet}
        among = [one for one in rivals if one.with_pet is with_pet]
        for probability in sorted({one.probability for one in among}):
            of_type = [one for one in own if one.with_pet is with_pet]
            counted = _hits(of_type, probability), _hits(among, probability)
            hits.append(Hits(min(1.0, len(known) * probability), *counted))
    return _row(level, name, None, own, at_least(hits, comparisons))


def _is(text: Text, level: int, message_type: str, with_pet: bool) -> bool:
    return (text.level, text.message_type, text.with_pet) == (level, message_type, with_pet)


def _hits(rows: Sequence[Chosen], probability: float) -> int:
    return sum(one.hits for one in rows if one.probability == probability)


def _row(
    level: int, message_type: str, variant_id: str | None, own: Sequence[Chosen], better_by: float
) -> Compared:
    return Compared(
        level,
        message_type,
        variant_id,
        _rate([one for one in own if one.with_pet]),
        _rate([one for one in own if not one.with_pet]),
        better_by,
    )


def _rate(rows: Sequence[Chosen]) -> Rate:
    return Rate(sum(one.hits for one in rows), sum(one.sent for one in rows))


_WITH_PET = func.coalesce(
    func.concat(revision.c.title, " ", revision.c.body).regexp_match(r"\{\s*dogName"), False
)
"""The sent text's own: the pet's name stands in it, so the user has one."""


def _texts(connection: Connection) -> tuple[list[Text], list[datetime]]:
    """Return the texts in use, and the times at which one was added or edited: the beginnings of eras."""
    rows = connection.execute(
        select(variant, revision.c.created_at, revision.c.created_by, _WITH_PET.label("with_pet"))
        .join(
            revision,
            and_(revision.c.variant_id == variant.c.id, revision.c.revision == variant.c.revision),
        )
        .where(variant.c.enabled)
    ).all()
    since = {row.id: None if _came_with_us(row) else row.createdAt for row in rows}
    begins = sorted({moment for moment in since.values() if moment is not None})
    texts = [
        Text(row.id, row.level, row.messageType, row.with_pet, _era(since[row.id], begins)) for row in rows
    ]
    return texts, begins


def _came_with_us(row: Row[Any]) -> bool:
    """What came with this package was there from the beginning, whenever that is dated."""
    return bool(row.revision == 1 and row.createdBy == SEEDED_BY)


def _era(since: datetime | None, begins: Sequence[datetime]) -> int:
    return 0 if since is None else begins.index(since) + 1


def _chosen(
    connection: Connection, now: datetime, outcome: Outcome, begins: Sequence[datetime]
) -> list[Chosen]:
    """Return the reminders that have had the outcome's time, counted by what their choice depended on."""
    within = CLICK_WITHIN if outcome == "click" else RETURN_WITHIN
    era = func.width_bucket(notification.c.created_at, cast(list(begins), ARRAY(Time())))
    groups = (
        notification.c.level,
        notification.c.message_type,
        notification.c.variant_id,
        _WITH_PET,
        notification.c.choice_probability,
        func.coalesce(campaign.c.ordinal == 1, False),
        era if begins else literal(0),
    )
    hit = CLICKED_SOON if outcome == "click" else RETURNED_SOON
    rows = connection.execute(
        select(*groups, func.count(), func.count().filter(hit))
        .join(campaign, campaign.c.id == notification.c.campaign_id)
        .outerjoin(
            revision,
            and_(
                revision.c.variant_id == notification.c.variant_id,
                revision.c.revision == notification.c.revision,
            ),
        )
        .where(sent_long_enough_ago(within, now), notification.c.choice_probability.is_not(None))
        .group_by(*(literal_column(str(number + 1)) for number in range(len(groups))))
    )
    return [Chosen(*row) for row in rows]
