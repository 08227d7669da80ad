"""What tables and columns are for, in the database too, for people who look there."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from epntap.connection import Connection
from epntap.schema.tables import SCHEMAS, metadata

__all__ = ["write_comments"]

_PRESENT = """
SELECT n.nspname, c.relname, a.attname, d.description
FROM pg_description d
JOIN pg_class c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
WHERE n.nspname = ANY (%s)
"""


def write_comments(connection: Connection) -> None:
    """Make the comments of the fixed tables those of `tables`. Needs the owner; waits for those who change tables."""
    present = {tuple(row[:3]): row[3] for row in connection.execute(_PRESENT, (list(SCHEMAS),))}
    changes = [
        sql.SQL("COMMENT ON {} {} IS {}").format(
            sql.SQL("TABLE" if column is None else "COLUMN"),
            sql.Identifier(schema, table) if column is None else sql.Identifier(schema, table, column),
            sql.Literal(comment),
        )
        for schema, table, column, comment in _wanted()
        if present.get((schema, table, column)) != comment
    ]
    if changes:
        connection.execute(sql.SQL("; ").join(changes))


def _wanted() -> Iterator[tuple[str, str, str | None, str]]:
    for table in metadata.sorted_tables:
        assert table.schema
        if table.comment:
            yield table.schema, table.name, None, table.comment
        for column in table.columns:
            if column.comment:
                yield table.schema, table.name, column.name, column.comment
