"""The tables and views of a narrow service in the database. All of it is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from epntap.catalog import ddl
from epntap.catalog.indexes import STAMP_COLUMNS, Index
from epntap.catalog.narrow.layout import DATASETS, GRANULES, JOINED, NUMBER, Layout
from epntap.connection import Connection

__all__ = [
    "create_tables",
    "create_views",
    "drop_narrow",
    "drop_views",
    "finish_tables",
    "has_narrow_tables",
    "is_narrow",
    "keeps_files",
    "row_tables",
    "views_digest",
]

PUBLISHED = "epn_core"


def is_narrow(connection: Connection, schema: str) -> bool:
    """Whether epn_core of a schema is a view of granules and datasets."""
    return _kind(connection, schema, PUBLISHED) == "v" and has_narrow_tables(connection, schema)


def has_narrow_tables(connection: Connection, schema: str) -> bool:
    """Whether there is a table of granules, published or left over."""
    return _kind(connection, schema, GRANULES) == "r"


def row_tables(connection: Connection, schema: str) -> tuple[str, ...]:
    """The tables that the rows of epn_core are kept in."""
    return (GRANULES, DATASETS) if is_narrow(connection, schema) else (PUBLISHED,)


def keeps_files(connection: Connection, layout: Layout) -> bool:
    """Whether the table of granules that is there keeps what files have of their own."""
    return "obs_id" in ddl.stored_columns(connection, layout.granules)


def create_tables(connection: Connection, layout: Layout) -> None:
    """Make both tables, empty."""
    ddl.create_table(connection, layout.datasets)
    # which datasets come first by a date is looked up, so that their granules do
    ddl.create_indexes(connection, layout.datasets, [Index(name, (name,)) for name in STAMP_COLUMNS])
    connection.execute(sql.SQL("ALTER TABLE {} ADD UNIQUE (dataset_id)").format(ddl.sql_name(layout.datasets)))
    ddl.create_table(connection, layout.granules)


def finish_tables(connection: Connection, layout: Layout) -> None:
    """Make the indexes of filled tables, and hold granules to their datasets."""
    ddl.create_indexes(connection, layout.granules, layout.indexes())
    connection.execute(
        sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {}").format(
            ddl.sql_name(layout.granules), sql.Identifier(NUMBER), ddl.sql_name(layout.datasets)
        )
    )


def create_views(connection: Connection, layout: Layout, names: Iterable[str] = (JOINED, PUBLISHED)) -> None:
    """Make the views, readable by everybody who may read a published table."""
    for name in names:
        view = sql.Identifier(layout.table.schema, name)
        connection.execute(sql.SQL("CREATE VIEW {} AS {}").format(view, layout.view(joined=name == JOINED)))
        connection.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(view, sql.Literal(layout.digest())))
        connection.execute("SELECT archive.grant_published(%s, %s)", (layout.table.schema, name))


def drop_views(connection: Connection, schema: str) -> None:
    """Drop both views, waiting for queries that use them as long as lock_timeout says."""
    connection.execute(
        sql.SQL("DROP VIEW IF EXISTS {}, {}").format(sql.Identifier(schema, JOINED), sql.Identifier(schema, PUBLISHED))
    )


def drop_narrow(connection: Connection, schema: str) -> None:
    """Drop both tables and what is made of them but the published view."""
    connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(sql.Identifier(schema, JOINED)))
    for name in (GRANULES, DATASETS):
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(schema, name)))


def views_digest(connection: Connection, schema: str) -> str | None:
    """What the views that are there were made from (`Layout.digest`)."""
    row = connection.execute(
        "SELECT obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s",
        (schema, JOINED),
    ).fetchone()
    return None if row is None else row[0]


def _kind(connection: Connection, schema: str, name: str) -> str | None:
    row = connection.execute(
        "SELECT c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s",
        (schema, name),
    ).fetchone()
    return None if row is None else str(row[0])
