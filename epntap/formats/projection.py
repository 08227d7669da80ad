"""How each column type is said in the SELECT list: the one place where a value gets its spelling."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import LiteralString

from psycopg import sql

from epntap.answer import ResultColumn

__all__ = ["Spelling", "project"]


class Spelling(StrEnum):
    """A family of formats that spell values alike."""

    #: texts for people and programs: ISO times with T, arrays as numbers with blanks between
    TEXT = "text"


_TEXT: dict[str, LiteralString] = {
    # DALI 1.1 §3.3.3: no blank between date and time
    "timestamp": "to_char({}, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')",
    "timestamp without time zone": "to_char({}, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')",
    "double precision[]": "array_to_string({}, ' ')",
    "real[]": "array_to_string({}, ' ')",
    "bigint[]": "array_to_string({}, ' ')",
    "integer[]": "array_to_string({}, ' ')",
    "bytea": "encode({}, 'hex')",
}

_SPELLINGS: dict[Spelling, dict[str, LiteralString]] = {Spelling.TEXT: _TEXT}


def project(statement: sql.Composable, columns: Sequence[ResultColumn], spelling: Spelling) -> sql.Composable:
    """The statement with each output column spelled for a format; unchanged when nothing needs spelling."""
    table = _SPELLINGS[spelling]
    if not any(column.pg_type in table for column in columns):
        return statement
    names = [sql.Identifier(f"c{n}") for n in range(len(columns))]
    items = [sql.SQL(table.get(column.pg_type, "{}")).format(name) for column, name in zip(columns, names, strict=True)]
    return sql.SQL("SELECT {} FROM ({}) AS answer ({})").format(
        sql.SQL(", ").join(items), statement, sql.SQL(", ").join(names)
    )
