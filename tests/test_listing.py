"""The list of campaigns: filters, pages by keyset, the count; whom a search finds; a story's events."""

from __future__ import annotations

import statistics
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, text

from bench import listing, overview
from reengagement import host
from reengagement.metrics import (
    Period,
    Place,
    Wanted,
    count_campaigns,
    find_people,
    page_of_campaigns,
    person,
    story_of,
)
from reengagement.tables import delivery
from tests.records import NOON, add_campaign, add_notification, days

SIZE = 4


@pytest.fixture
def seen(connection: Connection):
    return host.connect("dog_training", connection)


def add_user(connection: Connection, user_id: str, name: str, email: str | None = None) -> None:
    connection.execute(
        text(
            'INSERT INTO "User" (id, username, email, password, role, "createdAt", "updatedAt")'
            " VALUES (:id, :name, :email, '', 'USER', :at, :at)"
        ),
        {"id": user_id, "name": name, "email": email, "at": NOON},
    )


def ids(connection, seen, **wanted) -> list[str]:
    return [row.id for row in page_of_campaigns(connection, seen, Wanted(**wanted)).rows]


def test_pages_forward_and_back_hold_each_campaign_once_also_where_many_began_together(connection, seen):
    for number in range(11):
        add_campaign(connection, f"user-{number}", NOON + days(number // 5), id=f"c{number:02}")
    newest_first = [f"c{number:02}" for number in range(10, -1, -1)]
    forward, page = [], page_of_campaigns(connection, seen, Wanted(), size=SIZE)
    assert not page.has_newer
    while True:
        forward.append([row.id for row in page.rows])
        if not page.has_older:
            break
        last = page.rows[-1]
        page = page_of_campaigns(connection, seen, Wanted(), after=Place(last.started_at, last.id), size=SIZE)
    assert [id_ for rows in forward for id_ in rows] == newest_first
    assert [len(rows) for rows in forward] == [4, 4, 3]
    back = []
    while page.has_newer:
        first = page.rows[0]
        page = page_of_campaigns(
            connection, seen, Wanted(), before=Place(first.started_at, first.id), size=SIZE
        )
        back.append([row.id for row in page.rows])
    assert back == forward[-2::-1]


def test_filters_hold_by_themselves_and_together(connection, seen):
    add_user(connection, "alice", "Алиса_100%")
    add_user(connection, "bob", "Bob", "bob@example.org")
    for n, (user, level, closed) in enumerate(
        [("alice", 1, "returned"), ("alice", 2, None), ("bob", 2, None), ("gone", 3, "exhausted")]
    ):
        add_campaign(
            connection, user, NOON + days(n), id=f"c{n}", current_level=level,
            is_active=closed is None, closed_reason=closed, returned=closed == "returned",
        )  # fmt: skip
    assert ids(connection, seen) == ["c3", "c2", "c1", "c0"]
    assert ids(connection, seen, status="active") == ["c2", "c1"]
    assert ids(connection, seen, status="returned") == ["c0"]
    assert ids(connection, seen, status="opted_out") == []
    assert ids(connection, seen, level=2) == ["c2", "c1"]
    assert ids(connection, seen, period=Period(NOON + days(1), NOON + days(3))) == ["c2", "c1"]
    assert ids(connection, seen, user="алиса") == ["c1", "c0"], "part of a name, whatever its case"
    assert ids(connection, seen, user="са_1") == ["c1", "c0"]
    assert ids(connection, seen, user="а_иса") == [], "_ is a letter, not a wildcard"
    assert ids(connection, seen, user="bob@") == ["c2"]
    assert ids(connection, seen, user="gone") == ["c3"], "by id, whom the host no longer knows"
    assert ids(connection, seen, user="alice", status="active", level=2) == ["c1"]
    assert count_campaigns(connection, seen, Wanted(level=2)) == 2
    assert count_campaigns(connection, seen, Wanted(), at_most=3) == 4, "one more: more than three"


def test_a_whole_name_is_found_before_parts_of_others(connection, seen):
    add_user(connection, "1", "Ann", "ann@example.org")
    add_user(connection, "2", "Anna")
    assert [one.user_id for one in find_people(connection, seen, " Ann ", 10)] == ["1"]
    assert [one.user_id for one in find_people(connection, seen, "an", 10)] == ["1", "2"]
    assert [one.user_id for one in find_people(connection, seen, "ann@example.org", 10)] == ["1"]
    assert find_people(connection, seen, "a", 10) == [], "one letter is no search"
    assert find_people(connection, seen, "%", 10) == []
    add_campaign(connection, "gone")
    assert [(one.user_id, one.name) for one in find_people(connection, seen, "gone", 10)] == [("gone", None)]
    assert person(connection, seen, "nobody") is None


def test_a_story_tells_everything_that_happened_in_order_and_no_endpoint(connection, seen):
    def at(minutes):
        return NOON + timedelta(minutes=minutes)

    one = add_campaign(connection, "alice", NOON, current_level=3, next_due_at=NOON + days(15),
                       window_ends_at=NOON + days(32))  # fmt: skip
    first = add_notification(
        connection, one, 1, queued_at=at(0), fanned_out_at=at(1), subscription_count=2, sent_at=at(2),
        opened_at=at(3), opened=True, clicked_at=at(4), settled_at=at(2), outcome="sent", run_id=7,
    )  # fmt: skip
    second = add_notification(
        connection, one, 2, queued_at=at(60), fanned_out_at=at(61), subscription_count=1,
        settled_at=at(62), outcome="failed", run_id=8,
    )  # fmt: skip
    for notification_id, state, reason in ((first, "accepted", "http_201"), (second, "gone", "http_410")):
        connection.execute(
            insert(delivery).values(
                notification_id=notification_id, subscription_id="s", endpoint_hash=b"secret", state=state,
                reason=reason, push_service="https://push.example", queued_at=at(1), next_attempt_at=at(1),
                expires_at=at(9),
            )
        )  # fmt: skip
    story = story_of(connection, seen, one)
    assert [(event.kind, event.level) for event in story.events()] == [
        ("opened", None),
        *[(kind, 1) for kind in ("queued", "fanned_out", "sent", "shown", "clicked")],
        *[(kind, 2) for kind in ("queued", "fanned_out", "settled")],
        ("due", 3),
        ("window_ends", None),
    ]
    assert story.events()[8].reasons == ("http_410",)
    assert "secret" not in repr(story)
    assert story_of(connection, seen, "no such campaign") is None


def test_a_closed_campaign_has_nothing_ahead(connection, seen):
    one = add_campaign(
        connection, "alice", NOON, is_active=False, closed_reason="returned", returned=True,
        closed_at=NOON + days(2), first_return_at=NOON + days(1), window_ends_at=NOON + days(32),
    )  # fmt: skip
    assert [event.kind for event in story_of(connection, seen, one).events()] == [
        "opened",
        "returned",
        "closed",
    ]


@pytest.mark.long
def test_a_page_in_the_middle_of_a_hundred_thousand_campaigns_takes_less_than_100_ms(engine, settings):
    overview.fill(engine, 100_000)
    took = listing.measure(engine, settings, times=9)
    assert statistics.median(took["a page in the middle"]) < 100
    assert statistics.median(took["in the middle, active at level 1"]) < 100
