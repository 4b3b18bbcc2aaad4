"""Alembic's entry: runs on the connection that `migrate()` hands over."""

from alembic import context

from reengagement.migrations import VERSION_TABLE
from reengagement.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
