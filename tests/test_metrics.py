"""Every figure against a history that can be counted on one's fingers."""

import timeit
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, text

from bench import overview
from reengagement import host, metrics
from reengagement.database import clock
from reengagement.metrics import Period
from reengagement.stats import Rate
from reengagement.tables import consumer, delivery, run
from tests.records import NOON, add_campaign, add_notification, days

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def history(connection):
    """Alice is active, Bob returned, Charlie opted out, Dora is exhausted, Egor is an older system's."""
    alice = add_campaign(connection, "alice", current_level=3)
    add_notification(connection, alice, 1, "emotional", sent_at=NOON, clicked_at=NOON + days(1))
    add_notification(connection, alice, 2, "educational", sent_at=NOON + days(7))
    add_notification(connection, alice, 3, "mixed", outcome="unreachable", settled_at=NOON + days(15))
    bob = add_campaign(
        connection,
        "bob",
        NOON + days(1),
        is_active=False,
        returned=True,
        closed_reason="returned",
        first_return_at=NOON + days(2),
    )
    add_notification(connection, bob, 1, "emotional", sent_at=NOON + days(1))
    charlie = add_campaign(
        connection, "charlie", NOON + days(2), is_active=False, unsubscribed=True, closed_reason="opted_out"
    )
    add_notification(connection, charlie, 1, "motivational", clicked_at=NOON + days(3))
    add_campaign(
        connection, "dora", NOON + days(3), is_active=False, current_level=4, closed_reason="exhausted"
    )
    add_campaign(connection, "egor", NOON + days(4), is_active=False)
    return connection


def test_totals_count_campaigns_and_notifications(history):
    """F2. Charlie's click implies that his reminder was sent; Alice's unreachable one was not."""
    found = metrics.totals(history)
    assert (found.campaigns, found.active, found.returned, found.opted_out) == (5, 1, 1, 1)
    assert (found.sent, found.clicked) == (4, 2)
    assert found.click_rate == Rate(2, 4)
    assert found.return_rate == Rate(1, 5)


def test_totals_of_a_period_count_campaigns_opened_and_notifications_sent_in_it(history):
    """F2. From Bob's start to just before Charlie's; Charlie's reminder, known by its click, is later."""
    found = metrics.totals(history, Period(NOON + days(1), NOON + days(2)))
    assert found == metrics.Totals(campaigns=1, active=0, returned=1, opted_out=0, sent=1, clicked=0)


def test_a_click_belongs_to_the_period_in_which_its_notification_was_sent(history):
    day_of_alice = Period(NOON, NOON + timedelta(hours=1))
    assert metrics.totals(history, day_of_alice).clicked == 1
    assert metrics.totals(history, Period(NOON + days(1), NOON + days(1.5))).clicked == 0


def test_totals_of_an_empty_database_have_no_rates(connection):
    found = metrics.totals(connection)
    assert found == metrics.Totals(0, 0, 0, 0, 0, 0)
    assert found.click_rate.share is None


def test_each_level_has_a_row_also_without_notifications(history):
    """F3."""
    assert metrics.by_level(history) == [
        metrics.LevelRow(level=1, sent=3, clicked=2, returned=1),
        metrics.LevelRow(level=2, sent=1, clicked=0, returned=0),
        metrics.LevelRow(level=3, sent=0, clicked=0, returned=0),
        metrics.LevelRow(level=4, sent=0, clicked=0, returned=0),
    ]


def test_each_message_type_has_a_row_then_those_of_an_older_system(history):
    """F3."""
    egor = add_campaign(history, "fedya")
    add_notification(history, egor, 1, "seasonal", sent_at=NOON)
    assert metrics.by_type(history) == [
        metrics.TypeRow(message_type="emotional", sent=2, clicked=1, returned=1),
        metrics.TypeRow(message_type="educational", sent=1, clicked=0, returned=0),
        metrics.TypeRow(message_type="motivational", sent=1, clicked=1, returned=0),
        metrics.TypeRow(message_type="mixed", sent=0, clicked=0, returned=0),
        metrics.TypeRow(message_type="seasonal", sent=1, clicked=0, returned=0),
    ]


