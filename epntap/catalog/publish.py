"""Published tables: made, indexed, granted, and described in TAP_SCHEMA. All of it needs the owner's connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from epntap.catalog.indexes import (
    EPN_CORE_INDEXES,
    HAS_ITEM,
    HAS_ONE_OF,
    HASH_LIST_COLUMNS,
    ITEMS,
    OVERLAP,
    TIME_SPAN,
    Index,
    indexes_of,
)
from epntap.catalog.model import Column, Form, Schema, Table
from epntap.errors import SetupError

__all__ = [
    "EPN_CORE_INDEXES",
    "HASH_LIST_COLUMNS",
    "HAS_ITEM",
    "HAS_ONE_OF",
    "ITEMS",
    "OVERLAP",
    "TIME_SPAN",
    "Index",
    "add_columns",
    "create_indexes",
    "create_table",
    "indexes_of",
    "needs_vacuum",
    "publish_table",
    "raise_catalog_version",
    "rows_by_dataset",
    "stored_columns",
    "time_bounds",
    "with_indexed_columns",
]

Connection = psycopg.Connection[tuple[Any, ...]]

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


def rows_by_dataset(connection: Connection, table: Table) -> Mapping[str, int]:
    """How many rows each dataset has in the table."""
    rows = connection.execute(sql.SQL("SELECT dataset_id, count(*) FROM {} GROUP BY 1").format(_name(table)))
    return dict(rows.fetchall())


def time_bounds(connection: Connection, table: Table) -> tuple[float | None, float | None]:
    """The first and the last time of all rows, Julian dates; found through the indexes."""
    row = connection.execute(sql.SQL("SELECT min(time_min), max(time_max) FROM {}").format(_name(table))).fetchone()
    return (None, None) if row is None else (row[0], row[1])


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
    columns = sql.SQL(", ").join(_column_definition(column) for column in table.columns)
    try:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(table.schema)))
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(_name(table), columns))
        _grant(connection, table)
    except psycopg.errors.InsufficientPrivilege as exc:
        raise SetupError(
            f"Schema {table.schema} exists in the database and belongs to somebody else; "
            "choose another schema or give it to the role epntap_owner."
        ) from exc


def create_indexes(connection: Connection, table: Table) -> None:
    """Make the primary key and those indexes that are missing. Part of the caller's transaction.

    Readers are not hindered. Raises psycopg.errors.UniqueViolation when two rows have the same key.
    """
    if table.primary_key and not _has_primary_key(connection, table):
        key = sql.SQL(", ").join(sql.Identifier(name) for name in table.primary_key)
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})").format(
                _name(table), sql.Identifier(f"{table.name}_pkey"), key
            )
        )
    existing = _index_names(connection, table)
    for index in indexes_of(table):
        name = f"{table.name}_{index.name}"
        if name not in existing and (operator_class := _operator_class(connection, index)) is not None:
            _create_index(connection, table, name, index, operator_class)


def _create_index(
    connection: Connection, table: Table, name: str, index: Index, operator_class: sql.Composable
) -> None:
    parameters = sql.SQL(f" WITH ({index.parameters})" if index.parameters else "")  # constants of epntap.catalog
    connection.execute(
        sql.SQL("CREATE INDEX {} ON {} USING {} ({} {}){}").format(
            sql.Identifier(name),
            _name(table),
            sql.SQL(index.method),
            index.target,
            operator_class,
            parameters,
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
    additions = sql.SQL(", ").join(
        sql.SQL("ADD COLUMN {}").format(_column_definition(replace(column, nullable=True))) for column in missing
    )
    names = tuple(column.name for column in missing)
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(lock_timeout_s * 1000)}ms",))
            connection.execute(sql.SQL("ALTER TABLE {} {}").format(_name(table), additions))
    except psycopg.errors.LockNotAvailable as exc:
        raise SetupError(
            f"{table.qualified_name} needs the new column {', '.join(names)}, but queries are using the table; "
            "nothing was changed, please try again when they are done."
        ) from exc
    return names


def publish_table(connection: Connection, schema: Schema, table: Table) -> None:
    """Describe the table in TAP_SCHEMA, and how it is stored in archive. Part of the caller's transaction."""
    connection.execute(
        """
        INSERT INTO tap_schema.schemas (schema_name, utype, description, schema_index)
        VALUES (%(name)s, %(utype)s, %(description)s,
                (SELECT coalesce(max(schema_index), 0) + 1 FROM tap_schema.schemas WHERE schema_name <> 'tap_schema'))
        ON CONFLICT (schema_name) DO UPDATE SET utype = excluded.utype, description = excluded.description
        """,
        {"name": schema.name, "utype": schema.utype, "description": schema.description or schema.title},
    )
    connection.execute(
        """
        INSERT INTO tap_schema.tables (schema_name, table_name, table_type, utype, description, table_index)
        VALUES (%s, %s, %s, %s, %s, 1)
        ON CONFLICT (table_name) DO UPDATE
        SET schema_name = excluded.schema_name, table_type = excluded.table_type, utype = excluded.utype,
            description = excluded.description
        """,
        (table.schema, table.qualified_name, table.kind, table.utype, table.description or table.title),
    )
    _describe_columns(connection, table)
    _record_forms(connection, table)


def raise_catalog_version(connection: Connection) -> int:
    """Tell web processes to read their catalogue again, once the caller's transaction is committed; the new version."""
    row = connection.execute(
        "UPDATE archive.catalog_version SET version = version + 1, changed = now() RETURNING version"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _describe_columns(connection: Connection, table: Table) -> None:
    connection.execute("DELETE FROM tap_schema.columns WHERE table_name = %s", (table.qualified_name,))
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO tap_schema.columns
                (table_name, column_name, datatype, arraysize, xtype, description, utype, unit, ucd,
                 indexed, principal, std, column_index)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    table.qualified_name,
                    column.name,
                    column.datatype,
                    column.arraysize,
                    column.xtype,
                    column.description,
                    column.utype,
                    column.unit,
                    column.ucd,
                    int(column.indexed),
                    int(column.principal),
                    int(column.std),
                    position,
                )
                for position, column in enumerate(table.columns, 1)
            ],
        )


def _record_forms(connection: Connection, table: Table) -> None:
    connection.execute(
        "DELETE FROM archive.column_form WHERE schema_name = %s AND table_name = %s", (table.schema, table.name)
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO archive.column_form (schema_name, table_name, column_name, form) VALUES (%s, %s, %s, %s)",
            [
                (table.schema, table.name, column.name, column.form.value)
                for column in table.columns
                if column.form is not Form.PLAIN
            ],
        )


def _grant(connection: Connection, table: Table) -> None:
    schema, name = sql.Identifier(table.schema), _name(table)
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO epntap_reader, epntap_service").format(schema))
    connection.execute(sql.SQL("GRANT SELECT ON {} TO epntap_reader").format(name))
    connection.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO epntap_service").format(name))


def _has_primary_key(connection: Connection, table: Table) -> bool:
    found = connection.execute(
        "SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'",
        (f'"{table.schema}"."{table.name}"',),
    )
    return found.fetchone() is not None


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _column_definition(column: Column) -> sql.Composed:
    definition = sql.SQL("{} {}").format(
        sql.Identifier(column.name),
        sql.SQL(column.pg_type),  # types come from the list of columns, not from users
    )
    if column.pg_type == "text" and column.datatype == "char":
        # ASCII needs no language: the same order on every server, and LIKE 'x%' finds its rows in a plain index
        definition += sql.SQL(' COLLATE "C"')
    return definition if column.nullable else definition + sql.SQL(" NOT NULL")
