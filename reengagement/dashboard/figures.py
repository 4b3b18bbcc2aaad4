"""The overview's figures that go through all rows of a period: kept for seconds, for everyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st
from sqlalchemy import Connection

from reengagement import metrics
from reengagement.metrics import ALL_TIME, Day, LastRun, LevelRow, Matured, Period, Reach, TypeRow
from reengagement.rules import Rules
from reengagement.settings import Settings

KEPT_FOR_SECONDS = 15.0
DAYS_SHOWN = 90


@dataclass(frozen=True)
class Figures:
    """What became of a period's campaigns and notifications. Days are the period's, of all time the last."""

    matured: Matured
    reach: Reach
    levels: Sequence[LevelRow]
    types: Sequence[TypeRow]
    days: Sequence[Day]


_generation = 0
"""How often the figures of all time were read ahead."""


def of(
    connection: Connection,
    settings: Settings,
    rules: Rules,
    now: datetime,
    period: Period,
    last_run: LastRun | None,
) -> Figures:
    """Return the period's figures, at most 15 seconds old, and never older than the last run's state."""
    return _of(connection, settings, rules, now, period, last_run, _generation)


def read_ahead(
    connection: Connection, settings: Settings, rules: Rules, now: datetime, last_run: LastRun | None
) -> None:
    """Read the figures of all time and keep them in the place of those that are kept."""
    global _generation
    _of(connection, settings, rules, now, ALL_TIME, last_run, _generation + 1)
    _generation += 1


def _of(
    connection: Connection,
    settings: Settings,
    rules: Rules,
    now: datetime,
    period: Period,
    last_run: LastRun | None,
    generation: int,
) -> Figures:
    days_of = Period.last_days(DAYS_SHOWN, now, rules.zone) if period == ALL_TIME else period
    return kept(
        connection,
        rules,
        now,
        settings.database,
        rules.model_dump_json(),
        period,
        days_of,
        last_run,
        generation if period == ALL_TIME else 0,
    )


@st.cache_data(ttl=KEPT_FOR_SECONDS, show_spinner=False, max_entries=20)
def kept(
    _connection: Connection,
    _rules: Rules,
    _now: datetime,
    database: str,
    rules: str,
    period: Period,
    days_of: Period,
    last_run: LastRun | None,
    generation: int,
) -> Figures:
    """Read the figures where none of the same database, rules, period and run are kept."""
    levels, types = metrics.by_level_and_type(_connection, period)
    return Figures(
        matured=metrics.matured(_connection, _rules, _now, period),
        reach=metrics.reach(_connection, period),
        levels=levels,
        types=types,
        days=metrics.daily(_connection, days_of, _rules.zone),
    )