def test_by_level_and_by_type_add_up_to_the_totals(history):
    whole = metrics.totals(history)
    for rows in (metrics.by_level(history), metrics.by_type(history)):
        assert (sum(row.sent for row in rows), sum(row.clicked for row in rows)) == (
            whole.sent,
            whole.clicked,
        )


def test_by_level_and_by_type_keep_to_the_period(history):
    later = Period(start=NOON + days(7))
    assert [row.sent for row in metrics.by_level(history, later)] == [0, 1, 0, 0]
    assert [row.sent for row in metrics.by_type(history, later)] == [0, 1, 0, 0]


def test_days_without_events_are_there_with_zeros(history):
    """Sent, clicked and returned count each on its own day."""
    rows = metrics.daily(history, Period.last_days(4, NOON + days(3), MOSCOW), MOSCOW)
    assert rows == [
        metrics.Day(date(2025, 3, 10), sent=1, clicked=0, returned=0, campaigns=1),
        metrics.Day(date(2025, 3, 11), sent=1, clicked=1, returned=0, campaigns=1),
        metrics.Day(date(2025, 3, 12), sent=0, clicked=0, returned=1, campaigns=1),
        metrics.Day(date(2025, 3, 13), sent=1, clicked=1, returned=0, campaigns=1),
    ]


def test_a_year_of_days_costs_no_more_than_its_rows(engine):
    """The bounds of 365 days were read anew for each row once: 100,000 campaigns took eight seconds."""
    overview.fill(engine, 2_000)
    with engine.connect() as connection:
        now = clock(connection)

        def best(number: int) -> float:
            period = Period.last_days(number, now, MOSCOW)
            return min(timeit.repeat(lambda: metrics.daily(connection, period, MOSCOW), number=1, repeat=15))

        assert best(365) < 8 * best(7) + 0.05


def test_without_bounds_days_reach_from_the_first_event_to_the_last(history):
    rows = metrics.daily(history, metrics.ALL_TIME, MOSCOW)
    assert (rows[0].date, rows[-1].date, len(rows)) == (date(2025, 3, 10), date(2025, 3, 17), 8)


def test_without_events_and_bounds_there_are_no_days(connection):
    assert metrics.daily(connection, metrics.ALL_TIME, MOSCOW) == []


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2025, 3, 10, 20, 59, 59, 999000), date(2025, 3, 10)),
        (datetime(2025, 3, 10, 21, 0), date(2025, 3, 11)),
    ],
)
def test_a_day_ends_at_local_midnight(connection, moment, day):
    """21:00 UTC is midnight in Moscow."""
    alice = add_campaign(connection, "alice")
    add_notification(connection, alice, sent_at=moment)
    period = Period.last_days(2, datetime(2025, 3, 10, 22, 0), MOSCOW)
    rows = metrics.daily(connection, period, MOSCOW)
    assert [row.date for row in rows] == [date(2025, 3, 10), date(2025, 3, 11)]
    assert [row.date for row in rows if row.sent] == [day]


@pytest.mark.parametrize("first", [date(2025, 3, 29), date(2025, 10, 25)])
@pytest.mark.parametrize("bounded", [True, False])
def test_days_are_those_of_the_zone_when_its_clocks_change(connection, first, bounded):
    """Each instant beside a midnight of Berlin's, around the Sundays of 23 and of 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    of_day = [first + timedelta(days=n) for n in range(4)]
    for day in of_day[1:]:
        begins = Period.of_days(day, day, berlin).start
        alice = add_campaign(connection, f"of {day}")
        add_notification(connection, alice, level=1, sent_at=begins - timedelta(milliseconds=1))
        add_notification(connection, alice, level=2, sent_at=begins)
    period = Period.of_days(of_day[0], of_day[-1], berlin) if bounded else metrics.ALL_TIME
    counted = {row.date: row.sent for row in metrics.daily(connection, period, berlin) if row.sent}
    assert counted == dict(zip(of_day, (1, 2, 2, 1), strict=True))


def test_the_last_days_are_calendar_days_with_today_among_them():
    period = Period.last_days(1, datetime(2025, 3, 10, 22, 30), MOSCOW)
    assert period == Period(datetime(2025, 3, 10, 21), datetime(2025, 3, 11, 21))


def test_a_day_of_23_hours_is_one_day():
    """Berlin's clocks went forward on 30 March 2025."""
    period = Period.last_days(1, datetime(2025, 3, 30, 12), ZoneInfo("Europe/Berlin"))
    assert period.end - period.start == timedelta(hours=23)


