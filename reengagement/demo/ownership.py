"""Whether a database is a demo's: only such a one is filled, shown to everyone, or thrown away."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, select, text

from reengagement.demo import fill
from reengagement.demo.place import DemoError
from reengagement.tables import metadata, setting

HOST_TABLES = (
    "User",
    "Profile",
    "UserTraining",
    "UserStep",
    "Course",
    "UserCourse",
    "CourseReview",
    "PushSubscription",
    "ReengagementSettings",
)
"""What `sample.create_host_tables` makes."""


def refuse_foreign(engine: Engine) -> None:
    """Raise DemoError if the database holds users who aren't a demo's.

    A demo would remind them, with keys that their phones don't know, and let everyone look.
    """
    with engine.connect() as connection:
        if _exists(connection, "User") and not _is_marked(connection):
            users = connection.execute(text('SELECT EXISTS (SELECT FROM "User")')).scalar_one()
            if users:
                raise DemoError(
                    f"The database {engine.url.database!r} has users already, and no demo put them there: "
                    "the demo would send to them. Name an empty database in DATABASE_URL, or none."
                )


def throw_away(engine: Engine) -> bool:
    """Empty a demo's database, ours and the sample's tables; tell if there was anything to throw away.

    Raises DemoError if the database isn't a demo's.
    """
    refuse_foreign(engine)
    with engine.begin() as connection:
        if not _is_marked(connection):
            return False
        names = [name for name in (*HOST_TABLES, *metadata.tables) if _exists(connection, name)]
        connection.execute(text(f"TRUNCATE {', '.join(map(_quoted, names))} RESTART IDENTITY"))
        return True


def move_phones(connection: Connection, origin: str) -> None:
    """Let the sample's subscriptions lead to the push service at `origin`: its port may have been taken."""
    connection.execute(
        text(
            """UPDATE "PushSubscription"
               SET endpoint = regexp_replace(endpoint, '^http://127\\.0\\.0\\.1:[0-9]+', :origin)
               WHERE endpoint ~ '^http://127\\.0\\.0\\.1:[0-9]+/push/'
                 AND NOT starts_with(endpoint, :within)"""
        ),
        {"origin": origin, "within": origin + "/"},
    )


def _is_marked(connection: Connection) -> bool:
    if not _exists(connection, setting.name):
        return False
    mark = select(setting.c.name).where(setting.c.name == fill.MARK)
    return connection.execute(mark).scalar_one_or_none() is not None


def _exists(connection: Connection, table: str) -> bool:
    found = text("SELECT to_regclass(:name) IS NOT NULL")
    return bool(connection.execute(found, {"name": _quoted(table)}).scalar_one())


def _quoted(name: str) -> str:
    return f'"{name}"'
