"""Uploaded tables in the database: temporary tables of one connection, gone when the answer is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import psycopg
from psycopg import sql

from epntap.catalog.model import Table
from epntap.connection import Connection

__all__ = ["TEMPORARY", "Loadable", "loaded"]

log = logging.getLogger(__name__)

#: the schema in which PostgreSQL keeps the temporary tables of a connection
TEMPORARY = "pg_temp"
_COPY_BYTES = 256 * 1024
#: pg_type of a column that ADQL knows → what is made of it; nothing else ever becomes part of a statement
_TYPES = {
    name: sql.SQL(name)
    for name in (
        "boolean", "smallint", "integer", "bigint", "real", "double precision", "text", "bytea",
        "double precision[]", "bigint[]",
    )
}  # fmt: skip


class Loadable(Protocol):
    """A table and its rows."""

    @property
    def table(self) -> Table:
        """Its description; the stored name of a column counts."""
        ...

    @property
    def rows(self) -> BinaryIO:
        """Its rows as COPY reads text."""
        ...


@contextmanager
def loaded(connection: Connection, uploads: Sequence[Loadable]) -> Iterator[None]:
    """The tables are there inside the block, and for this connection only. Raises psycopg.Error.

    They are loaded in a transaction of their own, the only one that may write; what the block does is read-only again.
    """
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION READ WRITE")
            for upload in uploads:
                _load(connection, upload)
        yield
    finally:
        _discard(connection)


def _load(connection: Connection, upload: Loadable) -> None:
    table = upload.table
    name = sql.Identifier(TEMPORARY, table.name)
    columns = [(sql.Identifier(column.stored_name or column.name), _TYPES[column.pg_type]) for column in table.columns]
    definition = sql.SQL(", ").join(sql.SQL("{} {}").format(*column) for column in columns)
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(sql.Identifier(table.name), definition))
    upload.rows.seek(0)
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
        while block := upload.rows.read(_COPY_BYTES):
            copy.write(block)
    # without it the planner takes a table of ten rows for one of thousands, and the other way round
    connection.execute(sql.SQL("ANALYZE {}").format(name))


def _discard(connection: Connection) -> None:
    """Nobody who gets this connection next sees what was loaded; a connection that cannot promise it is given up."""
    if connection.closed:
        return
    try:
        connection.rollback()
        connection.execute("DISCARD TEMP")
    except psycopg.Error as exc:
        log.warning("a connection with an uploaded table is given up: %s", exc)
        connection.close()
