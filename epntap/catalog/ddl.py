"""Statements that make and change the table of a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import psycopg
from psycopg import sql

from epntap.catalog.distributed import altered, is_distributed
from epntap.catalog.indexes import RETIRED_INDEXES, TIME_SPAN, Index, indexes_of
from epntap.catalog.model import Column, Table
from epntap.connection import Connection
from epntap.errors import SetupError

__all__ = [
    "LOCK_TIMEOUT_S",
    "add_columns",
    "create_indexes",
    "create_table",
    "define_table",
    "drop_retired_indexes",
    "needs_vacuum",
    "sql_name",
    "stored_columns",
    "with_indexed_columns",
]


#: ALTER TABLE waits for running queries, and everybody else waits behind it: so not for long
LOCK_TIMEOUT_S = 2.0


def with_indexed_columns(table: Table) -> Table:
    """The table with `indexed` set on the columns that the primary key or an index serves."""
    served = set(table.primary_key)
    for index in indexes_of(table):
        if not index.extension:
            served.update(index.columns)
    return replace(table, columns=tuple(replace(column, indexed=column.name in served) for column in table.columns))


def stored_columns(connection: Connection, table: Table) -> Mapping[str, str]:
    """Column name -> PostgreSQL type of the table as it is in the database, in its order; empty if there is none."""
    # by name and not by to_regclass(), which fails on a schema that is somebody else's
    rows = connection.execute(
        """
        SELECT a.attname, format_type(a.atttypid, a.atttypmod)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
        """,
        (table.schema, table.name),
    )
    return dict(rows.fetchall())


def needs_vacuum(connection: Connection, schema: str, table: str) -> bool:
    """Whether a table was written since its statistics were taken."""
    # counts of changes are passed on once a second otherwise, and a short run is over by then
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute(
        """
        SELECT c.reltuples < 0 OR coalesce(s.n_mod_since_analyze > 0 OR s.n_dead_tup > 0, true)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
        WHERE n.nspname = %s AND c.relname = %s
        """,
        (schema, table),
    ).fetchone()
    return row is None or bool(row[0])


def create_table(connection: Connection, table: Table) -> None:
    """Make the table, and its schema if need be; indexes can follow the rows. Part of the caller's transaction."""
    (owner,) = connection.execute("SELECT current_user").fetchone() or ("",)
    try:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(table.schema)))
        define_table(connection, table)
        connection.execute("SELECT archive.grant_published(%s, %s)", (table.schema, table.name))
    except psycopg.errors.InsufficientPrivilege as exc:
        raise SetupError(
            f"Schema {table.schema} exists in the database and belongs to somebody else; "
            f"choose another schema or give it to the role {owner}."
        ) from exc


def define_table(connection: Connection, table: Table) -> None:
    """Make the table alone, in a schema that is there, for whoever may."""
    columns = sql.SQL(", ").join(_column_definition(column) for column in table.columns)
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql_name(table), columns))


def create_indexes(connection: Connection, table: Table, indexes: Sequence[Index] | None = None) -> None:
    """Make the primary key and those indexes that are missing: of epn_core, or these. Part of the caller's transaction.

    Readers are not hindered. Raises psycopg.errors.UniqueViolation when two rows have the same key.
    """
    if table.primary_key and not _has_primary_key(connection, table):
        key = sql.SQL(", ").join(sql.Identifier(name) for name in table.primary_key)
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})").format(
                sql_name(table), sql.Identifier(f"{table.name}_pkey"), key
            )
        )
    existing = _index_names(connection, table)
    spread = is_distributed(connection, table.schema, table.name)
    for index in indexes_of(table) if indexes is None else indexes:
        name = f"{table.name}_{index.name}"
        if spread and index.expression == TIME_SPAN:
            continue  # of a type of ours, which Citus does not pass on; who asks such a table does without
        if name not in existing and (operator_class := _operator_class(connection, index)) is not None:
            _create_index(connection, table, name, index, operator_class)


