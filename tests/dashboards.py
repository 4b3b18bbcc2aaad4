"""What tests of the dashboard share: someone signed in, and the time of day that a test needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from reengagement import database, sessions, settings
from reengagement.dashboard import gate


def zone_where_it_is(hour: int) -> str:
    """Return a time zone whose clocks now show `hour`, so that no test depends on when it runs."""
    ahead = (hour - datetime.now(UTC).hour) % 24
    return f"Etc/GMT-{ahead}" if ahead <= 14 else f"Etc/GMT+{24 - ahead}"


@contextmanager
def settings_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Iterator[settings.Settings]:
    """Yield the settings that the dashboard in this process reads; it is noon unless `variables` say."""
    monkeypatch.setenv("REENGAGEMENT_TIMEZONE", zone_where_it_is(12))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.load.cache_clear()
    current = settings.load()
    yield current
    database.engine_of(current).dispose()
    settings.load.cache_clear()


def sign_in(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> sessions.Session:
    """Open a session, and let the script find its token: AppTest has no cookies."""
    with engine.begin() as connection:
        opened = sessions.begin(connection, sessions.ADMIN, database.clock(connection))
    monkeypatch.setattr(gate, "visitor_token", lambda: opened.token)
    return opened
