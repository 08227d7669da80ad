"""Statements over `tables`, compiled once for psycopg and run on whatever connection there is.

There is no engine and no second pool: SQLAlchemy writes the text, psycopg sends it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from sqlalchemy import ClauseElement, ColumnElement, Table, bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.sql.compiler import SQLCompiler

from epntap.connection import Connection

__all__ = ["Statement", "compiled", "upsert"]

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left this one out


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose parameters are given by name when it runs; psycopg.ProgrammingError names a missing one."""

    text: LiteralString
    #: values that stand in the statement itself
    constants: Mapping[str, Any]  # of any type that psycopg can adapt

    def run(self, connection: Connection, **values: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        """The cursor, as `connection.execute` gives it."""
        return connection.execute(self.text, {**self.constants, **values})

    def run_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Once for each of the rows, in few round trips."""
        with connection.cursor() as cursor:
            cursor.executemany(self.text, [{**self.constants, **row} for row in rows])


def compiled(statement: ClauseElement) -> Statement:
    """The statement as psycopg sends it."""
    found = statement.compile(dialect=_DIALECT)
    assert isinstance(found, SQLCompiler)
    return Statement(str(found), {name: one.value for one, name in found.bind_names.items() if not one.required})


def upsert(table: Table, *, kept: Collection[str] = (), **values: ColumnElement[Any]) -> Statement:
    """A row in the place of the one with its primary key, of which the columns `kept` stay.

    Columns are parameters of their own names, but for those whose value is given here.
    """
    row = insert(table).values({one.name: values.get(one.name, bindparam(one.name)) for one in table.columns})
    changes = {
        one.name: row.excluded[one.name] for one in table.columns if not one.primary_key and one.name not in kept
    }
    return compiled(row.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes))
