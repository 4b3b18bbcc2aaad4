"""Clicks and *shown*: signed references, counted once, and what they tell of an unknown delivery (G1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, event, insert, select, text

from reengagement import clicks, references
from reengagement.errors import BadReference, NotMigrated
from reengagement.settings import parse
from reengagement.tables import campaign, delivery, notification, setting
from tests.records import NOON, add_campaign, add_notification, days

SECRET = "s" * 32
LATER = NOON + timedelta(minutes=5)


def row_of(connection: Connection, notification_id: str) -> Any:
    return connection.execute(select(notification).where(notification.c.id == notification_id)).one()


def add_sent(connection: Connection, user_id: str = "alice") -> str:
    return add_notification(connection, add_campaign(connection, user_id), sent_at=NOON)


def add_unknown(connection: Connection, user_id: str = "alice") -> str:
    """Insert a notification of a run whose only delivery got no answer."""
    owner = add_campaign(connection, user_id)
    one = add_notification(connection, owner, queued_at=NOON, settled_at=NOON, outcome="unknown")
    connection.execute(
        insert(delivery).values(
            notification_id=one,
            subscription_id="s1",
            endpoint_hash=one.encode(),
            push_service="https://fcm.googleapis.com",
            state="unknown",
            reason="timeout",
            queued_at=NOON,
            next_attempt_at=NOON,
            expires_at=NOON + days(1),
            posted_at=NOON,
            settled_at=NOON,
        )
    )
    return one


# --- References ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notification_id", ["n1", "cm3x9k2b00001:2", "ид с пробелом/?#", ""])
def test_a_reference_names_one_notification_and_fits_a_url(notification_id: str) -> None:
    reference = references.make(SECRET, notification_id, NOON)
    assert re.fullmatch(r"[\w.-]{1,200}", reference)
    assert references.read(SECRET, reference, NOON - days(1)) == notification_id


def test_a_reference_expires_at_its_time() -> None:
    reference = references.make(SECRET, "n1", NOON)
    assert references.read(SECRET, reference, NOON - timedelta(milliseconds=1)) == "n1"
    with pytest.raises(BadReference, match="expired"):
        references.read(SECRET, reference, NOON)


def test_a_forged_reference_is_refused() -> None:
    reference = references.make(SECRET, "n1", NOON + days(1))
    head, _, signature = reference.rpartition(".")
    other = references.make("t" * 32, "n1", NOON + days(1))
    forged = (
        other,
        f"{head}.",
        f"{head}x.{signature}",
        f"{head}.{signature[:-2]}",
        head,
        f"{reference}{reference}",
    )
    for one in (*forged, "", ".", "a.b", "\x00", "ы.ы", "." * 511, "x" * 600):
        with pytest.raises(BadReference, match="ours"):
            references.read(SECRET, one, NOON)


def test_no_byte_of_a_reference_can_be_changed() -> None:
    reference = references.make(SECRET, "n1", NOON + days(1))
    read = 0
    for at, sign in enumerate(reference):
        changed = reference[:at] + ("A" if sign != "A" else "B") + reference[at + 1 :]
        try:
            assert references.read(SECRET, changed, NOON) == "n1"
            read += 1
        except BadReference:
            pass
    assert read <= 2  # the last sign of each part has bits that mean nothing


def test_the_secret_is_the_one_set_else_the_one_of_the_migration(connection: Connection) -> None:
    assert references.secret_of(connection, parse({"REENGAGEMENT_SECRET": "x" * 40})) == "x" * 40
    stored = references.secret_of(connection, parse({}))
    assert len(stored) >= 32
    connection.execute(delete(setting).where(setting.c.name == "secret"))
    with pytest.raises(NotMigrated, match="migrate"):
        references.secret_of(connection, parse({}))


# --- Counting --------------------------------------------------------------------------------------------


def test_a_click_is_counted_once_with_its_first_time(connection: Connection) -> None:
    one = add_sent(connection)
    assert clicks.record_clicks(connection, [(one, LATER)]) == 1
    assert clicks.record_clicks(connection, [(one, LATER + days(1)), (one, NOON)]) == 0
    row = row_of(connection, one)
    assert (row.clicked, row.clicked_at) == (True, LATER)


def test_of_several_reports_at_once_the_earliest_counts(connection: Connection) -> None:
    one, other = add_sent(connection), add_sent(connection, "bob")
    reports = [(one, LATER), (other, LATER), (one, NOON), (one, LATER)]
    assert clicks.record_clicks(connection, reports) == 2
    assert row_of(connection, one).clicked_at == NOON
    assert row_of(connection, other).clicked_at == LATER


def test_a_notification_is_shown_once(connection: Connection) -> None:
    one = add_sent(connection)
    assert clicks.record_shown(connection, [(one, LATER)]) == 1
    assert clicks.record_shown(connection, [(one, LATER + days(1))]) == 0
    row = row_of(connection, one)
    assert (row.opened, row.opened_at, row.clicked) == (True, LATER, False)


def test_a_click_implies_shown_and_leaves_an_earlier_time_as_it_is(connection: Connection) -> None:
    unseen, seen = add_sent(connection), add_sent(connection, "bob")
    clicks.record_shown(connection, [(seen, NOON)])
    clicks.record_clicks(connection, [(unseen, LATER), (seen, LATER)])
    assert (row_of(connection, unseen).opened, row_of(connection, unseen).opened_at) == (True, LATER)
    assert row_of(connection, seen).opened_at == NOON
    assert clicks.record_shown(connection, [(unseen, LATER + days(1))]) == 0


def test_nothing_and_the_unknown_change_nothing(connection: Connection) -> None:
    one = add_sent(connection)
    for record in (clicks.record_clicks, clicks.record_shown):
        assert record(connection, []) == 0
        assert record(connection, [("no such notification", NOON)]) == 0
    assert not row_of(connection, one).clicked


@pytest.mark.parametrize("record", [clicks.record_clicks, clicks.record_shown])
def test_a_report_turns_an_unknown_delivery_into_the_truth(connection: Connection, record: Any) -> None:
    """D5: nobody was reminded a second time, and the click's notification counts as sent."""
    one = add_unknown(connection)
    record(connection, [(one, LATER)])
    row = row_of(connection, one)
    assert (row.sent, row.success_count, row.outcome) == (True, 1, "sent")
    assert connection.execute(select(delivery.c.state)).scalar_one() == "accepted"
    assert connection.execute(select(campaign.c.total_sent)).scalar_one() == 1
    record(connection, [(one, LATER + days(1))])
    assert connection.execute(select(campaign.c.total_sent)).scalar_one() == 1


def test_a_thousand_clicks_take_as_many_statements_as_one(connection: Connection) -> None:
    add_sent(connection, "alice")
    multiply(connection, campaign, id="id || n", userId='"userId" || n')
    multiply(connection, notification, id="id || n", campaignId='"campaignId" || n')
    ids = connection.execute(select(notification.c.id)).scalars().all()
    assert len(ids) == 1001
    statements = []
    for some in (ids[:1], ids[1:]):
        with counting(connection) as seen:
            assert clicks.record_clicks(connection, [(one, LATER) for one in some]) == len(some)
        statements.append(len(seen))
    assert statements[0] == statements[1]


def multiply(connection: Connection, table: Table, **keys: str) -> None:
    """Insert each row of a table a thousand times more, with other keys."""
    names = [column.name for column in table.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(keys.get(name, f'"{name}"') for name in names)
    many = f'SELECT {values} FROM "{table.name}", generate_series(1, 1000) n'
    connection.execute(text(f'INSERT INTO "{table.name}" ({columns}) {many}'))


@contextmanager
def counting(connection: Connection) -> Iterator[list[str]]:
    """Yield a list that grows with each statement on the connection."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)
