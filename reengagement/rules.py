"""What managers tune. The environment wins over the database, the database over the default."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from sqlalchemy import Connection, select

from reengagement.errors import SettingsError
from reengagement.settings import PREFIX
from reengagement.tables import setting

Source = Literal["default", "database", "environment"]
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
    rows = connection.execute(
        select(setting.c.name, setting.c.value).where(setting.c.name.in_(Rules.model_fields))
    )
    stored: dict[str, Any] = {row.name: row.value for row in rows}
    sources: dict[str, Source] = dict.fromkeys(Rules.model_fields, "default")
    sources |= dict.fromkeys(stored, "database")
    sources |= dict.fromkeys(environment, "environment")
    return RulesInForce(validate({**stored, **environment}, sources), sources)


def validate(values: Mapping[str, Any], sources: Mapping[str, Source] | None = None) -> Rules:
    """Return Rules from `values` (field to value or text). Raises SettingsError naming what is malformed."""
    try:
        return Rules(**values)
    except ValidationError as error:
        raise SettingsError(
            "; ".join(
                f"{_origin(item['loc'], sources or {})}{item['msg'].removeprefix('Value error, ')}"
                for item in error.errors()
            )
        ) from None


def _origin(location: tuple[int | str, ...], sources: Mapping[str, Source]) -> str:
    if not location:
        return ""
    name = str(location[0])
    return f"{PREFIX + name.upper() if sources.get(name) == 'environment' else f'rule {name}'}: "
