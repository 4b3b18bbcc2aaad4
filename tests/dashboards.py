"""What tests of the dashboard share: someone signed in, and the time of day that a test needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from reengagement import database, sessions, settings
from reengagement.dashboard import gate

SCRIPT = str(Path(__file__).parent.parent / "streamlit_app.py")


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


def opened(script: str = SCRIPT, **query: str) -> AppTest:
    """Return the dashboard after its first script run, without an exception."""
    test = AppTest.from_file(script, default_timeout=30)
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception, test.exception[0].message
    return test


def figures(test: AppTest) -> dict[str, str]:
    """Return the metrics by their labels."""
    return {metric.label: metric.value for metric in test.metric}


def texts(test: AppTest) -> list[str]:
    """Return all that the page says, outside tables and charts."""
    kinds = (test.title, test.subheader, test.markdown, test.caption, test.warning, test.error, test.info)
    return [element.value for kind in kinds for element in kind] + [element.value for element in test.code]


def run_button(test: AppTest) -> Any:
    """Return the button that runs the planner."""
    return next(button for button in test.button if button.key == "run_button")
