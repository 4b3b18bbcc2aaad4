"""Which text does better: counted by hand, and against a product whose texts all do alike or don't."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from reengagement import variants
from reengagement.metrics.choices import compared
from reengagement.stats import Rate
from reengagement.tables import MESSAGE_TYPES, campaign, notification, revision, variant
from tests.records import NOON, add_campaign, add_notification, days

NOW = NOON + days(30)
LEVEL = 1


@pytest.fixture
def texts(connection):
    """The level's first texts: with the pet's name, and without."""
    rows = connection.execute(
        select(variant.c.id, variant.c.message_type.label("messageType"), revision.c.title, revision.c.body)
        .join(revision, revision.c.variant_id == variant.c.id)
        .where(variant.c.level == LEVEL)
        .order_by(variant.c.id)
    ).all()
    named = [row for row in rows if "{dogName}" in row.title + row.body]
    return named, [row for row in rows if row not in named]


def remind(connection, rng, texts, users, click=lambda text: 0.1, sent_at=NOON, prefix="user"):
    """Send each user one of `texts`, evenly; clicked with the text's own probability."""
    start = {"started_at": sent_at, "last_activity_at": sent_at, "created_at": sent_at, "updated_at": sent_at}
    campaigns = [
        {"id": f"{prefix}-{n}", "user_id": f"{prefix}-{n}", "ordinal": 1, "is_active": False, **start}
        for n in range(users)
    ]
    connection.execute(insert(campaign), campaigns)
    connection.execute(
        insert(notification),
        [
            {
                "id": f"{one['id']}-1",
                "campaign_id": one["id"],
                "level": LEVEL,
                "message_type": text.messageType,
                "variant_id": text.id,
                "title": "",
                "body": "",
                "created_at": sent_at,
                "sent": True,
                "sent_at": sent_at,
                "clicked": bool(clicked),
                "clicked_at": sent_at if clicked else None,
                "revision": 1,
                "choice_probability": 1 / len(texts),
            }
            for one in campaigns
            for text in [texts[rng.integers(len(texts))]]
            for clicked in [rng.random() < click(text)]
        ],
    )


def test_each_text_and_type_stands_beside_its_level_with_pets_apart(connection, texts):
    named, unnamed = texts
    one = add_campaign(connection, "alice", ordinal=1, first_return_at=NOON + days(1))
    columns = {"revision": 1, "sent_at": NOON, "variant_id": named[0].id}
    add_notification(
        connection, one, LEVEL, named[0].messageType, choice_probability=0.1, clicked_at=NOON, **columns
    )
    other = add_campaign(connection, "bob", ordinal=1)
    columns["variant_id"] = unnamed[0].id
    add_notification(connection, other, LEVEL, unnamed[0].messageType, choice_probability=0.1, **columns)
    rows = {row.variant_id: row for row in compared(connection, NOW, "click") if row.level == LEVEL}
    assert (rows[named[0].id].with_pet, rows[named[0].id].without_pet) == (Rate(1, 1), Rate(0, 0))
    assert (rows[unnamed[0].id].with_pet, rows[unnamed[0].id].without_pet) == (Rate(0, 0), Rate(0, 1))
    types = [row for row in compared(connection, NOW, "return") if row.level == LEVEL and not row.variant_id]
    assert sorted(row.message_type for row in types) == sorted(MESSAGE_TYPES)
    (same,) = [row for row in types if row.message_type == named[0].messageType]
    assert same.with_pet == Rate(1, 1)
    assert not any(row.is_better for row in rows.values())


@pytest.mark.parametrize(("outcome", "within"), [("click", timedelta(hours=72)), ("return", days(7))])
def test_only_what_has_had_its_time_is_compared(connection, texts, outcome, within):
    one = add_campaign(connection, "alice", ordinal=1)
    add_notification(
        connection, one, LEVEL, variant_id=texts[0][0].id, revision=1, sent_at=NOON, choice_probability=0.1
    )
    counted = [
        sum(row.with_pet.n for row in compared(connection, NOON + within + late, outcome) if row.variant_id)
        for late in (timedelta(milliseconds=-1), timedelta())
    ]
    assert counted == [0, 1]


def test_a_text_and_its_type_that_do_better_are_found_and_no_other(connection, texts):
    named, unnamed = texts
    best = named[0]
    rng = np.random.default_rng(4)
    remind(connection, rng, named, 3_000, lambda text: 0.40 if text is best else 0.10)
    remind(connection, rng, unnamed, 1_000, prefix="other")
    better = {
        row.variant_id or row.message_type: row for row in compared(connection, NOW, "click") if row.is_better
    }
    assert set(better) == {best.id, best.messageType}
    assert 2 < better[best.id].better_by < 4
    assert 1 < better[best.messageType].better_by < better[best.id].better_by
    assert not any(row.is_better for row in compared(connection, NOW, "return"))


def test_a_text_without_a_pets_name_is_found_though_users_with_pets_click_more(connection, texts):
    """Thrown together, the clicks of those with pets would drown it: texts of both are equally likely."""
    named, unnamed = (some[:6] for some in texts)
    best = unnamed[0]
    rng = np.random.default_rng(5)
    remind(connection, rng, named, 2_000, lambda text: 0.30)
    remind(connection, rng, unnamed, 1_500, lambda text: 0.20 if text is best else 0.05, prefix="other")
    better = {
        row.variant_id for row in compared(connection, NOW, "click") if row.variant_id and row.is_better
    }
    assert better == {best.id}


def test_an_edited_text_is_judged_since_its_edit(connection, texts):
    """What the old text earned is the old text's; the new one starts from nothing."""
    named, _ = texts
    best = named[0]
    remind(connection, np.random.default_rng(6), named, 3_000, lambda text: 0.40 if text is best else 0.10)
    assert any(row.variant_id == best.id and row.is_better for row in compared(connection, NOW, "click"))
    variants.edit(
        connection, best.id, title="{dogName}", body="Пора", url="/trainings", by="anna", now=NOON + days(1)
    )
    rows = [row for row in compared(connection, NOW, "click") if row.variant_id == best.id]
    assert [(row.is_better, row.with_pet.n) for row in rows] == [(False, 0)]


def test_a_text_that_is_not_in_use_is_not_listed(connection, texts):
    out = texts[0][0].id
    connection.execute(update(variant).where(variant.c.id == out).values(enabled=False))
    assert out not in {row.variant_id for row in compared(connection, NOW, "click")}
