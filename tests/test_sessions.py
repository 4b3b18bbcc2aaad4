"""Signing in: a link works once, a session until it ends (F1)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from reengagement import sessions
from reengagement.errors import SettingsError
from reengagement.settings import parse
from reengagement.tables import audit, session
from tests.records import NOON

SETTINGS = parse({"REENGAGEMENT_PUBLIC_URL": "https://admin.example.org/"})


def token_of(url):
    return parse_qs(urlsplit(url).query)["token"][0]


@pytest.fixture
def link(connection):
    return sessions.new_link(connection, SETTINGS, NOON)


def test_a_link_leads_to_the_public_address(link):
    assert link.startswith("https://admin.example.org/session/sign-in?token=")


def test_a_link_opens_a_session_once(connection, link):
    opened = sessions.redeem(connection, SETTINGS, token_of(link), NOON)
    assert opened is not None
    assert sessions.who(connection, SETTINGS, opened.token, NOON) == "admin"
    assert sessions.redeem(connection, SETTINGS, token_of(link), NOON) is None


def test_an_unused_link_expires_after_24_hours(connection, link):
    assert sessions.redeem(connection, SETTINGS, token_of(link), NOON + timedelta(hours=24)) is None
    opened = sessions.redeem(
        connection, SETTINGS, token_of(link), NOON + timedelta(hours=24, milliseconds=-1)
    )
    assert opened is not None


def test_a_link_is_no_session_and_a_session_no_link(connection, link):
    assert sessions.who(connection, SETTINGS, token_of(link), NOON) is None
    opened = sessions.redeem(connection, SETTINGS, token_of(link), NOON)
    assert opened is not None
    assert sessions.redeem(connection, SETTINGS, opened.token, NOON) is None


@pytest.mark.parametrize("token", ["", "nonsense", "\x00", "ю" * 10_000, "\ud800"])
def test_a_token_that_was_never_made_opens_nothing(connection, token):
    assert sessions.redeem(connection, SETTINGS, token, NOON) is None
    assert sessions.who(connection, SETTINGS, token, NOON) is None


def test_a_session_expires_after_a_week(connection, link):
    opened = sessions.redeem(connection, SETTINGS, token_of(link), NOON)
    assert opened is not None
    almost = NOON + timedelta(days=7, milliseconds=-1)
    assert sessions.who(connection, SETTINGS, opened.token, almost) == "admin"
    assert sessions.who(connection, SETTINGS, opened.token, NOON + timedelta(days=7)) is None


def test_an_ended_session_is_over(connection, link):
    opened = sessions.redeem(connection, SETTINGS, token_of(link), NOON)
    assert opened is not None
    sessions.end(connection, opened.token, NOON)
    assert sessions.who(connection, SETTINGS, opened.token, NOON) is None


def test_the_database_holds_no_token(connection, link):
    stored = connection.execute(select(session.c.token_hash)).scalars().all()
    assert token_of(link).encode() not in stored
    assert [len(value) for value in stored] == [32]


def test_a_new_link_forgets_what_has_expired(connection, link):
    sessions.new_link(connection, SETTINGS, NOON + timedelta(hours=25))
    assert connection.execute(select(func.count()).select_from(session)).scalar_one() == 1


def test_signing_in_and_out_is_on_record(connection, link):
    opened = sessions.redeem(connection, SETTINGS, token_of(link), NOON)
    assert opened is not None
    sessions.end(connection, opened.token, NOON)
    sessions.end(connection, opened.token, NOON)
    rows = connection.execute(select(audit.c.who, audit.c.what).order_by(audit.c.id)).all()
    assert rows == [("admin", "signed_in"), ("admin", "signed_out")]


def test_of_two_who_press_the_link_at_once_one_gets_in(engine):
    with engine.begin() as connection:
        token = token_of(sessions.new_link(connection, SETTINGS, NOON))

    def press(_: int) -> bool:
        with engine.begin() as connection:
            return sessions.redeem(connection, SETTINGS, token, NOON) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(press, range(8))) == 1


def test_everyone_can_be_signed_out_at_once_and_unused_links_are_withdrawn(connection, link):
    anna, boris = (sessions.begin(connection, name, NOON).token for name in ("Анна", "Борис"))
    sessions.end_all(connection, "Анна", NOON, by="command line")
    assert sessions.who(connection, SETTINGS, anna, NOON) is None
    assert sessions.who(connection, SETTINGS, boris, NOON) == "Борис"
    assert sessions.end_all(connection, None, NOON, by="command line") == 2
    assert sessions.who(connection, SETTINGS, boris, NOON) is None
    assert sessions.redeem(connection, SETTINGS, token_of(link), NOON) is None


def test_where_the_door_of_links_is_closed_none_is_made_or_used(connection, link):
    closed = SETTINGS.model_copy(update={"sign_in": ("accounts",)})
    assert sessions.redeem(connection, closed, token_of(link), NOON) is None
    with pytest.raises(SettingsError, match="a link would open nothing"):
        sessions.new_link(connection, closed, NOON)
