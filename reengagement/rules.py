"""What managers tune. The environment wins over the database, the database over the default."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from reengagement import auditing
from reengagement.errors import RulesChanged, RulesRefused
from reengagement.settings import PREFIX
from reengagement.tables import setting

Source = Literal["default", "database", "environment"]
TUNABLE = (
    "level_days",
    "gap_days",
    "look_back_days",
    "run_at",
    "holdout_share",
    "click_rate_threshold",
    "return_rate_threshold",
)
"""Rules that the dashboard may change; the rest are the operator's."""

LOCK = 0x52554C45
"""The advisory lock of a change: two at once would each be checked against what the other replaces."""

Share = Annotated[float, Field(ge=0, lt=1)]

WINDOW_MARGIN_DAYS = 7
"""A return counts until a week after the last level could have been sent (metrics: *Return*)."""


class Rules(BaseModel):
    """The rules of a run. Days are whole days of 24 hours; times of day are local to `timezone`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level_days: tuple[int, int, int, int] = (5, 12, 20, 30)
    """Days after the last activity at which levels 1-4 are due; the first is also the day of inactivity."""
    min_completed_steps: Annotated[int, Field(ge=1)] = 2
    look_back_days: Annotated[int, Field(ge=1, le=3650)] = 60
    """Only users active within this many days get a campaign opened."""
    gap_days: Annotated[int, Field(ge=0, le=365)] = 3
    """At least this many days lie between two reminders to one user; 0 turns it off."""
    run_at: time = time(8, 0)
    run_until: time = time(20, 0)
    """A missed run is made up until this time of the same day."""
    timezone: str = "Europe/Moscow"
    honour_host_settings: bool = False
    """Whether the host's `reengagementSettings.enabled` keeps a user out (A4: by default it does not)."""
    holdout_share: Share = 0.0
    """Share of users for whom a campaign is recorded and nothing is sent."""
    expiry_hours: Annotated[int, Field(ge=1, le=24 * 28)] = 24
    """A reminder not sent within this time after it was queued is dropped."""
    pushes_per_second: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """At most this many a second to one push service, all workers together; 0 = as fast as they take them."""
    click_rate_threshold: Share = 0.05
    return_rate_threshold: Share = 0.10

    @field_validator("level_days", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("level_days")
    @classmethod
    def _ascending(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if days[0] < 1 or any(later <= earlier for earlier, later in itertools.pairwise(days)):
            raise ValueError("must be four rising numbers of days, as in 5,12,20,30")
        return days

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{name!r} is not a time zone; write one as Europe/Moscow") from None
        return name

    @model_validator(mode="after")
    def _in_order(self) -> Rules:
        if self.look_back_days <= self.level_days[0]:
            raise ValueError("look_back_days must exceed the first of level_days, or nobody is ever found")
        if self.run_until <= self.run_at:
            raise ValueError("run_until must be later in the day than run_at")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the schedule."""
        return ZoneInfo(self.timezone)

    @property
    def inactive_after(self) -> timedelta:
        """The time without activity after which a user is inactive (A1)."""
        return timedelta(days=self.level_days[0])

    @property
    def look_back(self) -> timedelta:
        """How far back the newest activity may lie (A3)."""
        return timedelta(days=self.look_back_days)

    @property
    def gap(self) -> timedelta:
        """The least time between two reminders to one user (B5)."""
        return timedelta(days=self.gap_days)

    @property
    def window(self) -> timedelta:
        """How long after a campaign's start a return counts (metrics: *Return*): 32 days with 5/12/20/30."""
        return timedelta(days=self.level_days[-1] - self.level_days[0] + WINDOW_MARGIN_DAYS)

    @property
    def expiry(self) -> timedelta:
        """How long a queued reminder may wait."""
        return timedelta(hours=self.expiry_hours)

    def local(self, now: datetime) -> datetime:
        """Return `now` (naive UTC) as an aware local time."""
        return now.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone)


@dataclass(frozen=True)
class RulesInForce:
    """The rules, and for each of them where it comes from."""

    rules: Rules
    sources: Mapping[str, Source]


def in_force(connection: Connection, environment: Mapping[str, str]) -> RulesInForce:
    """Return the rules in force: `environment` (field to text) over the database over the defaults.

    Raises SettingsError naming the variable or the stored rule that is malformed.
    """
    return _merged(_stored(connection), environment)


def _merged(stored: Mapping[str, Any], environment: Mapping[str, str]) -> RulesInForce:
    sources: dict[str, Source] = dict.fromkeys(Rules.model_fields, "default")
    sources |= dict.fromkeys(stored, "database")
    sources |= dict.fromkeys(environment, "environment")
    return RulesInForce(validate({**stored, **environment}, sources), sources)


def _stored(connection: Connection) -> dict[str, Any]:
    rows = connection.execute(
        select(setting.c.name, setting.c.value).where(setting.c.name.in_(Rules.model_fields))
    )
    return {row.name: row.value for row in rows}


def proposed(
    connection: Connection, environment: Mapping[str, str], values: Mapping[str, Any]
) -> RulesInForce:
    """Return the rules as they would be with `values` in the database; None there is back to the default.

    Raises RulesRefused for a rule that isn't tunable or that the environment fixes, and where the whole
    set doesn't hold.
    """
    for name in values:
        if name not in TUNABLE:
            raise RulesRefused(f"rule {name}: can't be changed here", (name,))
        if name in environment:
            raise RulesRefused(f"rule {name}: is fixed by {PREFIX + name.upper()}", (name,))
    stored = {**_stored(connection), **values}
    return _merged({name: value for name, value in stored.items() if value is not None}, environment)


def change(
    connection: Connection,
    environment: Mapping[str, str],
    values: Mapping[str, Any],
    *,
    seen: Rules,
    by: str,
    now: datetime,
) -> RulesInForce:
    """Store `values` (rule to value, None to go back to the default) and return the rules then in force.

    1. Take the lock of changes, until the transaction ends.
    2. Refuse what doesn't hold, and what was changed since the editor saw `seen`.
    3. Write each, and note who changed it from what to what.

    Raises RulesRefused, RulesChanged; then nothing is written.
    """
    connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    before = in_force(connection, environment).rules.model_dump(mode="json")
    after = proposed(connection, environment, values)
    known = seen.model_dump(mode="json")
    changed = [name for name in values if before[name] != known[name]]
    if changed:
        raise RulesChanged(
            f"Changed by someone else meanwhile: {', '.join(changed)}. Look again, then change."
        )
    written = after.rules.model_dump(mode="json")
    for name, value in values.items():
        _write(connection, name, None if value is None else written[name], by=by, now=now)
        auditing.note(
            connection, by, "rule_changed", now, rule=name, before=str(before[name]), after=str(written[name])
        )
    return after


def _write(connection: Connection, name: str, value: Any, *, by: str, now: datetime) -> None:
    if value is None:
        connection.execute(delete(setting).where(setting.c.name == name))
        return
    row = {"value": value, "updated_at": now, "updated_by": by}
    connection.execute(
        insert(setting).values(name=name, **row).on_conflict_do_update(index_elements=["name"], set_=row)
    )


@dataclass(frozen=True)
class Edit:
    """Who gave a rule its stored value, and when."""

    by: str
    at: datetime


def edits(connection: Connection) -> dict[str, Edit]:
    """Return who set each rule that the database has."""
    rows = connection.execute(
        select(setting.c.name, setting.c.updated_by, setting.c.updated_at).where(
            setting.c.name.in_(Rules.model_fields)
        )
    )
    return {row.name: Edit(row.updated_by, row.updated_at) for row in rows}


def validate(values: Mapping[str, Any], sources: Mapping[str, Source] | None = None) -> Rules:
    """Return Rules from `values` (field to value or text). Raises RulesRefused naming what is malformed."""
    try:
        return Rules(**values)
    except ValidationError as error:
        found = [(item["loc"], item["msg"].removeprefix("Value error, ")) for item in error.errors()]
        names = (str(location[0]) if location else message.split()[0] for location, message in found)
        message = "; ".join(f"{_origin(location, sources or {})}{message}" for location, message in found)
        raise RulesRefused(message, tuple(names)) from None


def _origin(location: tuple[int | str, ...], sources: Mapping[str, Source]) -> str:
    if not location:
        return ""
    name = str(location[0])
    return f"{PREFIX + name.upper() if sources.get(name) == 'environment' else f'rule {name}'}: "
