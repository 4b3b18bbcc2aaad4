"""How often one may try to sign in: so many times an account, so many times an address, in 15 minutes.

Kept in the database, so that it holds across processes, and for the time of the window only.
"""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, cast, delete, func, insert, or_, select

from reengagement.tables import sign_in_attempt

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 5
PER_ADDRESS = 20

IPV6_PREFIX = 64
"""Bits of an IPv6 address that tell who it is: whoever has one has all that begin alike."""


def take(connection: Connection, account: str | None, address: str, now: datetime) -> bool:
    """Count one attempt on `account` (None where there is none) from `address`; tell whether it may be made.

    Attempts beyond a limit aren't counted, so nobody is locked out for longer by being impatient. Those
    that come at once take turns, or each would see only those that came before them all.
    """
    by_account = _hash("account", account.lower()) if account is not None else None
    by_address = _hash("address", network_of(address))
    _take_turns(connection, by_account, by_address)
    connection.execute(delete(sign_in_attempt).where(sign_in_attempt.c.at <= now - WINDOW))
    of_account, of_address = connection.execute(
        select(
            func.count().filter(sign_in_attempt.c.account_hash == by_account),
            func.count().filter(sign_in_attempt.c.address_hash == by_address),
        ).where(
            or_(sign_in_attempt.c.account_hash == by_account, sign_in_attempt.c.address_hash == by_address)
        )
    ).one()
    if of_account >= PER_ACCOUNT or of_address >= PER_ADDRESS:
        return False
    row = {"at": now, "account_hash": by_account, "address_hash": by_address}
    connection.execute(insert(sign_in_attempt).values(row))
    return True


def forget(connection: Connection, account: str) -> None:
    """Forget the attempts on `account`: whoever could sign in was no guesser."""
    connection.execute(
        delete(sign_in_attempt).where(sign_in_attempt.c.account_hash == _hash("account", account.lower()))
    )


def network_of(address: str) -> str:
    """Return what attempts from `address` are counted by: itself, or its network where it is IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))


def _take_turns(connection: Connection, *hashes: bytes | None) -> None:
    """Lock each hash until the transaction ends, in one order, so that two never wait for each other."""
    for key in sorted(int.from_bytes(found[:8], signed=True) for found in hashes if found):
        connection.execute(select(func.pg_advisory_xact_lock(cast(key, BigInteger))))


def _hash(kind: str, value: str) -> bytes:
    return hashlib.sha256(f"{kind}:{value}".encode(errors="surrogatepass")).digest()
