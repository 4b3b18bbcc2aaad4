"""The period picker: what an address means, and what becomes of junk in it."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from reengagement.dashboard.period import Chosen, read
from reengagement.metrics import ALL_TIME, Period

MOSCOW = ZoneInfo("Europe/Moscow")
LATE = datetime(2025, 3, 10, 22, 30)
"""01:30 of the 11th in Moscow."""


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("7d", Chosen(days=7)),
        ("365d", Chosen(days=365)),
        ("all", Chosen()),
        ("2025-03-01..2025-03-10", Chosen(dates=(date(2025, 3, 1), date(2025, 3, 10)))),
        ("2025-03-10..2025-03-10", Chosen(dates=(date(2025, 3, 10), date(2025, 3, 10)))),
    ],
)
def test_a_choice_is_read_back_from_its_text(text, chosen):
    assert read(text) == chosen
    assert chosen.text == text


JUNK = ["", "d", "31d", "-7d", "\u0667d", "7D", "7d\n", "<script>", "x" * 9999, "2025-03-01"]
JUNK += [
    "2025-03-10..2025-03-09",
    "2025-02-30..2025-03-01",
    "1999-12-31..2025-01-01",
    "2025-03-01..9999-12-31",
]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_no_choice(junk):
    assert read(junk) is None


def test_days_and_own_dates_are_days_of_the_time_zone():
    expected = Period(datetime(2025, 3, 9, 21), datetime(2025, 3, 11, 21))
    assert Chosen(dates=(date(2025, 3, 10), date(2025, 3, 11))).of(LATE, MOSCOW) == expected
    seven = Chosen(days=7).of(LATE, MOSCOW)
    assert seven == Period(datetime(2025, 3, 4, 21), datetime(2025, 3, 11, 21))


def test_the_period_before_is_as_long_and_ends_where_the_period_begins():
    for chosen in (Chosen(days=30, compare=True), read("2025-03-01..2025-03-10", compare=True)):
        period, before = chosen.of(LATE, MOSCOW), chosen.before(LATE, MOSCOW)
        assert before.end == period.start
        assert before.end - before.start == period.end - period.start


def test_all_time_has_nothing_before_it_nor_has_a_period_that_is_not_to_be_compared():
    assert Chosen().of(LATE, MOSCOW) == ALL_TIME
    assert Chosen(compare=True).before(LATE, MOSCOW) is None
    assert Chosen(days=7).before(LATE, MOSCOW) is None
