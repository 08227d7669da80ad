"""Tables whose rows are spread over the servers of a Citus cluster, by one of their columns."""

from __future__ import annotations

import psycopg
from psycopg import sql

from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.errors import SetupError

__all__ = ["altered", "distribute", "distributed_tables", "is_distributed"]

_HAS_CITUS = "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"
_DISTRIBUTED = """
SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_dist_partition p
JOIN pg_class c ON c.oid = p.logicalrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.partmethod = 'h'
"""


def distributed_tables(connection: psycopg.Connection[tuple[object, ...]]) -> frozenset[str]:
    """Qualified names of the tables that are spread; none where there is no Citus."""
    if connection.execute(_HAS_CITUS).fetchone() != (True,):
        return frozenset()
    return frozenset(str(name) for (name,) in connection.execute(_DISTRIBUTED))


def is_distributed(connection: Connection, schema: str, table: str) -> bool:
    """Whether the rows of a table are spread."""
    return f"{schema}.{table}" in distributed_tables(connection)


def distribute(connection: Connection, table: Table, column: str) -> None:
    """Spread the rows of a table that is empty. Part of the caller's transaction. Raises SetupError without Citus."""
    if connection.execute(_HAS_CITUS).fetchone() != (True,):
        raise SetupError(
            f"EPNTAP_DISTRIBUTE is {column}, but the database has no extension citus; create it there, or set "
            "EPNTAP_DISTRIBUTE to nothing."
        )
    # indexes are made in the transaction that fills the table, shard by shard of each server
    connection.execute("SELECT set_config('citus.multi_shard_modify_mode', 'sequential', true)")
    name = sql.Identifier(table.schema, table.name).as_string(None)
    connection.execute("SELECT create_distributed_table(%s, %s)", (name, column))


def altered(connection: Connection, table: Table, *changes: sql.Composable) -> None:
    """ALTER TABLE with these changes: all at once, or one by one where the rows are spread, as Citus asks."""
    alter = sql.SQL("ALTER TABLE {} ").format(sql.Identifier(table.schema, table.name))
    if is_distributed(connection, table.schema, table.name):
        for change in changes:
            connection.execute(alter + change)
    elif changes:
        connection.execute(alter + sql.SQL(", ").join(changes))
