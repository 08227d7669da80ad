"""The tables of the sample catalogue in a real database."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import sql

from epntap.catalog.model import Table


def create_tables(connection: psycopg.Connection[tuple[object, ...]], tables: Iterable[Table]) -> None:
    """Make the tables, empty, in the state the catalogue describes."""
    for table in tables:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(table.schema)))
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.pg_type)) for column in table.columns
        ]
        name = sql.Identifier(table.schema, table.name)
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(columns)))


def type_names(cursor: psycopg.Cursor[tuple[object, ...]]) -> list[str]:
    """Types of the columns of a result, as ResultColumn.pg_type spells them."""
    names = []
    for column in cursor.description or ():
        info = psycopg.adapters.types[column.type_code]
        name = _SPELLED.get(info.name, info.name)
        names.append(f"{name}[]" if info.array_oid == column.type_code else name)
    return names


_SPELLED = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
}
