"""Hostile requests to the public routes: by their OpenAPI description, and references signed for rubbish.

FUZZ=10000 tries so many inputs with each test (`make fuzz`, 100,000 in all); the suite tries a handful.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import pytest
import schemathesis
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import Case
from sqlalchemy import text

from reengagement import heartbeat, references
from reengagement.database import clock, engine_of, make_engine
from reengagement.heartbeat import Consumer
from reengagement.http import build_app, subscribing
from reengagement.settings import Settings, parse
from tests.conftest import Clones, database_named
from tests.served import call, served

LONG_RUN = 100
EXAMPLES = int(os.environ.get("FUZZ", "6"))
DESCRIPTION = Path(subscribing.__file__).with_name("openapi.json")
SECRET, HOST_SECRET = "s" * 32, "h" * 32
TABLES = (
    "PushSubscription",
    "ReengagementOptOut",
    "ReengagementNotification",
    "ReengagementCampaign",
    "ReengagementDevice",
)
EPOCH = datetime(2026, 1, 1)
LONG_ENOUGH = 12
"""Characters from which on a text that comes back can't have come back by chance."""
ANSWERED: Counter[int] = Counter()
"""How many inputs got which status."""

schema = schemathesis.openapi.from_path(str(DESCRIPTION))
many = hypothesis_settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < LONG_RUN,
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.fixture(scope="module")
def installation(cluster_url: str, clones: Clones) -> Iterator[Settings]:
    """A database of this module's own, with a consumer that lives, so that no 503 is right."""
    name = clones.take()
    url = database_named(cluster_url, name)
    engine = make_engine(url)
    with engine.begin() as connection:
        one = Consumer(id="c1", host="h", pid=1, version="1", workers=1)
        heartbeat.beat(connection, one, clock(connection) + timedelta(days=1))
    engine.dispose()
    variables = {"REENGAGEMENT_SECRET": SECRET, "REENGAGEMENT_HOST_SECRET": HOST_SECRET}
    settings = parse({"DATABASE_URL": url, **variables, "REENGAGEMENT_METRICS_SECRET": "m" * 16})
    yield settings
    engine_of(settings).dispose()
    clones.drop(name)


@pytest.fixture(scope="module")
def origin(installation: Settings) -> Iterator[str]:
    """The routes, without limits on how often one address may ask."""
    patch = pytest.MonkeyPatch()
    patch.setattr(subscribing, "A_MINUTE", 1e9)
    patch.setattr(subscribing, "AT_ONCE", 10**9)
    with served(build_app(installation)) as origin:
        yield origin
    patch.undo()


@pytest.fixture(scope="module", autouse=True)
def nothing_is_stored(installation: Settings, origin: str) -> Iterator[None]:
    """See to it that nothing that was refused has been stored, whatever was tried; say how much was tried."""
    yield
    if EXAMPLES >= LONG_RUN:
        by_status = ", ".join(f"{status}: {n:,}" for status, n in sorted(ANSWERED.items()))
        click.echo(f"\n{ANSWERED.total():,} inputs; answered with {by_status}; none stored")
    with engine_of(installation).connect() as connection:
        rows = {
            table: connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar() for table in TABLES
        }
    assert set(rows.values()) == {0}, rows


def texts(value: Any) -> Iterator[str]:
    """Return every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


KNOWN = {"subscription", "expirationTime", "Content-Type", "application/json"}


@schema.parametrize()
@many
def test_no_request_breaks_a_route_and_nothing_of_it_comes_back(case: Case, origin: str) -> None:
    case.headers = {name: value for name, value in (case.headers or {}).items() if name.isascii()}
    answer = case.call(base_url=f"{origin}/reengagement", allow_redirects=False, timeout=60)
    ANSWERED[answer.status_code] += 1
    assert answer.status_code < 500, answer.text
    sent = [each for part in (case.body, case.path_parameters, case.query) for each in texts(part)]
    body = answer.content.decode(errors="replace")
    for each in sent:
        assert len(each) < LONG_ENOUGH or each in KNOWN or each not in body


@many
@given(subject=st.text(max_size=60), days=st.integers(-400, 400))
def test_a_reference_signed_for_anything_is_answered_soundly(origin: str, subject: str, days: int) -> None:
    """As a host that errs may sign them, and as an older version of ours may have."""
    expires_at = EPOCH + timedelta(days=days * 365)
    clicked = references.make(SECRET, subject, expires_at)
    user = references.make(HOST_SECRET, subject, expires_at, "subscribe")
    for deed in ("click", "shown"):
        status = call(origin, "POST", f"/reengagement/{deed}/{clicked}").status
        ANSWERED[status] += 1
        assert status in (204, 404)
    body = b'{"user": "%s", "endpoint": "https://fcm.googleapis.com/x"}' % user.encode()
    headers = {"Content-Type": "application/json"}
    left = call(origin, "DELETE", "/reengagement/subscriptions", body, headers).status
    ANSWERED[left] += 1
    assert left in (204, 403)


@many
@given(damaged=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=200))
@example(damaged="0/")
def test_what_was_never_signed_is_not_found(origin: str, damaged: str) -> None:
    status = call(origin, "POST", f"/reengagement/click/{quote(damaged, safe='')}").status
    ANSWERED[status] += 1
    assert status in (404, 405)
