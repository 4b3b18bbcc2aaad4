"""The library of texts: where it is kept, who gets which, and what stands in it then (C1-C5)."""

from __future__ import annotations

import hashlib
import logging
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from importlib import resources
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql

from reengagement.errors import VariantError
from reengagement.placeholders import PLACEHOLDERS, Facts, Line, available, check, compile_line
from reengagement.tables import revision as revision_table
from reengagement.tables import variant as variant_table

__all__ = [
    "Choice",
    "Facts",
    "Library",
    "Text",
    "Variant",
    "check",
    "choose",
    "edit",
    "first_texts",
    "load_library",
    "render",
    "seed",
]

SEEDED_BY = "variants.toml"
_DOG = PLACEHOLDERS["dogName"].bit

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Variant:
    """One text of a level and a message type, at one revision."""

    id: str
    level: int
    message_type: str
    title: str
    body: str
    url: str
    revision: int

    @cached_property
    def lines(self) -> tuple[Line, Line]:
        """Title and body, ready for filling."""
        return compile_line(self.title), compile_line(self.body)

    @cached_property
    def needs(self) -> int:
        """The bits of the placeholders that stand in it."""
        return self.lines[0].needs | self.lines[1].needs

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the placeholders that stand in it."""
        return tuple(name for name, one in PLACEHOLDERS.items() if self.needs & one.bit)

    def suits(self, facts: Facts) -> bool:
        """Tell whether the user has what the text needs."""
        return not self.needs & ~available(facts)


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen variant, and the probability that it had."""

    variant: Variant
    probability: float


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered variant, as it is shown."""

    title: str
    body: str


class Eligible(NamedTuple):
    """The variants of a level that a user has the facts for, and those of them with the dog's name."""

    every: Sequence[Variant]
    named: Sequence[Variant]


class Library:
    """The texts that may be used, by level. `refused`: ids of stored texts that can't be, and why."""

    def __init__(self, variants: Iterable[Variant], refused: Mapping[str, str] | None = None) -> None:
        self.refused = dict(refused or {})
        self.levels: dict[int, tuple[Variant, ...]] = {}
        for one in sorted(variants, key=lambda variant: variant.id):
            self.levels[one.level] = (*self.levels.get(one.level, ()), one)
        self._eligible: dict[tuple[int, int], Eligible] = {}

    def eligible(self, level: int, facts: Facts) -> Eligible:
        """Return the level's variants that this user has the facts for, by id."""
        key = (level, available(facts))
        if key not in self._eligible:  # at most 128 combinations a level
            missing = ~key[1]
            every = tuple(one for one in self.levels.get(level, ()) if not one.needs & missing)
            self._eligible[key] = Eligible(every, tuple(one for one in every if one.needs & _DOG))
        return self._eligible[key]


def choose(library: Library, level: int, facts: Facts, used: Mapping[str, int], seed: str) -> Choice | None:
    """Return the variant for this user at this level, the same one for the same arguments.

    `used` maps the ids that went to this user before to when (larger is more recent). Among the
    eligible, unused ones come first (C4), of these the ones with the dog's name (C3); when all were
    used, the ones used longest ago. What then remains is equally likely; `seed` decides.
    None if nothing at the level is eligible.
    """
    every, named = library.eligible(level, facts)
    if not every:
        return None
    pool = _unused(named, used) or _unused(every, used) or _longest_ago(every, used)
    digest = hashlib.blake2b(seed.encode(), digest_size=8).digest()
    place = int.from_bytes(digest) * len(pool) >> 64
    return Choice(pool[place], 1 / len(pool))


def _unused(variants: Sequence[Variant], used: Mapping[str, int]) -> Sequence[Variant]:
    return [one for one in variants if one.id not in used] if used else variants


def _longest_ago(variants: Sequence[Variant], used: Mapping[str, int]) -> list[Variant]:
    oldest = min(used[one.id] for one in variants)
    return [one for one in variants if used[one.id] == oldest]


