"""A product lived through day by day: the promises of the planner and the settlement, over weeks at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from reengagement import database, planner, runs, simulate
from reengagement.rules import Rules
from reengagement.settings import Settings, parse
from reengagement.simulate.crowd import DAY, Crowd
from reengagement.simulate.days import run_times
from reengagement.simulate.postal import Postal
from reengagement.webpush import Message
from tests.conftest import Clones, database_named

UNTIL = datetime(2026, 3, 20, 9, 30)
"""Half past twelve in Moscow."""
USERS, DAYS = 100, 60
NOTIFICATIONS = """
    SELECT c."userId" AS user_id, c.id AS campaign_id, n.*, p."dogName" AS dog
    FROM "ReengagementNotification" n
    JOIN "ReengagementCampaign" c ON c.id = n."campaignId" JOIN "Profile" p USING ("userId")
    ORDER BY n."createdAt", n.id"""
CAMPAIGNS = 'SELECT * FROM "ReengagementCampaign" ORDER BY "userId", "campaignStartDate"'


def live(engine: Engine, settings: Settings, **given: Any) -> simulate.Simulated:
    return simulate.simulate(engine, settings, **({"users": 30, "days": 24, "until": UNTIL} | given))


@pytest.fixture(scope="module")
def lived(cluster_url: str, clones: Clones) -> Iterator[tuple[Engine, Settings, simulate.Simulated]]:
    """Two months of a hundred people, on a database that the tests of this module share."""
    name = clones.take()
    settings = parse({"DATABASE_URL": database_named(cluster_url, name)})
    engine = database.make_engine(database_named(cluster_url, name))
    yield engine, settings, live(engine, settings, users=USERS, days=DAYS)
    engine.dispose()
    clones.drop(name)


@pytest.fixture
def history(lived: tuple[Engine, Settings, simulate.Simulated]) -> Iterator[Connection]:
    """A connection to what they lived through."""
    with lived[0].connect() as connection:
        yield connection


def rows(connection: Connection, query: str) -> list[Any]:
    return list(connection.execute(text(query)))


def test_every_figure_is_above_zero_and_none_exceeds_what_it_is_part_of(
    lived: tuple[Engine, Settings, simulate.Simulated],
) -> None:
    done = lived[2]
    assert done.users == USERS
    assert done.steps > 10 * USERS
    assert done.campaigns > done.returned > 0
    assert done.sent > done.clicked > 0


def test_nobody_got_the_same_text_twice(history: Connection) -> None:
    """C4: two months leave no user without an unused text."""
    seen = [(row.user_id, row.variantId) for row in rows(history, NOTIFICATIONS)]
    assert len(seen) > USERS
    assert len(set(seen)) == len(seen)


def test_two_reminders_to_one_user_lie_three_days_apart(history: Connection) -> None:
    """B5"""
    times = defaultdict(list)
    for row in rows(history, NOTIFICATIONS):
        if row.sent:
            times[row.user_id].append(row.queuedAt)
    gaps = [later - earlier for each in times.values() for earlier, later in pairwise(each)]
    assert gaps
    assert min(gaps) >= timedelta(days=3)


def test_levels_come_in_order_each_no_earlier_than_its_day(history: Connection) -> None:
    """B3"""
    days = dict(zip((1, 2, 3, 4), Rules().level_days, strict=True))
    campaigns = defaultdict(list)
    lasts = {row.id: row.lastActivityDate for row in rows(history, CAMPAIGNS)}
    for row in rows(history, NOTIFICATIONS):
        campaigns[row.campaign_id].append(row.level)
        assert row.queuedAt - lasts[row.campaign_id] >= timedelta(days=days[row.level])
    assert all(levels == list(range(1, len(levels) + 1)) for levels in campaigns.values())
    assert max(map(len, campaigns.values())) == 4


def test_a_users_campaigns_never_overlap(history: Connection) -> None:
    """B2"""
    theirs = defaultdict(list)
    for row in rows(history, CAMPAIGNS):
        theirs[row.userId].append(row)
    pairs = [pair for each in theirs.values() for pair in pairwise(each)]
    assert pairs
    assert all(earlier.closedAt and earlier.closedAt <= later.campaignStartDate for earlier, later in pairs)


def test_a_user_with_a_dog_reads_its_name(history: Connection) -> None:
    """C3"""
    named = [row for row in rows(history, NOTIFICATIONS) if row.dog]
    assert named
    assert all(row.dog in row.title + row.body for row in named)


def test_returns_are_steps_that_people_made(history: Connection) -> None:
    """B4"""
    query = """SELECT count(*) FROM "ReengagementCampaign" c WHERE c.returned AND NOT EXISTS (
        SELECT FROM "UserStep" s JOIN "UserTraining" t ON t.id = s."userTrainingId"
        WHERE t."userId" = c."userId" AND s.status = 'COMPLETED' AND s."updatedAt" = c."returnedAt")"""
    assert history.execute(text(query)).scalar_one() == 0


def test_history_ends_before_now_and_todays_run_is_done(history: Connection) -> None:
    (row,) = rows(history, 'SELECT max("updatedAt") AS step FROM "UserStep"')
    assert row.step < UNTIL
    done = rows(history, 'SELECT * FROM "ReengagementRun" ORDER BY id')
    assert len(done) == DAYS
    assert {run.state for run in done} == {"done"}
    assert done[-1].localDate == UNTIL.date()
    assert done[-1].startedAt == done[-1].now == datetime(2026, 3, 20, 5)


def test_some_are_due_since_the_last_run_at_every_level(
    lived: tuple[Engine, Settings, simulate.Simulated],
) -> None:
    engine, settings, _ = lived
    plan = planner.dry_run(engine, settings, now=UNTIL)
    assert plan.new_campaigns > 0
    assert {one.level for one in plan.reminders} == {1, 2, 3, 4}


def test_people_who_never_come_back_by_themselves_nor_click_never_return(
    engine: Engine, settings: Settings
) -> None:
    steady = {"practice_low": 1.0, "practice_high": 1.0}
    never = {"return_a_day": 0.0, "return_floor": 0.0, "return_after_click": 0.0, "return_after_shown": 0.0}
    done = live(engine, settings, behaviour=simulate.Behaviour(**steady, **never, lapse=0.2))
    assert done.sent > 0
    assert done.returned == 0


@pytest.mark.parametrize("users", [0, 1, 5])
@pytest.mark.parametrize("days", [1, 3])
def test_the_smallest_product_at_the_very_stroke_of_midnight_is_one_too(
    engine: Engine, settings: Settings, users: int, days: int
) -> None:
    midnight = datetime(2026, 3, 19, 21)
    done = live(engine, settings, users=users, days=days, until=midnight)
    assert (done.users, done.campaigns) == (users, 0)
    with engine.connect() as connection:
        last = rows(connection, 'SELECT * FROM "ReengagementRun" ORDER BY id')[-1]
        assert (last.kind, last.state, last.localDate) == ("scheduled", "done", datetime(2026, 3, 20).date())
        assert not runs.is_due(connection, Rules(), midnight + timedelta(hours=8))


def story(engine: Engine) -> list[tuple[Any, ...]]:
    """Everything that was planned and what became of it."""
    with engine.connect() as connection:
        query = NOTIFICATIONS.replace("n.*", "n.id, n.title, n.body, n.sent, n.clicked, c.returned")
        return [tuple(row) for row in rows(connection, query)]


@pytest.mark.long
def test_the_same_seed_gives_the_same_history_and_another_seed_another(
    engine: Engine, settings: Settings, cluster_url: str, clones: Clones
) -> None:
    stories = []
    with engine.begin() as connection:  # each installation has a salt of its own
        connection.execute(
            text("""UPDATE "ReengagementSetting" SET value = '"another"' WHERE name = 'salt'""")
        )
    live(engine, settings, seed=7)
    for seed in (7, 8):
        name = clones.take()
        other = database.make_engine(database_named(cluster_url, name))
        live(other, parse({"DATABASE_URL": database_named(cluster_url, name)}), seed=seed)
        stories.append(story(other))
        other.dispose()
        clones.drop(name)
    assert story(engine) == stories[0] != stories[1]
    assert stories[0]


def test_a_product_with_users_is_refused_and_left_as_it_is(engine: Engine, settings: Settings) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO "User" (id, username, password, role, "createdAt", "updatedAt")'
                " VALUES ('alice', 'Алиса', '', 'USER', now(), now())"
            )
        )
    with pytest.raises(simulate.NotEmpty, match="empty"):
        live(engine, settings)
    with engine.connect() as connection:
        assert connection.execute(text('SELECT count(*) FROM "User"')).scalar_one() == 1
        assert connection.execute(text('SELECT count(*) FROM "UserStep"')).scalar_one() == 0


@pytest.mark.parametrize(
    ("until", "last"),
    [
        (datetime(2026, 3, 20, 5, 1, 1), datetime(2026, 3, 20, 5)),
        (datetime(2026, 3, 20, 5, 0, 59), datetime(2026, 3, 19, 21)),
        (datetime(2026, 3, 20, 20, 59), datetime(2026, 3, 20, 5)),
        (datetime(2026, 3, 20, 21, 1), datetime(2026, 3, 20, 21)),
    ],
)
def test_todays_run_was_at_its_hour_if_that_is_past_else_at_midnight(until: datetime, last: datetime) -> None:
    times = run_times(Rules(), until, 10)
    assert len(times) == 10
    assert times[-1] == last
    assert all(later > earlier for earlier, later in pairwise(times))


def test_who_is_pinned_stops_at_the_very_moment_and_never_comes_back() -> None:
    crowd = Crowd(50, 0, 40 * DAY, simulate.Behaviour(return_a_day=1.0, first_day_share=1.0), seed=1)
    for day in range(10):
        crowd.live(day * DAY, (day + 1) * DAY, weekend=False)
    pinned = crowd.pin([10 * DAY + 5, 10 * DAY + 9])
    assert [session.at for session in pinned] == [10 * DAY + 5, 10 * DAY + 9]
    for one in pinned:
        crowd.make_appointment(one.user, 12 * DAY)
    later = [
        each.user for day in range(10, 40) for each in crowd.live(day * DAY, (day + 1) * DAY, weekend=True)
    ]
    assert later
    assert not {one.user for one in pinned} & set(later)


def test_a_simulated_push_service_answers_the_same_post_alike_and_a_dead_phone_with_410() -> None:
    behaviour = simulate.Behaviour(phone_life=30.0, hiccup=0.3, lost_answer=0.3)
    postal = Postal(behaviour, 1, UNTIL)
    posts = [Message(f"https://push.invalid/{n}", {}, b"", 60, f"topic-{n}") for n in range(200)]
    for post in posts:
        postal.add_phone(post.endpoint, UNTIL - timedelta(days=10))

    async def answers(order: list[Message]) -> dict[str, str]:
        return {post.endpoint: (await postal.post(post)).reason for post in order}

    first = asyncio.run(answers(posts))
    assert first == asyncio.run(answers(posts[::-1]))
    assert set(first.values()) == {"http_201", "http_410", "http_429", "http_503", "timeout"}
    postal.now = UNTIL + timedelta(days=3650)
    assert set(asyncio.run(answers(posts)).values()) == {"http_410"}
