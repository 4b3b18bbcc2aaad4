"""Strikes: rejections in a row of single subscriptions, and which of them are to be removed for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, LargeBinary, Text, delete, select
from sqlalchemy.dialects.postgresql import insert

from reengagement.arrays import any_of
from reengagement.tables import push_origin, strike

STRIKES = 5


class Strike(NamedTuple):
    """Whose a rejection was: the push service that gave it, and its status."""

    push_service: str
    status: int


def wipe(connection: Connection, accepted: Collection[bytes]) -> None:
    """Forget the strikes of subscriptions, by endpoint hash, that were accepted."""
    if accepted:
        connection.execute(delete(strike).where(strike.c.endpoint_hash == any_of(LargeBinary, accepted)))


def strike_out(connection: Connection, struck: Mapping[bytes, Strike], now: datetime) -> set[bytes]:
    """Count rejections by endpoint hash; return those with STRIKES in a row whose fault they are.

    That is where their push service has accepted others since the first of them. One that has refused
    everybody since is our own fault: it takes nobody's subscription away.
    """
    if not struck:
        return set()
    counted = insert(strike).values(
        [
            {
                "endpoint_hash": each,
                "push_service": one.push_service,
                "strikes": 1,
                "status_code": one.status,
                "first_at": now,
                "updated_at": now,
            }
            for each, one in sorted(struck.items())
        ]
    )
    rows = connection.execute(
        counted.on_conflict_do_update(
            index_elements=[strike.c.endpoint_hash],
            set_={
                "strikes": strike.c.strikes + 1,
                "status_code": counted.excluded.status_code,
                "updated_at": now,
            },
        ).returning(strike.c.endpoint_hash, strike.c.push_service, strike.c.strikes, strike.c.first_at)
    )
    due = [row for row in rows if row.strikes >= STRIKES]
    accepted_at = _accepted_at(connection, {row.push_service for row in due})
    return {
        bytes(row.endpoint_hash)
        for row in due
        if (accepted := accepted_at.get(row.push_service)) is not None and accepted >= row.first_at
    }


def _accepted_at(connection: Connection, origins: Collection[str]) -> dict[str, datetime | None]:
    if not origins:
        return {}
    rows = connection.execute(
        select(push_origin.c.origin, push_origin.c.accepted_at).where(
            push_origin.c.origin == any_of(Text, origins)
        )
    )
    return {row.origin: row.accepted_at for row in rows}
