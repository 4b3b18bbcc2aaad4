"""The ways of sending that `bench.send` compares; each runs in a process of its own and prints one line.

    python -m bench.contestants NAME CONFIG

CONFIG is a JSON file: `subscriptions`, `payload`, `private_key`, `subject`, `origin`, `database_url`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pywebpush import WebPusher, webpush

from reengagement import database, delivery
from reengagement.settings import parse
from reengagement.webpush import Message, Sender, topic_of

Config = dict[str, Any]


def encryption(config: Config) -> int:
    """Encrypt only, with pywebpush: the ceiling of whoever uses it."""
    payload = config["payload"].encode()
    for subscription in config["subscriptions"]:
        WebPusher(subscription).encode(payload)
    return len(config["subscriptions"])


def naive(config: Config) -> int:
    """Call `pywebpush.webpush()` in a loop, as its README does."""
    accepted = 0
    for subscription in config["subscriptions"]:
        answer = webpush(
            subscription,
            config["payload"],
            vapid_private_key=config["private_key"],
            vapid_claims={"sub": config["subject"]},
            ttl=86400,
        )
        accepted += answer.status_code == 201
    return accepted


def posting(config: Config) -> int:
    """Encrypt and post with our Sender, 200 in flight, without a database."""

    async def all_of_them() -> int:
        origins = frozenset({config["origin"]})
        async with Sender(config["private_key"], config["subject"], origins) as sender:
            rest = iter(config["subscriptions"])

            async def lane() -> int:
                accepted = 0
                for one in rest:
                    payload = config["payload"].encode()
                    message = Message(one["endpoint"], one["keys"], payload, 86400, topic_of(one["endpoint"]))
                    accepted += (await sender.post(message)).outcome == "accepted"
                return accepted

            return sum(await asyncio.gather(*(lane() for _ in range(200))))

    return asyncio.run(all_of_them())


def whole_path(config: Config) -> int:
    """Drain: fan out, claim, check, encrypt, post, settle in PostgreSQL; one process."""
    settings = parse(
        {
            "DATABASE_URL": config["database_url"],
            "VAPID_PRIVATE_KEY": config["private_key"],
            "VAPID_SUBJECT": config["subject"],
            "REENGAGEMENT_PUSH_ORIGINS": config["origin"],
        }
    )
    return delivery.drain(database.engine_of(settings), settings).accepted


CONTESTANTS: dict[str, Callable[[Config], int]] = {
    "encryption": encryption,
    "naive": naive,
    "posting": posting,
    "ours": whole_path,
}


def main(name: str, path: str) -> None:
    """Run one contestant and print what it took: CPU of this process, all threads, and wall seconds."""
    config = json.loads(Path(path).read_text())
    wall, cpu = time.monotonic(), time.process_time()
    accepted = CONTESTANTS[name](config)
    took = {"accepted": accepted, "cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}
    sys.stdout.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