def rename_table(connection: Connection, table: Table, name: str) -> None:
    """Give a table another name, and its indexes that are called after it. Part of the caller's transaction."""
    for index in sorted(_index_names(connection, table)):
        if index.startswith(f"{table.name}_"):
            connection.execute(
                sql.SQL("ALTER INDEX {} RENAME TO {}").format(
                    sql.Identifier(table.schema, index), sql.Identifier(name + index.removeprefix(table.name))
                )
            )
    connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql_name(table), sql.Identifier(name)))


def drop_retired_indexes(connection: Connection, table: Table) -> None:
    """Drop the indexes that others have replaced; outside any transaction. Readers are not hindered, but waited for."""
    existing = _index_names(connection, table)
    for name in (f"{table.name}_{retired}" for retired in RETIRED_INDEXES):
        if name in existing:
            connection.execute(
                sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(table.schema, name))
            )


def _create_index(
    connection: Connection, table: Table, name: str, index: Index, operator_class: sql.Composable
) -> None:
    parameters = sql.SQL(f" WITH ({index.parameters})" if index.parameters else "")  # constants of epntap.catalog
    connection.execute(
        sql.SQL("CREATE INDEX {} ON {} USING {} ({} {}){}{}").format(
            sql.Identifier(name),
            sql_name(table),
            sql.SQL(index.method),
            index.target,
            operator_class,
            parameters,
            index.condition,
        )
    )


def _operator_class(connection: Connection, index: Index) -> sql.Composable | None:
    """The operator class of an index with its schema, empty for the usual one; None when its extension is missing."""
    if not index.extension:
        return sql.SQL("")
    row = connection.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = %s",
        (index.extension,),
    ).fetchone()
    return None if row is None else sql.Identifier(row[0], index.operator_class)


def _index_names(connection: Connection, table: Table) -> frozenset[str]:
    rows = connection.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND tablename = %s", (table.schema, table.name)
    )
    return frozenset(row[0] for row in rows)


def add_columns(connection: Connection, table: Table, lock_timeout_s: float = LOCK_TIMEOUT_S) -> tuple[str, ...]:
    """Add to a published table the columns that it lacks, in a short transaction of their own; their names.

    Nobody sees them before `publish_table` describes them. Raises SetupError when a stored column has another type,
    or when queries keep the table busy for longer than `lock_timeout_s`.
    """
    stored = stored_columns(connection, table)
    for column in table.columns:
        if column.name in stored and stored[column.name] != column.pg_type:
            raise SetupError(
                f"{table.qualified_name} holds {column.name} as {stored[column.name]}, but {column.pg_type} is needed; "
                "publish under another schema name or drop the table."
            )
    missing = tuple(column for column in table.columns if column.name not in stored)
    if not missing:
        return ()
    additions = [
        sql.SQL("ADD COLUMN {}").format(_column_definition(replace(column, nullable=True))) for column in missing
    ]
    names = tuple(column.name for column in missing)
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(lock_timeout_s * 1000)}ms",))
            altered(connection, table, *additions)
    except psycopg.errors.LockNotAvailable as exc:
        raise SetupError(
            f"{table.qualified_name} needs the new column {', '.join(names)}, but queries are using the table; "
            "nothing was changed, please try again when they are done."
        ) from exc
    return names


def _has_primary_key(connection: Connection, table: Table) -> bool:
    found = connection.execute(
        "SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'",
        (f'"{table.schema}"."{table.name}"',),
    )
    return found.fetchone() is not None


def _column_definition(column: Column) -> sql.Composed:
    definition = sql.SQL("{} {}").format(
        sql.Identifier(column.name),
        sql.SQL(column.pg_type),  # types come from the list of columns, not from users
    )
    if column.pg_type == "text" and column.datatype == "char":
        # ASCII needs no language: the same order on every server, and LIKE 'x%' finds its rows in a plain index
        definition += sql.SQL(' COLLATE "C"')
    return definition if column.nullable else definition + sql.SQL(" NOT NULL")


def sql_name(table: Table) -> sql.Identifier:
    """The table in SQL."""
    return sql.Identifier(table.schema, table.name)
