"""The host's own accounts (F1): name or e-mail and password, and no way to tell who is an admin."""

import statistics
import time

import bcrypt
import pytest
from sqlalchemy import text

from reengagement import accounts, host
from reengagement.accounts import Account
from reengagement.errors import HostError
from reengagement.host.dog_training import Tables

COST = 4
PASSWORD = "лапы-в-руки"


def hashed(password: str | bytes, prefix: str = "2b", cost: int = COST) -> str:
    given = password.encode() if isinstance(password, str) else password
    return bcrypt.hashpw(given, bcrypt.gensalt(cost)).decode().replace("$2b$", f"${prefix}$")


def add(connection, user_id, password_hash, role="ADMIN", name=None, email=None):
    connection.execute(
        text(
            'INSERT INTO "User" (id, username, email, password, role, "createdAt", "updatedAt")'
            " VALUES (:id, :name, :email, :hash, :role, now(), now())"
        ),
        {"id": user_id, "name": name or user_id, "email": email, "hash": password_hash, "role": role},
    )


def enter(connection, name, password):
    candidate = accounts.find(connection, host.connect("dog_training", connection), name)
    return candidate.account if accounts.matches(candidate, password) else None


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
@pytest.mark.parametrize("name", ["boss", "Boss@Example.org", "boss@example.org"])
def test_user_name_or_email_and_password_let_an_admin_in(connection, prefix, name):
    add(connection, "boss", hashed(PASSWORD, prefix), email="boss@example.org")
    assert enter(connection, name, PASSWORD) == Account("boss", "boss")
    assert enter(connection, name, PASSWORD + " ") is None


def test_who_is_no_admin_does_not_get_in(connection):
    add(connection, "user", hashed(PASSWORD), role="USER")
    add(connection, "almost", hashed(PASSWORD), role="admin ")
    assert [enter(connection, name, PASSWORD) for name in ("user", "almost", "nobody", "")] == [None] * 4


def test_a_user_name_wins_over_the_same_email_of_another(connection):
    add(connection, "a", hashed("of a"), email="twin@example.org")
    add(connection, "b", hashed("of b"), name="twin@example.org")
    assert enter(connection, "twin@example.org", "of b") == Account("b", "twin@example.org")
    assert enter(connection, "twin@example.org", "of a") is None


def test_a_password_longer_than_bcrypt_reads_works_as_on_the_host(connection):
    """72 bytes count, which may end within a letter."""
    long = "ж" * 50
    add(connection, "boss", hashed(long.encode()[:72]))
    assert enter(connection, "boss", long)
    assert enter(connection, "boss", "ж" * 36)
    assert not enter(connection, "boss", "ж" * 35)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "!",
        "plain text",
        PASSWORD,
        "$2b$10$tooshort",
        f"$2b$31${'.' * 53}",
        f"$2b$03${'.' * 53}",
        f"$2x$04${'.' * 53}",
        f"$2b$04${'z' * 53}",
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA",
        pytest.param(hashed(PASSWORD) + "\n", id="a line after it"),  # salted: two workers would disagree
    ],
)
def test_what_is_no_bcrypt_hash_lets_nobody_in_and_breaks_nothing(connection, stored):
    add(connection, "boss", stored)
    assert [enter(connection, "boss", given) for given in (PASSWORD, "", stored)] == [None] * 3


@pytest.mark.parametrize(
    "given",
    ["", "\x00", "\ud800", PASSWORD + "\x00", "x" * 10_000],
    ids=["nothing", "zero", "surrogate", "a zero after it", "long"],
)
def test_odd_passwords_are_refused(connection, given):
    add(connection, "boss", hashed(PASSWORD))
    add(connection, "empty", hashed(""))
    assert enter(connection, "boss", given) is None
    assert enter(connection, "empty", given) is None


@pytest.mark.parametrize("name", ["\x00", "boss\x00", "' OR ''='", "%", "\ud800"])
def test_odd_names_are_nobodys(connection, name):
    add(connection, "boss", hashed(PASSWORD))
    assert enter(connection, name, PASSWORD) is None


def test_unknown_accounts_and_wrong_passwords_take_the_same_time(connection):
    """At the cost that this host's hashes have. A check of cost 9 takes some 20 ms; not checking, none."""
    add(connection, "boss", hashed(PASSWORD, cost=9))
    add(connection, "broken", "!")
    add(connection, "user", hashed(PASSWORD, cost=9), role="USER")

    def took(name: str) -> float:
        began = time.thread_time()
        enter(connection, name, "wrong")
        return time.thread_time() - began

    tries = [{name: took(name) for name in ("boss", "nobody", "broken", "user")} for _ in range(9)]
    typical = {name: statistics.median(each[name] for each in tries) for name in tries[0]}
    assert max(typical.values()) < 1.5 * min(typical.values()), typical


def test_a_host_without_passwords_says_that_this_door_cannot_be_used(connection):
    connection.execute(text('ALTER TABLE "User" DROP COLUMN password'))
    tables = Tables(connection)
    assert connection.execute(tables.admins()).all() == []
    with pytest.raises(HostError, match=r'"User" has no column "password".*Take accounts out of'):
        accounts.find(connection, tables, "boss")
