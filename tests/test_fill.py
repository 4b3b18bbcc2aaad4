"""The demo's sample product: made once, made afresh after an interruption, and nobody else's touched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from reengagement import audience, host, planner, variants
from reengagement.database import clock
from reengagement.demo import fill as filling
from reengagement.demo.fill import fill
from reengagement.demo.sample import DOCUMENT_PEOPLE
from reengagement.rules import Rules
from reengagement.settings import parse

ORIGIN = "http://127.0.0.1:8601"
SETTINGS = parse({"REENGAGEMENT_PUSH_ORIGINS": f"{ORIGIN},https://push.example.org"})


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one())


def one(engine: Engine, query: str, **values: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(query), values).scalar_one()


@pytest.fixture
def small_year(monkeypatch: pytest.MonkeyPatch) -> None:
    """A "year" of 20 days and 40 people, so that a test can wait for it."""
    monkeypatch.setattr(filling, "USERS", 40)
    monkeypatch.setattr(filling, "YEAR", timedelta(days=20))
    monkeypatch.setattr(filling, "DAYS_BETWEEN_WORDS", 10)


def test_the_documents_five_users_and_an_admin_are_there_and_nobody_is_inactive(engine: Engine) -> None:
    words: list[str] = []
    fill(engine, SETTINGS, "document", words.append)
    assert one(engine, "SELECT count(*) FROM \"User\" WHERE role = 'USER'") == 5
    assert one(engine, "SELECT password FROM \"User\" WHERE role = 'ADMIN'").startswith("$2b$")
    assert planner.dry_run(engine, SETTINGS).inactive == 0
    assert words


def test_each_of_the_five_is_found_once_their_steps_are_six_days_old_but_the_one_with_a_single_step(
    engine: Engine,
) -> None:
    """A1, A2: the guide's own UPDATE."""
    fill(engine, SETTINGS, "document")
    with engine.begin() as connection:
        connection.execute(text("""UPDATE "UserStep" SET "updatedAt" = NOW() - INTERVAL '6 days'"""))
        seen = host.connect("dog_training", connection)
        found = audience.inactive_users(connection, seen, Rules(), clock(connection))
    assert {user.user_id for user in found} == {each.id for each in DOCUMENT_PEOPLE if each.steps >= 2}
    assert len(found) == 4


def test_every_achievement_that_a_text_may_name_is_somebodys(engine: Engine) -> None:
    """C2"""
    fill(engine, SETTINGS, "document")
    with engine.begin() as connection:
        connection.execute(text("""UPDATE "UserStep" SET "updatedAt" = NOW() - INTERVAL '6 days'"""))
    plan = planner.dry_run(engine, SETTINGS)
    dogs = {each.id: each.dog for each in DOCUMENT_PEOPLE}
    texts = {each.user_id: each.title + each.body for each in plan.reminders}
    assert len(texts) == 4
    assert all(dogs[user] in said for user, said in texts.items() if dogs[user])
    assert "dogName" not in {
        name
        for each in plan.reminders
        if not dogs[each.user_id]
        for variant in variants.first_texts()
        if variant.id == each.variant_id
        for name in variant.placeholders
    }


def test_subscriptions_lead_to_the_first_push_origin(engine: Engine) -> None:
    fill(engine, SETTINGS, "document")
    assert count(engine, "PushSubscription") == 5
    assert (
        one(engine, 'SELECT count(*) FROM "PushSubscription" WHERE NOT starts_with(endpoint, :o)', o=ORIGIN)
        == 0
    )


def test_a_second_fill_changes_nothing(engine: Engine) -> None:
    fill(engine, SETTINGS, "document")
    with engine.begin() as connection:
        connection.execute(text("""UPDATE "UserStep" SET "updatedAt" = NOW() - INTERVAL '6 days'"""))
    words: list[str] = []
    fill(engine, SETTINGS, "document", words.append)
    fill(engine, SETTINGS, "year", words.append)
    assert count(engine, "User") == 6
    assert count(engine, "ReengagementRun") == 0
    assert words == ["The sample product is there already: document."] * 2


def test_a_year_leaves_some_who_are_due_now_and_shows_how_far_it_is(engine: Engine, small_year: None) -> None:
    words: list[str] = []
    fill(engine, SETTINGS, "year", words.append)
    assert planner.dry_run(engine, SETTINGS).new_campaigns > 0
    assert one(engine, "SELECT count(*) FROM \"User\" WHERE role = 'ADMIN'") == 1
    assert {"Day 10 of 20", "Day 20 of 20"} <= set(words)


def test_what_an_interrupted_fill_left_is_made_afresh(
    engine: Engine, small_year: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(filling.host, "create_admin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fill(engine, SETTINGS, "year")
    assert count(engine, "UserStep") > 0
    words: list[str] = []
    fill(engine, SETTINGS, "document", words.append)
    assert count(engine, "User") == 6
    assert count(engine, "ReengagementRun") == count(engine, "ReengagementCampaign") == 0
    assert "interrupted" in words[0]


def test_a_product_that_no_demo_made_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO "User" (id, username, password, role, "createdAt", "updatedAt")'
                " VALUES ('alice', 'Алиса', '', 'USER', now(), now())"
            )
        )
    words: list[str] = []
    fill(engine, SETTINGS, "year", words.append)
    assert count(engine, "User") == 1
    assert "nothing was added" in words[0]
