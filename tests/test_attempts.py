"""Guessing passwords is limited by account and by address, across processes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from reengagement import attempts
from reengagement.tables import sign_in_attempt
from tests.records import NOON


def test_the_fifth_attempt_on_an_account_may_be_made_and_the_sixth_not(connection):
    """Wherever it comes from, and however the name is written."""
    tries = [attempts.take(connection, "Boss" if n % 2 else "boss", f"10.0.0.{n}", NOON) for n in range(6)]
    assert tries == [True] * 5 + [False]
    assert attempts.take(connection, "other", "10.0.0.1", NOON)


def test_an_address_has_twenty_attempts_whatever_it_tries(connection):
    tries = [attempts.take(connection, f"account-{n}", "10.0.0.1", NOON) for n in range(21)]
    assert tries == [True] * 20 + [False]
    assert not attempts.take(connection, None, "10.0.0.1", NOON)
    assert attempts.take(connection, "account-0", "10.0.0.2", NOON)


def test_after_a_quarter_of_an_hour_one_may_try_again_however_impatient_one_was(connection):
    for _ in range(5):
        attempts.take(connection, "boss", "10.0.0.1", NOON)
    almost = NOON + timedelta(minutes=15, milliseconds=-1)
    assert not attempts.take(connection, "boss", "10.0.0.1", almost)
    assert attempts.take(connection, "boss", "10.0.0.1", NOON + timedelta(minutes=15))
    assert connection.execute(select(func.count()).select_from(sign_in_attempt)).scalar_one() == 1


def test_who_got_in_starts_afresh(connection):
    for _ in range(5):
        attempts.take(connection, "boss", "10.0.0.1", NOON)
    attempts.forget(connection, "Boss")
    assert attempts.take(connection, "boss", "10.0.0.1", NOON)


def test_of_twenty_attempts_at_once_five_are_made(engine):
    def guess(number: int) -> bool:
        with engine.begin() as connection:
            return attempts.take(connection, "boss", f"10.0.{number}.1", NOON)

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(guess, range(20))) == attempts.PER_ACCOUNT


@pytest.mark.parametrize(
    ("address", "counted_by"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_is_counted_by_who_has_it(address, counted_by):
    assert attempts.network_of(address) == counted_by
