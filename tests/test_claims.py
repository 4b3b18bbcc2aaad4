"""What a provider's claims are worth (F1): fresh, of an admin, and opened once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from reengagement import auditing, claims, sessions
from reengagement.settings import parse
from tests.records import NOON

OIDC = {
    "REENGAGEMENT_SIGN_IN": "oidc",
    "REENGAGEMENT_OIDC_METADATA_URL": "https://id.example.org/.well-known/openid-configuration",
    "REENGAGEMENT_OIDC_CLIENT_ID": "dashboard",
    "REENGAGEMENT_OIDC_CLIENT_SECRET": "s" * 32,
}
BY_HOST = parse(OIDC)
BY_CLAIM = parse({**OIDC, "REENGAGEMENT_OIDC_CLAIM": "roles"})


def issued(at: datetime) -> float:
    return at.replace(tzinfo=UTC).timestamp()


def said(**changes):
    return {
        "iss": "https://id.example.org",
        "sub": "42",
        "iat": issued(NOON),
        "nonce": "n-1",
        "email": "Boss@example.org",
        "email_verified": True,
        **changes,
    }


@pytest.fixture
def boss(connection):
    connection.execute(
        text(
            'INSERT INTO "User" (id, username, email, password, role, "createdAt", "updatedAt")'
            " VALUES ('u-1', 'Мария', 'boss@example.org', '', 'ADMIN', now(), now())"
        )
    )


def admitted(connection, settings=BY_HOST, now=NOON, **changes):
    return claims.admit(connection, settings, said(**changes), now)


def known(connection, settings=BY_HOST, now=NOON, **changes):
    return sessions.who(connection, settings, claims.key_of(said(**changes)), now, provider=True)


def test_an_admin_of_the_host_is_known_by_their_verified_email(connection, boss):
    assert admitted(connection) == "Мария"
    assert known(connection) == "Мария"


@pytest.mark.parametrize(
    "changes",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": "other@example.org"},
        {"email": ["boss@example.org"]},
        {"email": ""},
        {"email": "boss@example.org\x00"},
        {"roles": ["ADMIN"], "email": None},
    ],
)
def test_anyone_else_is_refused_which_is_noted_once(connection, boss, changes):
    for _ in range(3):
        assert admitted(connection, **changes) is None
    assert known(connection, **changes) is None
    assert [note.what for note in auditing.read(connection).notes] == ["sign_in_refused"]


def test_where_two_admins_share_an_email_in_different_spellings_neither_gets_in(connection, boss):
    connection.execute(
        text("""INSERT INTO "User" VALUES ('u-2', 'Пётр', 'Boss@example.org', '', 'ADMIN',
        now(), now())""")
    )
    assert admitted(connection) is None


@pytest.mark.parametrize(
    ("name", "value", "found", "is_admin"),
    [
        ("roles", "ADMIN", {"roles": ["USER", "ADMIN"]}, True),
        ("roles", "ADMIN", {"roles": "ADMIN"}, True),
        ("roles", "ADMIN", {"roles": "SUPERADMIN"}, False),
        ("roles", "ADMIN", {"roles": ["admin"]}, False),
        ("roles", "ADMIN", {"roles": {"ADMIN": True}}, False),
        ("roles", "ADMIN", {}, False),
        ("realm_access.roles", "ADMIN", {"realm_access": {"roles": ["ADMIN"]}}, True),
        ("realm_access.roles", "ADMIN", {"realm_access": "roles"}, False),
        ("https://example.org/roles", "ADMIN", {"https://example.org/roles": ["ADMIN"]}, True),
        ("is_admin", "true", {"is_admin": True}, True),
        ("is_admin", "true", {"is_admin": False}, False),
        ("is_admin", "True", {"is_admin": 1}, False),
    ],
)
def test_the_role_of_a_claim(name, value, found, is_admin):
    assert claims.has(found, name, value) is is_admin


def test_where_a_claim_decides_the_host_is_not_asked(connection):
    assert admitted(connection, BY_CLAIM, roles=["ADMIN"]) == "Boss@example.org"
    assert admitted(connection, BY_CLAIM, roles=["ADMIN"], nonce="n-2", email_verified=False) == "42"
    assert admitted(connection, BY_CLAIM, roles=["USER"], nonce="n-3") is None


@pytest.mark.parametrize(
    ("iat", "holds"),
    [
        (issued(NOON), True),
        (issued(NOON - timedelta(hours=12)) + 0.001, True),
        (issued(NOON - timedelta(hours=12)), False),
        (issued(NOON + timedelta(minutes=5)), True),
        (issued(NOON + timedelta(minutes=5, seconds=1)), False),
        (None, False),
        ("now", False),
        (True, False),
        (float("nan"), False),
        (-1, False),
        (10**30, False),
    ],
)
def test_a_sign_in_at_the_provider_holds_for_twelve_hours(connection, boss, iat, holds):
    assert (admitted(connection, iat=iat) is not None) is holds


def test_it_ends_after_twelve_hours_though_the_browser_keeps_its_cookie(connection, boss):
    admitted(connection)
    almost = NOON + timedelta(hours=12, milliseconds=-1)
    assert known(connection, now=almost) == "Мария"
    assert known(connection, now=almost + timedelta(milliseconds=1)) is None
    assert admitted(connection, now=NOON + timedelta(hours=12)) is None


def test_who_signed_out_comes_back_only_by_signing_in_again(connection, boss):
    admitted(connection)
    sessions.end(connection, claims.key_of(said()), NOON)
    assert known(connection) is None
    assert admitted(connection) is None
    assert admitted(connection, nonce="n-2") == "Мария"


def test_a_role_taken_away_on_the_host_ends_it_at_once(connection, boss):
    admitted(connection)
    connection.execute(text("""UPDATE "User" SET role = 'USER'"""))
    assert known(connection) is None
    assert admitted(connection, nonce="n-2") is None


def test_what_names_a_sign_in_opens_nothing_as_a_cookie(connection, boss):
    """It stands in addresses and logs of the provider."""
    admitted(connection)
    assert sessions.who(connection, BY_HOST, claims.key_of(said()), NOON) is None
    closed = BY_HOST.model_copy(update={"sign_in": ("link",)})
    assert known(connection, closed) is None
