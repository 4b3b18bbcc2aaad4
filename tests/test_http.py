"""The routes beside the dashboard: clicks, landing links, health, what a browser needs (G1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from reengagement import heartbeat, references
from reengagement.database import clock, engine_of
from reengagement.heartbeat import Consumer
from reengagement.http import build_app, destination
from reengagement.settings import Settings
from reengagement.tables import notification
from reengagement.vapid import make_vapid_keys
from tests.records import add_campaign, add_notification
from tests.served import call, served

SITE = "https://dogs.example.org"
SECRET = "s" * 32
PRIVATE, PUBLIC = make_vapid_keys()


@pytest.fixture
def installation(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret": SECRET, "site_url": SITE, "vapid_private_key": PRIVATE})


@pytest.fixture
def origin(installation: Settings) -> Iterator[str]:
    with served(build_app(installation)) as origin:
        yield origin
    engine_of(installation).dispose()


@pytest.fixture
def sent(engine: Engine) -> str:
    """A notification that was sent, leading to /trainings."""
    with engine.begin() as connection:
        owner = add_campaign(connection, "alice")
        return add_notification(connection, owner, sent_at=datetime(2026, 3, 1), url="/trainings?from=push")


def now_of(engine: Engine) -> datetime:
    with engine.connect() as connection:
        return clock(connection)


def reference_to(engine: Engine, notification_id: str, **lasts: float) -> str:
    return references.make(SECRET, notification_id, now_of(engine) + timedelta(**lasts or {"days": 1}))


def row(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(notification)).one()


def test_a_click_is_counted_once_however_often_it_is_replayed(origin: str, engine: Engine, sent: str) -> None:
    path = f"/reengagement/click/{reference_to(engine, sent)}"
    answer = call(origin, "POST", path)
    assert (answer.status, answer.body) == (204, b"")
    first = row(engine).clicked_at
    assert row(engine).clicked
    assert timedelta(0) <= now_of(engine) - first < timedelta(seconds=10)
    assert call(origin, "POST", path).status == 204
    assert row(engine).clicked_at == first


def test_shown_is_noted_and_is_no_click(origin: str, engine: Engine, sent: str) -> None:
    assert call(origin, "POST", f"/reengagement/shown/{reference_to(engine, sent)}").status == 204
    assert row(engine).opened
    assert not row(engine).clicked


def test_a_landing_link_counts_the_click_and_leads_to_the_product(
    origin: str, engine: Engine, sent: str
) -> None:
    answer = call(origin, "GET", f"/reengagement/open/{reference_to(engine, sent)}")
    assert (answer.status, answer.headers["Location"]) == (303, f"{SITE}/trainings?from=push")
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert row(engine).clicked


def test_looking_at_a_landing_link_is_no_click(origin: str, engine: Engine, sent: str) -> None:
    path = f"/reengagement/open/{reference_to(engine, sent)}"
    assert call(origin, "HEAD", path).status == 303
    assert call(origin, "GET", path, headers={"Sec-Purpose": "prefetch;prerender"}).status == 303
    assert not row(engine).clicked


@pytest.mark.parametrize(("method", "route"), [("POST", "click"), ("POST", "shown"), ("GET", "open")])
def test_a_wrong_or_expired_reference_is_not_found_and_nothing_is_repeated(
    origin: str, engine: Engine, sent: str, method: str, route: str
) -> None:
    forged = references.make("t" * 32, sent, now_of(engine) + timedelta(days=1))
    expired = reference_to(engine, sent, milliseconds=-1)
    for reference in (forged, expired, "nonsense", "%3Cscript%3E", "x" * 5000, "%00", "%D1%8B", "%ff"):
        answer = call(origin, method, f"/reengagement/{route}/{reference}")
        assert (answer.status, answer.body) == (404, b"Not found.\n")
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert not row(engine).clicked
    assert not row(engine).opened


def test_a_reference_to_a_notification_that_was_deleted_leads_to_the_site(
    origin: str, engine: Engine
) -> None:
    reference = reference_to(engine, "deleted")
    assert call(origin, "POST", f"/reengagement/click/{reference}").status == 204
    assert call(origin, "GET", f"/reengagement/open/{reference}").headers["Location"] == f"{SITE}/"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/reengagement/click/x", 405),
        ("HEAD", "/reengagement/click/x", 405),
        ("PUT", "/reengagement/click/x", 405),
        ("GET", "/reengagement/shown/x", 405),
        ("POST", "/reengagement/open/x", 405),
        ("POST", "/reengagement/health", 405),
        ("GET", "/reengagement/click", 404),
        ("GET", "/reengagement/click/x/y", 404),
        ("GET", "/reengagement/unknown", 404),
        ("GET", "/reengagement/", 404),
        ("GET", "/", 404),
    ],
)
def test_wrong_methods_and_unknown_paths_are_told_apart(
    origin: str, method: str, path: str, status: int
) -> None:
    assert call(origin, method, path).status == status


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("/trainings", f"{SITE}/trainings"),
        ("/", f"{SITE}/"),
        ("/a%20b?c=d&e=1#f", f"{SITE}/a%20b?c=d&e=1#f"),
        ("/курсы", f"{SITE}/%D0%BA%D1%83%D1%80%D1%81%D1%8B"),
        (f"{SITE}/trainings", f"{SITE}/trainings"),
        ("https://DOGS.example.org:443/x", "https://DOGS.example.org:443/x"),
        (None, f"{SITE}/"),
        ("", f"{SITE}/"),
        ("trainings", f"{SITE}/"),
        ("//evil.example.org/x", f"{SITE}/"),
        ("/\\evil.example.org", f"{SITE}/"),
        ("https://evil.example.org/", f"{SITE}/"),
        ("https://dogs.example.org@evil.example.org/", f"{SITE}/"),
        ("https://dogs.example.org.evil.example.org/", f"{SITE}/"),
        ("http://dogs.example.org/", f"{SITE}/"),
        ("javascript:alert(1)", f"{SITE}/"),
        ("/x\r\nSet-Cookie: a=b", f"{SITE}/x%0D%0ASet-Cookie:%20a=b"),
        ("/\t/evil.example.org", f"{SITE}/%09/evil.example.org"),
    ],
)
def test_a_link_never_leads_to_another_origin(url: str | None, leads_to: str) -> None:
    assert destination(SITE, url) == leads_to


# --- Health ----------------------------------------------------------------------------------------------


def beat(engine: Engine, ago: timedelta) -> None:
    with engine.begin() as connection:
        one = Consumer(id="c1", host="h", pid=1, version="1", workers=2)
        heartbeat.beat(connection, one, clock(connection) - ago)


def test_it_is_healthy_with_a_database_and_a_consumer_seen_lately(origin: str, engine: Engine) -> None:
    beat(engine, timedelta(minutes=2, seconds=50))
    answer = call(origin, "GET", "/reengagement/health")
    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "ok", "database": True, "consumer": True}


def test_it_is_unhealthy_when_no_consumer_was_seen_for_three_minutes(origin: str, engine: Engine) -> None:
    assert call(origin, "GET", "/reengagement/health").status == 503
    beat(engine, timedelta(minutes=3))
    answer = call(origin, "GET", "/reengagement/health")
    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "unhealthy", "database": True, "consumer": False}


def test_a_database_that_is_away_is_told_plainly_and_its_address_to_nobody(
    installation: Settings, engine: Engine, sent: str
) -> None:
    path = f"/reengagement/click/{reference_to(engine, sent)}"
    away = installation.model_copy(update={"database_url": "postgresql://someone:word@127.0.0.1:1/nowhere"})
    with served(build_app(away)) as origin:
        health = call(origin, "GET", "/reengagement/health")
        click = call(origin, "POST", path)
    assert (health.status, json.loads(health.body)) == (
        503,
        {"status": "unhealthy", "database": False, "consumer": False},
    )
    assert (click.status, click.body) == (503, b"Out of order: try again later.\n")


def test_a_database_that_is_not_migrated_is_out_of_order(cluster_url: str, installation: Settings) -> None:
    empty = installation.model_copy(update={"database_url": cluster_url, "secret": None})
    with served(build_app(empty)) as origin:
        assert call(origin, "GET", "/reengagement/health").status == 503
        assert call(origin, "POST", "/reengagement/click/x").status == 503
    engine_of(empty).dispose()


# --- What a browser needs --------------------------------------------------------------------------------


def test_the_public_key_can_be_read_by_the_products_site(origin: str) -> None:
    answer = call(origin, "GET", "/reengagement/vapid-public-key")
    assert (answer.status, answer.body.decode()) == (200, PUBLIC)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_without_a_key_there_is_none_to_read(installation: Settings) -> None:
    with served(build_app(installation.model_copy(update={"vapid_private_key": None}))) as origin:
        assert call(origin, "GET", "/reengagement/vapid-public-key").status == 404


def test_the_service_worker_opens_links_of_the_site_and_of_this_dashboard_only(origin: str) -> None:
    answer = call(origin, "GET", "/reengagement/sw.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Service-Worker-Allowed"] == "/"
    script = answer.body.decode()
    assert f'new Set([self.location.origin, "{SITE}", "http://localhost:8501"])' in script
    assert "/* origins */" not in script
