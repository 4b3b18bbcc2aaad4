"""What is amiss now, as every page says it; read by the page itself, whoever looks after alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import streamlit as st
from sqlalchemy import Connection

from reengagement import alerts
from reengagement.alerts import Condition, Rates
from reengagement.rules import Rules
from reengagement.settings import Settings

RATES_FOR_SECONDS = 60.0
"""How long the rates of late are kept: they go through weeks of rows."""


def conditions(connection: Connection, settings: Settings, rules: Rules, now: datetime) -> list[Condition]:
    """Return what is amiss at `now`, the worst first."""
    signs = alerts.signs(connection, rules, now)
    last_run = signs.last_run.id if signs.last_run else None
    rates = _rates(connection, rules, now, settings.database, rules.model_dump_json(), last_run)
    return alerts.amiss(replace(signs, rates=rates))


@st.cache_data(ttl=RATES_FOR_SECONDS, show_spinner=False, max_entries=10)
def _rates(
    _connection: Connection, _rules: Rules, _now: datetime, database: str, rules: str, last_run: int | None
) -> Rates:
    """Return the rates of late; read anew after a minute, a run, or a change of the rules."""
    return alerts.rates(_connection, _rules, _now)