def render(variant: Variant, facts: Facts) -> Text:
    """Return the text for this user. Raises VariantError if the user lacks what it needs."""
    title, body = variant.lines
    return Text(title.fill(facts), body.fill(facts))


@cache
def first_texts() -> tuple[Variant, ...]:
    """Return the texts that come with this package, as revision 1."""
    source = resources.files("reengagement").joinpath("variants.toml").read_text(encoding="utf-8")
    return tuple(
        Variant(id=id_, revision=1, **fields) for id_, fields in tomllib.loads(source)["variants"].items()
    )


def seed(connection: Connection, now: datetime) -> int:
    """Add the first texts that the database lacks, and return how many. What was edited stays."""
    texts = first_texts()
    added = set(
        connection.execute(
            postgresql.insert(variant_table)
            .values([{"id": one.id, "level": one.level, "message_type": one.message_type} for one in texts])
            .on_conflict_do_nothing(index_elements=[variant_table.c.id])
            .returning(variant_table.c.id)
        ).scalars()
    )
    rows = [
        _revision(one.id, 1, one.title, one.body, one.url, SEEDED_BY, now) for one in texts if one.id in added
    ]
    if rows:
        connection.execute(insert(revision_table), rows)
    return len(rows)


def _revision(
    variant_id: str, number: int, title: str, body: str, url: str, by: str, now: datetime
) -> dict[str, object]:
    return {
        "variant_id": variant_id,
        "revision": number,
        "title": title,
        "body": body,
        "url": url,
        "created_by": by,
        "created_at": now,
    }


# In the order of Variant's fields.
_STORED = select(
    variant_table.c.id,
    variant_table.c.level,
    variant_table.c.message_type,
    revision_table.c.title,
    revision_table.c.body,
    revision_table.c.url,
    variant_table.c.revision,
).join(
    revision_table,
    (revision_table.c.variant_id == variant_table.c.id)
    & (revision_table.c.revision == variant_table.c.revision),
)


def load_library(connection: Connection) -> Library:
    """Return the enabled variants at their newest revisions.

    One that was made unusable behind our back (by SQL) is left out, logged, and named in `refused`.
    """
    good, refused = [], {}
    for row in connection.execute(_STORED.where(variant_table.c.enabled)):
        one = Variant(*row)
        try:
            check(one.title, one.body, one.url)
        except VariantError as error:
            log.warning("variant refused", extra={"variant": one.id, "why": str(error)})
            refused[one.id] = str(error)
        else:
            good.append(one)
    return Library(good, refused)


def edit(
    connection: Connection,
    variant_id: str,
    *,
    title: str,
    body: str,
    url: str,
    by: str,
    now: datetime,
    based_on: int | None = None,
) -> int:
    """Store a new text of a variant as its next revision, and return that revision's number.

    1. The text is checked. 2. The newest revision is read; an unchanged text changes nothing.
    3. The variant moves on only if that revision is still the newest (`based_on`, where given, is the
    one that the editor saw). Raises VariantError for a bad text, an unknown variant, or a lost race.
    """
    title, body, url = title.strip(), body.strip(), url.strip()
    check(title, body, url)
    row = connection.execute(_STORED.where(variant_table.c.id == variant_id)).one_or_none()
    if row is None:
        raise VariantError(f"There is no variant {variant_id!r}.", code="unknown")
    if based_on not in (None, row.revision):
        raise _changed_meanwhile(variant_id)
    if (row.title, row.body, row.url) == (title, body, url):
        return int(row.revision)
    newest = int(row.revision) + 1
    moved = connection.execute(
        update(variant_table)
        .where(variant_table.c.id == variant_id, variant_table.c.revision == row.revision)
        .values(revision=newest)
    )
    if moved.rowcount != 1:
        raise _changed_meanwhile(variant_id)
    connection.execute(insert(revision_table), _revision(variant_id, newest, title, body, url, by, now))
    return newest


def _changed_meanwhile(variant_id: str) -> VariantError:
    return VariantError(
        f"Someone else changed {variant_id!r} meanwhile; look at the new text and edit that.", code="changed"
    )
