"""What makes a simulated year shorter, and nothing that happens in it different."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection


@contextmanager
def without_waiting_for_the_disk(engine: Engine) -> Iterator[None]:
    """Let commits not wait for the disk meanwhile: what a crash cuts off is simulated afresh anyway."""

    def relax(connection: DBAPIConnection, record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SET synchronous_commit = off")
        cursor.close()
        connection.commit()

    event.listen(engine, "connect", relax)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", relax)
        engine.dispose()
