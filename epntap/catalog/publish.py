"""Published tables: made, indexed, granted, and described in TAP_SCHEMA. All of it needs the owner's connection."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql
from sqlalchemy import bindparam, delete, func, insert, select, update

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
from epntap.catalog.narrow.layout import DATASETS, GRANULES, NUMBER
from epntap.catalog.narrow.tables import is_narrow, row_tables
from epntap.connection import PUBLISH_WAITS_FOR, Connection
from epntap.schema import tables
from epntap.schema.statements import compiled, upsert

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


_others = tables.tap_schemas.alias("others")
_WRITE_SCHEMA = upsert(
    tables.tap_schemas,
    kept=["schema_index"],
    schema_index=select(func.coalesce(func.max(_others.c.schema_index), 0) + 1)
    .where(_others.c.schema_name != "tap_schema")
    .scalar_subquery(),
)
_WRITE_TABLE = upsert(tables.tap_tables, kept=["table_index"])
_DELETE_COLUMNS = compiled(delete(tables.tap_columns).where(tables.tap_columns.c.table_name == bindparam("table_name")))
_WRITE_COLUMN = compiled(insert(tables.tap_columns))
_DELETE_FORMS = compiled(
    delete(tables.column_form).where(
        tables.column_form.c.schema_name == bindparam("schema"), tables.column_form.c.table_name == bindparam("table")
    )
)
_WRITE_FORM = compiled(insert(tables.column_form))
_RAISE_VERSION = compiled(
    update(tables.catalog_version)
    .values(version=tables.catalog_version.c.version + 1, changed=func.now())
    .returning(tables.catalog_version.c.version)
)

_WAIT_FOR_STANDBYS = """
SELECT set_config('synchronous_commit', wanted, true) FROM current_setting(%s, true) AS wanted WHERE wanted <> ''
"""


def rows_by_dataset(connection: Connection, table: Table) -> Mapping[str, int]:
    """How many rows each dataset has in the table."""
    statement = "SELECT dataset_id, count(*) FROM {0}.{1} GROUP BY 1"
    if is_narrow(connection, table.schema):
        statement = (
            "SELECT dataset_id, rows FROM {0}.{2}"
            " JOIN (SELECT {4}, count(*) AS rows FROM {0}.{3} GROUP BY 1) AS counted USING ({4})"
        )
    names = map(sql.Identifier, (table.schema, table.name, DATASETS, GRANULES, NUMBER))
    return dict(connection.execute(sql.SQL(statement).format(*names)).fetchall())


def time_bounds(connection: Connection, table: Table) -> tuple[float | None, float | None]:
    """The first and the last time of all rows, Julian dates; found through the indexes."""
    # of a view of two tables the database does not see that an index has the first and the last
    rows = sql.Identifier(table.schema, row_tables(connection, table.schema)[0])
    row = connection.execute(sql.SQL("SELECT min(time_min), max(time_max) FROM {}").format(rows)).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def publish_table(connection: Connection, schema: Schema, table: Table) -> None:
    """Describe the table in TAP_SCHEMA, and how it is stored in archive. Part of the caller's transaction."""
    _WRITE_SCHEMA.run(
        connection, schema_name=schema.name, utype=schema.utype, description=schema.description or schema.title
    )
    _WRITE_TABLE.run(
        connection,
        schema_name=table.schema,
        table_name=table.qualified_name,
        table_type=table.kind,
        utype=table.utype,
        description=table.description or table.title,
        table_index=1 if table.kind == "table" else 2,  # what is made from others comes after them
    )
    _describe_columns(connection, table)
    _record_forms(connection, table)


def raise_catalog_version(connection: Connection) -> int:
    """Tell web processes to read their catalogue again, once the caller's transaction is committed; the new version.

    That commit, and no other of the session, waits for the standbys that EPNTAP_PUBLISH_WAITS_FOR asks for.
    """
    connection.execute(_WAIT_FOR_STANDBYS, (PUBLISH_WAITS_FOR,))
    row = _RAISE_VERSION.run(connection).fetchone()
    assert row is not None
    return int(row[0])


def _describe_columns(connection: Connection, table: Table) -> None:
    _DELETE_COLUMNS.run(connection, table_name=table.qualified_name)
    _WRITE_COLUMN.run_many(
        connection,
        (
            {
                "table_name": table.qualified_name,
                "column_name": column.name,
                "datatype": column.datatype,
                "arraysize": column.arraysize,
                "xtype": column.xtype,
                "size": None,
                "description": column.description,
                "utype": column.utype,
                "unit": column.unit,
                "ucd": column.ucd,
                "indexed": int(column.indexed),
                "principal": int(column.principal),
                "std": int(column.std),
                "column_index": position,
            }
            for position, column in enumerate(table.columns, 1)
        ),
    )


def _record_forms(connection: Connection, table: Table) -> None:
    _DELETE_FORMS.run(connection, schema=table.schema, table=table.name)
    _WRITE_FORM.run_many(
        connection,
        (
            {
                "schema_name": table.schema,
                "table_name": table.name,
                "column_name": column.name,
                "form": column.form.value,
            }
            for column in table.columns
            if column.form is not Form.PLAIN
        ),
    )
