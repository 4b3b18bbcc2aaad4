"""Bringing a database to the schema that this version of the code needs; Alembic, run from code."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from reengagement import variants
from reengagement.database import check_reachable, clock, engine_of
from reengagement.errors import NotMigrated
from reengagement.settings import Settings
from reengagement.tables import setting

VERSION_TABLE = "ReengagementAlembicVersion"
_LOCK = 0x5245454E47
"""Two processes that migrate at once take turns."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def newest() -> str:
    """Return the revision that this version of the code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current(connection: Connection) -> str | None:
    """Return the revision that the database is at; None before the first migration."""
    return MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()


def migrate(engine: Engine) -> bool:
    """Bring the database to the newest schema, tables of an older system included; tell if anything changed.

    Also seeds the message texts that are missing, the time of installation and the signing secret.
    Raises DatabaseUnreachable.
    """
    check_reachable(engine)
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        before = current(connection)
        if before != newest():
            command.upgrade(_config(connection), "head")
        now = clock(connection)
        first = {
            "installed_at": now.isoformat(),
            "secret": secrets.token_urlsafe(32),
            "salt": secrets.token_urlsafe(16),
        }
        for name, value in first.items():
            connection.execute(
                insert(setting)
                .values(name=name, value=value, updated_at=now, updated_by="migrate")
                .on_conflict_do_nothing(index_elements=[setting.c.name])
            )
        seeded = variants.seed(connection, now)
        return before != newest() or seeded > 0


def prepare(settings: Settings) -> Engine:
    """Return this process's engine on a database that is reachable and migrated.

    The embedded database migrates itself. Raises DatabaseUnreachable, NotMigrated, EmbeddedDatabaseError.
    """
    engine = engine_of(settings)
    if settings.database_url is None:
        migrate(engine)
        return engine
    check_reachable(engine)
    with engine.connect() as connection:
        check_migrated(connection)
    return engine


def check_migrated(connection: Connection) -> None:
    """Raise NotMigrated if the database isn't at the schema that this version of the code needs."""
    at = current(connection)
    if at == newest():
        return
    if at is None:
        state = "has none of this package's tables yet"
    elif at in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}:
        state = f"is at revision {at}, and this version needs {newest()}"
    else:
        raise NotMigrated(
            f"The database is at revision {at}, which this version doesn't know: a newer version has "
            "migrated it. Upgrade this installation."
        )
    raise NotMigrated(f"The database {state}. Run: python -m reengagement migrate")