def test_recent_campaigns_come_newest_first_with_their_status(history):
    """F4."""
    history.execute(
        text(
            'INSERT INTO "User" (id, username, password, role, "createdAt", "updatedAt")'
            " VALUES ('alice', :name, '', 'USER', :now, :now)"
        ),
        {"name": "<script>alert(1)</script>", "now": NOON},
    )
    rows = metrics.recent_campaigns(history, host.connect("dog_training", history))
    assert [(row.user_id, row.status) for row in rows] == [
        ("egor", "exhausted"),
        ("dora", "exhausted"),
        ("charlie", "opted_out"),
        ("bob", "returned"),
        ("alice", "active"),
    ]
    alice = rows[-1]
    assert (alice.name, alice.level, alice.sent, alice.clicked) == ("<script>alert(1)</script>", 3, 2, 1)
    assert rows[2].name is None
    assert (rows[2].sent, rows[2].clicked) == (1, 1)


def test_no_more_recent_campaigns_than_asked_for(history):
    rows = metrics.recent_campaigns(history, host.connect("dog_training", history), limit=2)
    assert [row.user_id for row in rows] == ["egor", "dora"]


def test_the_last_run_is_the_one_that_started_last_and_met_no_other(connection):
    """E3."""
    assert metrics.last_run(connection) is None
    for kind, state in (("scheduled", "done"), ("manual", "failed"), ("scheduled", "already_running")):
        connection.execute(
            insert(run).values(
                kind=kind,
                started_by=kind,
                now=NOON,
                local_date=NOON.date(),
                started_at=NOON,
                state=state,
                error="disk full" if state == "failed" else None,
            )
        )
    found = metrics.last_run(connection)
    assert found is not None
    assert (found.kind, found.started_by, found.state, found.error) == (
        "manual",
        "manual",
        "failed",
        "disk full",
    )


def test_a_consumer_is_alive_if_it_was_seen_within_three_minutes(connection):
    """F5."""
    for name, silent in (("fresh", 179), ("silent", 180)):
        connection.execute(
            insert(consumer).values(
                id=name,
                host="web-1",
                pid=1,
                version="0.1.0",
                workers=2,
                started_at=NOON - days(1),
                seen_at=NOON - timedelta(seconds=silent),
            )
        )
    assert [row.id for row in metrics.consumers_alive(connection, NOON)] == ["fresh"]


def test_what_waits_are_notifications_not_fanned_out_and_open_deliveries(connection):
    """F5."""
    assert metrics.waiting(connection) == metrics.Waiting(0, {}, None)
    alice = add_campaign(connection, "alice")
    add_notification(connection, alice, 1, run_id=1, queued_at=NOON)
    add_notification(connection, alice, 2)
    fanned_out = add_notification(
        connection, alice, 3, run_id=1, queued_at=NOON - days(2), fanned_out_at=NOON - days(1)
    )
    for number, state in enumerate(("queued", "queued", "posting", "accepted", "unknown")):
        connection.execute(
            insert(delivery).values(
                notification_id=fanned_out,
                subscription_id=str(number),
                endpoint_hash=bytes([number]),
                push_service="https://fcm.googleapis.com",
                state=state,
                queued_at=NOON - days(1),
                next_attempt_at=NOON,
                expires_at=NOON + days(1),
            )
        )
    found = metrics.waiting(connection)
    assert found == metrics.Waiting(1, {"queued": 2, "posting": 1}, NOON - days(1))
    assert found.total == 4
