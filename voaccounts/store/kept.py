"""Tables that people keep: account.kept_table tells of them, their rows are in a schema for each owner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from epntap.catalog.ddl import define_table, sql_name
from epntap.catalog.model import Column, Form, Table
from epntap.catalog.names import OWN_SCHEMA, RESERVED
from epntap.connection import Connection, for_somebody, taking_turns
from epntap.errors import NotFoundError, ParameterError, UploadError

__all__ = ["KeptTable", "checked_name", "drop", "keep", "kept_of", "prolong", "tidy"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,54}")
_COPY_BYTES = 256 * 1024
_MOST_TABLES = 100


@dataclass(frozen=True, slots=True)
class KeptTable:
    """A table that somebody keeps."""

    #: as the owner's queries see it
    table: Table
    size_bytes: int
    made: datetime
    expires: datetime


def checked_name(name: str) -> str:
    """The name, if a table can have it. Raises ParameterError."""
    name = name.strip().lower()
    if not _NAME.fullmatch(name) or name.upper() in RESERVED:
        raise ParameterError(
            f"{name[:60]!r} can be no name of a table: expected letters, digits and _, a letter first, at most 55 of "
            "them, and no word of SQL."
        )
    return name


def kept_of(connection: Connection, owner: str) -> list[KeptTable]:
    """The tables of somebody, by name, without those whose time is over."""
    rows = connection.execute(
        "SELECT name, columns, rows, description, bytes, made, expires FROM account.kept_table "
        "WHERE owner = %s AND expires > now() ORDER BY name",
        (owner,),
    )
    return [
        KeptTable(Table(OWN_SCHEMA, name, _columns(columns), description=said or None, rows=count), size, made, expires)
        for name, columns, count, said, size, made, expires in rows
    ]


def keep(
    connection: Connection,
    owner: str,
    name: str,
    brought: Table,
    rows: BinaryIO,
    *,
    lifetime: timedelta,
    most_rows: int,
    most_bytes: int,
) -> KeptTable:
    """Keep a table that was read; it is there whole, or not at all.

    Raises ParameterError for a name that is taken, UploadError for more than its owner may keep, UnavailableError
    while others of theirs take long.
    """
    with for_somebody(), _turn_of(connection, owner):  # so that two requests do not pass the limit together
        tidy(connection)
        kept = kept_of(connection, owner)
        if len(kept) >= _MOST_TABLES:
            raise UploadError(f"You keep {len(kept)} tables already; please remove some.")
        row = connection.execute("SELECT archive.own_schema(%s)", (owner,)).fetchone()
        assert row is not None
        columns = (replace(one, name=one.stored_name or one.name) for one in brought.columns)
        stored = Table(str(row[0]), name, tuple(columns))
        try:
            with connection.transaction():
                define_table(connection, stored)
        except psycopg.errors.DuplicateTable as exc:
            raise ParameterError(
                f"There is a table {OWN_SCHEMA}.{name} already; remove it, or choose another name."
            ) from exc
        connection.execute("SELECT archive.grant_own(%s, %s)", (stored.schema, name))
        _copy(connection, stored, rows)
        size = _size_of(connection, stored)
        _refuse_too_much(kept, (brought.rows or 0, size), most_rows, most_bytes)
        connection.execute(
            "INSERT INTO account.kept_table (owner, name, columns, rows, bytes, description, expires) "
            "VALUES (%s, %s, %s, %s, %s, %s, now() + %s)",
            (
                owner,
                name,
                Jsonb([asdict(column) for column in brought.columns]),
                brought.rows or 0,
                size,
                brought.description or "",
                lifetime,
            ),
        )
        connection.execute(sql.SQL("ANALYZE {}").format(sql_name(stored)))
        return next(one for one in kept_of(connection, owner) if one.table.name == name)


def _turn_of(connection: Connection, owner: str) -> AbstractContextManager[None]:
    return taking_turns(connection, f"mine {owner}")


def _copy(connection: Connection, stored: Table, rows: BinaryIO) -> None:
    rows.seek(0)
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql_name(stored))) as copy:
        while block := rows.read(_COPY_BYTES):
            copy.write(block)


def _size_of(connection: Connection, stored: Table) -> int:
    name = f"{stored.schema}.{stored.name}"  # both of letters that need no quotes
    row = connection.execute("SELECT pg_total_relation_size(%s::regclass)", (name,)).fetchone()
    assert row is not None
    return int(row[0])


def _refuse_too_much(kept: list[KeptTable], new: tuple[int, int], most_rows: int, most_bytes: int) -> None:
    rows = new[0] + sum(one.table.rows or 0 for one in kept)
    size = new[1] + sum(one.size_bytes for one in kept)
    for what, found, most in (("rows", rows, most_rows), ("bytes", size, most_bytes)):
        if found > most:
            raise UploadError(
                f"You may keep {most:,} {what}, and with this table it would be {found:,}; please remove tables, "
                "or bring fewer rows or columns."
            )


def prolong(connection: Connection, owner: str, name: str, lifetime: timedelta) -> None:
    """Keep a table for so long from now. Raises NotFoundError."""
    done = connection.execute(
        "UPDATE account.kept_table SET expires = now() + %s WHERE owner = %s AND name = %s AND expires > now()",
        (lifetime, owner, name),
    )
    if not done.rowcount:
        raise _no_such(name)


def drop(connection: Connection, owner: str, name: str) -> None:
    """Remove a table. Raises NotFoundError, and UnavailableError while queries read it."""
    with _turn_of(connection, owner):
        found = connection.execute(
            "DELETE FROM account.kept_table WHERE owner = %s AND name = %s RETURNING archive.own_schema(owner)",
            (owner, name),
        ).fetchone()
        if found is None:
            raise _no_such(name)
        _drop_rows(connection, found[0], name)


def tidy(connection: Connection) -> None:
    """Remove the tables of everybody whose time is over. Part of the caller's transaction."""
    gone = connection.execute(
        "SELECT archive.own_schema(owner), owner, name FROM account.kept_table WHERE expires <= now() "
        "FOR UPDATE SKIP LOCKED"
    ).fetchall()
    for schema, owner, name in gone:
        with suppress(psycopg.errors.LockNotAvailable), connection.transaction():  # a query that reads it yet
            connection.execute("SELECT set_config('lock_timeout', '100ms', true)")
            connection.execute("DELETE FROM account.kept_table WHERE owner = %s AND name = %s", (owner, name))
            _drop_rows(connection, schema, name)


def _drop_rows(connection: Connection, schema: str, name: str) -> None:
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(schema, name)))


def _columns(told: list[Mapping[str, Any]]) -> tuple[Column, ...]:  # fields of Column
    return tuple(Column(**{**one, "form": Form(one["form"])}) for one in told)


def _no_such(name: str) -> NotFoundError:
    return NotFoundError(f"You keep no table {name[:60]!r}.")
