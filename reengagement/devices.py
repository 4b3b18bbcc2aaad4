"""Devices: browsers of people who use the dashboard, to which a message can be sent as a test.

They are no users of the host: no reminder ever goes to them, and a test counts nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from reengagement import auditing, references
from reengagement.answers import Answer
from reengagement.endpoints import endpoint_hash, push_service_of
from reengagement.errors import SettingsError
from reengagement.settings import Settings
from reengagement.tables import device
from reengagement.webpush import Message, Sender, payload_of, topic_of

LINK_LIFETIME = timedelta(minutes=30)
MOST = 10
"""Devices of one person; the oldest goes for a new one."""
BETWEEN_TESTS = timedelta(seconds=3)
TTL_SECONDS = 300
"""A test that a device doesn't get within minutes is of no use."""
TIMEOUT_SECONDS = 10.0
TEST = "test"
"""Stands in the links of a test where a reminder has a signed reference, so that nothing is counted."""


@dataclass(frozen=True)
class Device:
    """A browser: `key` names it; `endpoint` and `keys` are secrets, and reach no log."""

    key: bytes
    push_service: str
    added_at: datetime
    endpoint: str
    keys: Mapping[str, Any]


def link(connection: Connection, settings: Settings, name: str, now: datetime) -> str:
    """Return the address at which `name` adds the browser that opens it, within LINK_LIFETIME."""
    secret = references.secret_of(connection, settings)
    reference = references.make(secret, name, now + LINK_LIFETIME, "device")
    return f"{settings.public_url}/reengagement/device/{reference}"


def owner(connection: Connection, settings: Settings, reference: str, now: datetime) -> str:
    """Return whose link it is. Raises BadReference if forged, damaged or expired."""
    return references.read(references.secret_of(connection, settings), reference, now, "device")


def add(connection: Connection, name: str, endpoint: str, keys: Mapping[str, str], now: datetime) -> None:
    """Add a device of `name`, whose endpoint and keys the caller has checked; a known one is renewed."""
    values = {"name": name, "endpoint": endpoint, "keys": dict(keys), "added_at": now}
    connection.execute(
        insert(device)
        .values(endpoint_hash=endpoint_hash(endpoint), **values)
        .on_conflict_do_update(index_elements=[device.c.endpoint_hash], set_=values)
    )
    newest = select(device.c.endpoint_hash).where(device.c.name == name).order_by(device.c.added_at.desc())
    connection.execute(
        delete(device).where(device.c.name == name, device.c.endpoint_hash.not_in(newest.limit(MOST)))
    )
    auditing.note(connection, name, "device_added", now, push_service=push_service_of(endpoint))


def remove(connection: Connection, name: str, key: bytes, now: datetime) -> None:
    """Remove a device of `name`, if it is there."""
    gone = connection.execute(
        delete(device)
        .where(device.c.name == name, device.c.endpoint_hash == key)
        .returning(device.c.endpoint)
    ).scalar_one_or_none()
    if gone is not None:
        auditing.note(connection, name, "device_removed", now, push_service=push_service_of(gone))


def of(connection: Connection, name: str) -> Sequence[Device]:
    """Return the devices of `name`, the newest first."""
    rows = connection.execute(
        select(device).where(device.c.name == name).order_by(device.c.added_at.desc(), device.c.endpoint_hash)
    )
    return [
        Device(
            bytes(row.endpoint_hash),
            push_service_of(row.endpoint),
            row.added_at,
            row.endpoint,
            row._mapping["keys"],
        )
        for row in rows
    ]


def may_test(connection: Connection, key: bytes, now: datetime) -> bool:
    """Note a test of the device at `now`; tell whether the one before is long enough ago."""
    rested = or_(device.c.tested_at.is_(None), device.c.tested_at <= now - BETWEEN_TESTS)
    noted = connection.execute(
        update(device).where(device.c.endpoint_hash == key, rested).values(tested_at=now)
    )
    return noted.rowcount == 1


def send(settings: Settings, one: Device, title: str, body: str, url: str) -> Answer:
    """Send a text to a device, outside any transaction; return what its push service answered.

    Takes TIMEOUT_SECONDS at most. Raises SettingsError without VAPID keys.
    """
    private_key, subject = settings.vapid_private_key, settings.vapid_subject
    if not private_key or not subject:
        raise SettingsError(
            "VAPID_PRIVATE_KEY and VAPID_SUBJECT are needed to send; make them with: "
            "python -m reengagement vapid"
        )
    message = Message(
        endpoint=one.endpoint,
        keys=one.keys,
        payload=payload_of(
            title,
            body,
            tag=TEST,
            click_url=f"{settings.public_url}/reengagement/click/{TEST}",
            shown_url="",
            landing_url=url,
            opt_out_url="",
        ),
        ttl=TTL_SECONDS,
        topic=topic_of(TEST),
    )

    async def post() -> Answer:
        origins = frozenset(settings.push_origins)
        async with Sender(private_key, subject, origins, TIMEOUT_SECONDS) as sender:
            return await sender.post(message)

    return asyncio.run(post())


def note_test(
    connection: Connection, name: str, one: Device, variant_id: str, answer: Answer, now: datetime
) -> None:
    """Note who tried which text and what became of it; a device that is gone is removed."""
    details = {"variant": variant_id, "outcome": answer.outcome, "push_service": one.push_service}
    auditing.note(connection, name, "text_tried", now, **details)
    if answer.outcome == "gone":
        remove(connection, name, one.key, now)
