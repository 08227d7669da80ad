"""What Alembic runs to upgrade or to compare: on the connection that `upgrade` hands over, never on one of its own."""

from __future__ import annotations

from typing import Any

from alembic import context

from epntap.schema.tables import SCHEMAS, metadata
from epntap.schema.upgrade import VERSION_TABLE

__all__: list[str] = []


def _is_ours(name: str | None, kind: str, parents: Any) -> bool:  # a mapping of names that Alembic describes
    """Whether a schema or table in the database is one of those described; services have schemas of their own."""
    if kind == "schema":
        return name in SCHEMAS
    return kind != "table" or parents["schema_name"] in SCHEMAS


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema="public",
    include_schemas=True,
    include_name=_is_ours,
    compare_server_default=True,
    # an upgrade that is ended half-way keeps the versions that it reached, each of them whole
    transaction_per_migration=True,
    role_prefix=context.config.attributes["role_prefix"],
)
with context.begin_transaction():
    context.run_migrations()
