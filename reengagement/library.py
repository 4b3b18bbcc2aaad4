"""The library as a manager keeps it: every text, on or off, with its revisions (C5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, literal, select, update
from sqlalchemy.types import Text

from reengagement import variants
from reengagement.audience import activity_until
from reengagement.errors import VariantError
from reengagement.host import Host
from reengagement.placeholders import Facts, check
from reengagement.rules import Rules
from reengagement.tables import revision, variant
from reengagement.variants import Variant

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Kept:
    """A text of the library at its newest revision; one that is off goes to nobody."""

    text: Variant
    enabled: bool


@dataclass(frozen=True)
class Revision:
    """A text as someone once stored it."""

    number: int
    title: str
    body: str
    url: str
    by: str
    at: datetime


def _stored() -> Select[Any]:
    """In the order of Variant's fields, then whether it is on."""
    return (
        select(
            variant.c.id,
            variant.c.level,
            variant.c.message_type,
            revision.c.title,
            revision.c.body,
            revision.c.url,
            variant.c.revision,
            variant.c.enabled,
        )
        .join(
            revision, and_(revision.c.variant_id == variant.c.id, revision.c.revision == variant.c.revision)
        )
        .order_by(variant.c.level, variant.c.id)
    )


def kept(connection: Connection) -> list[Kept]:
    """Return every text, by level and id."""
    return [Kept(Variant(*row[:-1]), row[-1]) for row in connection.execute(_stored())]


def revisions(connection: Connection, variant_id: str) -> list[Revision]:
    """Return all that a text has been, newest first."""
    rows = connection.execute(
        select(
            revision.c.revision,
            revision.c.title,
            revision.c.body,
            revision.c.url,
            revision.c.created_by,
            revision.c.created_at,
        )
        .where(revision.c.variant_id == variant_id)
        .order_by(revision.c.revision.desc())
    )
    return [Revision(*row) for row in rows]


def switch(connection: Connection, variant_id: str, *, enabled: bool) -> bool:
    """Switch a text on or off, and return whether that changed anything.

    Its level is locked meanwhile, so that two people can't each switch off the last but one. Raises
    VariantError for an unknown text, and for the level's last one that is on and suits everyone.
    """
    one, others = _with_its_level(connection, variant_id)
    if one.enabled == enabled:
        return False
    if not enabled and _suits_everyone(one) and not any(map(_suits_everyone, others)):
        raise _is_the_last(one)
    connection.execute(update(variant).where(variant.c.id == variant_id).values(enabled=enabled))
    return True


def edit(
    connection: Connection,
    variant_id: str,
    *,
    title: str,
    body: str,
    url: str,
    by: str,
    now: datetime,
    based_on: int,
) -> int:
    """Store a new text like `variants.edit`, and return its revision.

    Raises VariantError as that does, and for a placeholder in the level's last text that suits everyone.
    """
    check(title.strip(), body.strip(), url.strip())
    one, others = _with_its_level(connection, variant_id)
    edited = replace(one, text=replace(one.text, title=title, body=body))
    if _suits_everyone(one) and edited.text.needs and not any(map(_suits_everyone, others)):
        raise _is_the_last(one)
    return variants.edit(
        connection, variant_id, title=title, body=body, url=url, by=by, now=now, based_on=based_on
    )


def _with_its_level(connection: Connection, variant_id: str) -> tuple[Kept, list[Kept]]:
    """Lock a text's level; return the text and the others. Raises VariantError for an unknown text."""
    level = select(variant.c.level).where(variant.c.id == variant_id).scalar_subquery()
    of_level = _stored().where(variant.c.level == level).with_for_update(of=variant)
    texts = [Kept(Variant(*row[:-1]), row[-1]) for row in connection.execute(of_level)]
    one = next((each for each in texts if each.text.id == variant_id), None)
    if one is None:
        raise VariantError(f"There is no variant {variant_id!r}.", code="unknown")
    return one, [each for each in texts if each is not one]


def _is_the_last(one: Kept) -> VariantError:
    return VariantError(
        f"{one.text.id!r} is the last text of level {one.text.level} that is on and needs nothing: "
        "without it some users would get no reminder. Switch another such text on first.",
        code="last",
    )


def _suits_everyone(one: Kept) -> bool:
    """Tell whether it is on, can be used, and has no placeholder."""
    try:
        check(one.text.title, one.text.body, one.text.url)
    except VariantError:
        return False
    return one.enabled and not one.text.needs


def facts_of(connection: Connection, host: Host, rules: Rules, user_id: str, now: datetime) -> Facts | None:
    """Return what may be said to one user now, None if the host has no such user."""
    row = connection.execute(host.facts(select(literal(user_id, Text).label("user_id")).subquery())).first()
    if row is None:
        return None
    activity = activity_until(host, now)
    steps = select(func.count()).where(activity.c.user_id == user_id)
    local = rules.local(now)
    midnight = now - (local - local.replace(hour=0, minute=0, second=0, microsecond=0))
    active = func.count(activity.c.user_id.distinct())
    platform = select(active, active.filter(activity.c.at >= midnight)).where(
        activity.c.at > now - WEEK, activity.c.at <= now
    )
    week, today = connection.execute(platform).one()
    return Facts(
        user_id=user_id,
        user_name=row.user_name,
        dog_name=row.dog_name,
        courses_completed=row.courses_completed,
        steps_completed=connection.execute(steps).scalar_one(),
        best_course=row.best_course,
        active_this_week=week,
        active_today=today,
    )
