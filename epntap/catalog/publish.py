"""Published tables: made, indexed, granted, and described in TAP_SCHEMA. All of it needs the owner's connection."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from epntap.catalog.ddl import sql_name
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
from epntap.catalog.model import Form, Schema, Table
from epntap.connection import Connection

__all__ = [
    "EPN_CORE_INDEXES",
    "HASH_LIST_COLUMNS",
    "HAS_ITEM",
    "HAS_ONE_OF",
    "ITEMS",
    "OVERLAP",
    "TIME_SPAN",
    "Index",
    "indexes_of",
    "publish_table",
    "raise_catalog_version",
    "rows_by_dataset",
    "time_bounds",
]


def rows_by_dataset(connection: Connection, table: Table) -> Mapping[str, int]:
    """How many rows each dataset has in the table."""
    rows = connection.execute(sql.SQL("SELECT dataset_id, count(*) FROM {} GROUP BY 1").format(sql_name(table)))
    return dict(rows.fetchall())


def time_bounds(connection: Connection, table: Table) -> tuple[float | None, float | None]:
    """The first and the last time of all rows, Julian dates; found through the indexes."""
    row = connection.execute(sql.SQL("SELECT min(time_min), max(time_max) FROM {}").format(sql_name(table))).fetchone()
    return (None, None) if row is None else (row[0], row[1])


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
