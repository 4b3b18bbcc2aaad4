"""Composing: for everyone due, the variant is chosen and its text rendered, into a stage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Double,
    FromClause,
    Integer,
    MetaData,
    Row,
    Select,
    Subquery,
    Table,
    TableClause,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.expression import literal
from sqlalchemy.types import BigInteger

from reengagement import variants
from reengagement.audience import activity_until
from reengagement.host import Host
from reengagement.rules import Rules
from reengagement.tables import Time, campaign, notification

BATCH = 5_000
"""Rows fetched, rendered and copied at a time; rendering 265,000 took 7 s, most of it copying."""

WEEK = timedelta(days=7)

composed = Table(
    "run_composed",
    MetaData(),
    Column("campaign_id", Text),
    Column("level", Integer),
    Column("due_at", Time()),
    Column("message_type", Text),
    Column("variant_id", Text),
    Column("revision", Integer),
    Column("choice_probability", Double),
    Column("title", Text),
    Column("body", Text),
    Column("url", Text),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


def compose(
    connection: Connection,
    host: Host,
    rules: Rules,
    now: datetime,
    *,
    salt: str,
    activity: TableClause,
    due: TableClause,
) -> tuple[Table, dict[str, int]]:
    """Stage a rendered text for everyone due; return the stage, and how many got none and why.

    The choice depends on the salt, the user, the ordinal of the campaign and the level: a dry run shows
    the text that the run will write, for the same facts, library and rules.
    """
    library = variants.load_library(connection)
    platform = _platform_activity(connection, rules, now, activity)
    composed.create(connection)
    left_out: dict[str, int] = {}
    rows = connection.execute(
        _facts_of(host, now, due), execution_options={"stream_results": True, "max_row_buffer": BATCH}
    )
    for batch in rows.partitions(BATCH):
        _copy(connection, _texts(library, salt, batch, platform, left_out))
    connection.exec_driver_sql("ANALYZE run_composed")
    return composed, left_out


def _texts(
    library: variants.Library,
    salt: str,
    batch: Any,
    platform: tuple[int, int],
    left_out: dict[str, int],
) -> Iterator[tuple[Any, ...]]:
    week, today = platform
    for row in batch:
        facts = variants.Facts(
            user_id=row.user_id,
            user_name=row.user_name,
            dog_name=row.dog_name,
            courses_completed=row.courses_completed,
            steps_completed=row.steps_completed,
            best_course=row.best_course,
            active_this_week=week,
            active_today=today,
        )
        choice = variants.choose(library, row.level, facts, row.used or {}, _seed(salt, row))
        if choice is None:
            left_out["no_text"] = left_out.get("no_text", 0) + 1
            continue
        variant, text = choice.variant, variants.render(choice.variant, facts)
        yield (
            row.campaign_id, row.level, row.due_at, variant.message_type, variant.id, variant.revision,
            choice.probability, text.title, text.body, variant.url,
        )  # fmt: skip


def _seed(salt: str, row: Row[Any]) -> str:
    return f"{salt}:{row.user_id}:{row.ordinal}:{row.level}"


def _copy(connection: Connection, rows: Iterator[tuple[Any, ...]]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy("COPY run_composed FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _platform_activity(
    connection: Connection, rules: Rules, now: datetime, activity: TableClause
) -> tuple[int, int]:
    """Return how many users were active within the last seven days, and on the local date of `now`."""
    local = rules.local(now)
    midnight = now - (local - local.replace(hour=0, minute=0, second=0, microsecond=0))
    newest = activity.c.newest
    week = func.count().filter(newest > now - WEEK, newest <= now)
    today = func.count().filter(newest >= midnight, newest <= now)
    row = connection.execute(select(week.label("week"), today.label("today")).select_from(activity)).one()
    return row.week, row.today


def _facts_of(host: Host, now: datetime, due: TableClause) -> Select[Any]:
    """Everyone due with what may be said about them, in the order of the campaigns."""
    facts = host.facts(due).subquery("facts")
    steps, used = _steps_of(host, now, due), _used_by(due)
    return (
        select(
            due.c.campaign_id,
            due.c.user_id,
            due.c.ordinal,
            due.c.level,
            due.c.due_at,
            facts.c.user_name,
            facts.c.dog_name,
            facts.c.courses_completed,
            facts.c.best_course,
            func.coalesce(steps.c.completed, 0).label("steps_completed"),
            used.c.used,
        )
        .select_from(
            due.join(facts, facts.c.user_id == due.c.user_id)
            .outerjoin(steps, steps.c.user_id == due.c.user_id)
            .outerjoin(used, used.c.user_id == due.c.user_id)
        )
        .order_by(due.c.campaign_id)
    )


def _steps_of(host: Host, now: datetime, due: FromClause) -> Subquery:
    steps = activity_until(host, now)
    return (
        select(steps.c.user_id, func.count().label("completed"))
        .where(steps.c.user_id.in_(select(due.c.user_id)))
        .group_by(steps.c.user_id)
        .subquery("steps")
    )


def _used_by(due: FromClause) -> Subquery:
    """Return `user_id, used`: for each user the variants of all campaigns so far, and when (seconds)."""
    seconds = func.extract("epoch", func.max(notification.c.created_at)).cast(BigInteger)
    one = (
        select(campaign.c.user_id, notification.c.variant_id, seconds.label("at"))
        .join(notification, notification.c.campaign_id == campaign.c.id)
        .where(campaign.c.user_id.in_(select(due.c.user_id)))
        .group_by(campaign.c.user_id, notification.c.variant_id)
        .subquery("one")
    )
    return (
        select(one.c.user_id, func.jsonb_object_agg(one.c.variant_id, one.c.at).label("used"))
        .group_by(one.c.user_id)
        .subquery("used")
    )


def write(connection: Connection, rules: Rules, now: datetime, run_id: int) -> int:
    """Turn the composed texts into notifications of campaigns that are active and at that level."""
    expires_at = func.greatest(composed.c.due_at, literal(now, Time())) + rules.expiry
    rows = (
        select(
            func.concat(composed.c.campaign_id, "-", composed.c.level),
            composed.c.campaign_id,
            composed.c.level,
            composed.c.message_type,
            composed.c.variant_id,
            composed.c.title,
            composed.c.body,
            composed.c.url,
            literal(now, Time()),
            literal(run_id, BigInteger),
            composed.c.revision,
            composed.c.choice_probability,
            literal(now, Time()),
            expires_at,
        )
        .join(campaign, campaign.c.id == composed.c.campaign_id)
        .where(campaign.c.is_active, campaign.c.current_level == composed.c.level)
        .order_by(composed.c.campaign_id)
    )
    columns = [
        "id", "campaign_id", "level", "message_type", "variant_id", "title", "body", "url", "created_at",
        "run_id", "revision", "choice_probability", "queued_at", "expires_at",
    ]  # fmt: skip
    return connection.execute(
        insert(notification)
        .from_select(columns, rows)
        .on_conflict_do_nothing(index_elements=[notification.c.campaign_id, notification.c.level])
        .execution_options(preserve_rowcount=True)
    ).rowcount
