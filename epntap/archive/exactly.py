"""Rows of a table of the archive made exactly what they are to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import sql
from sqlalchemy import Table

from epntap.connection import Connection
from epntap.pieces import in_pieces

__all__ = ["make_exactly", "prefixed"]


def make_exactly(
    connection: Connection,
    table: Table,
    schema: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],  # values of any column type
    batch: int = 10_000,
) -> int:
    """COPY the rows aside, then delete, update and insert what differs within one service.

    The primary key of the table begins with schema_name; `columns` are what the rows hold, the rest of the key among
    them. Between two batches whatever makes the rows may use the connection.
    """
    assert table.schema
    key = [column.name for column in table.primary_key if column.name != "schema_name"]
    target, incoming = sql.Identifier(table.schema, table.name), sql.Identifier(f"incoming_{table.name}")
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            incoming, names, target
        )
    )
    copy_in = sql.SQL("COPY {} ({}) FROM STDIN").format(incoming, names)
    for some in in_pieces(rows, batch):
        with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
            for row in some:
                copy.write_row(row)
    same = sql.SQL(" AND ").join(sql.SQL("i.{0} = t.{0}").format(sql.Identifier(name)) for name in key)
    deleted = connection.execute(
        sql.SQL("DELETE FROM {} t WHERE t.schema_name = %s AND NOT EXISTS (SELECT FROM {} i WHERE {})").format(
            target, incoming, same
        ),
        (schema,),
    )
    values = [name for name in columns if name not in key]
    merged = connection.execute(
        sql.SQL(
            "INSERT INTO {target} AS t (schema_name, {names}) SELECT %s, {names} FROM {incoming} "
            "ON CONFLICT (schema_name, {key}) DO UPDATE SET {changes} "
            "WHERE ({stored}) IS DISTINCT FROM ({wanted})"
        ).format(
            target=target,
            names=names,
            incoming=incoming,
            key=sql.SQL(", ").join(map(sql.Identifier, key)),
            changes=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in values),
            stored=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in values),
            wanted=sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in values),
        ),
        (schema,),
    )
    return deleted.rowcount + merged.rowcount


def prefixed(alias: str, columns: Iterable[str]) -> sql.Composed:
    """The columns of a table that has this alias."""
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in columns)
