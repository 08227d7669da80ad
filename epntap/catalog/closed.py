"""Rows that only some may see: a table of their own beside epn_core, and a view of both, as whoever asks sees them.

Conditions that index scans on epn_core need are not leakproof, so that row-level security on epn_core itself would take
its indexes away from everybody (decision 020). The world reads epn_core alone where no row is closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString

import psycopg
from psycopg import sql

from epntap.catalog import ddl
from epntap.catalog.indexes import CLOSED, RELEASED, SEEN, indexes_of
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.errors import SetupError

__all__ = ["has_closed_table", "make_closed_table"]

# each part has an index, or everybody would read all closed rows
_POLICY = sql.SQL("CREATE POLICY seen ON {} USING (closed_until <= now() OR closed_groups && archive.caller_groups())")


def has_closed_table(connection: Connection, schema: str) -> bool:
    """Whether a service has a table of closed rows, be it empty."""
    row = connection.execute("SELECT to_regclass(format('%%I.%%I', %s::text, %s::text)) IS NOT NULL", (schema, CLOSED))
    return row.fetchone() == (True,)


def make_closed_table(connection: Connection, table: Table) -> None:
    """Make the table of closed rows and the view of all, or give them the columns that they lack.

    `table` is the epn_core that is there. Part of the caller's transaction, in which nothing else is done: readers wait
    for it. Raises SetupError when queries keep the tables busy.
    """
    stored = ddl.stored_columns(connection, table)
    closed = replace(table, name=CLOSED)
    there = ddl.stored_columns(connection, closed)
    if there and stored.keys() <= there.keys() and _is_view_of(connection, table.schema, tuple(stored)):
        return
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(ddl.LOCK_TIMEOUT_S * 1000)}ms",))
    try:
        if not there:
            _create(connection, table, closed)
        else:
            _add_columns(connection, closed, {name: kind for name, kind in stored.items() if name not in there})
        _make_view(connection, table, tuple(stored))
    except psycopg.errors.LockNotAvailable as exc:
        raise SetupError(
            f"The columns of {table.qualified_name} have changed, but queries are using its rows; nothing was changed, "
            "please try again when they are done."
        ) from exc


def _create(connection: Connection, table: Table, closed: Table) -> None:
    name = ddl.sql_name(closed)
    connection.execute(
        sql.SQL(
            "CREATE TABLE {} (LIKE {}, closed_until timestamptz NOT NULL, closed_groups text[] NOT NULL DEFAULT '{{}}')"
        ).format(name, ddl.sql_name(table))
    )
    connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name))
    connection.execute(_POLICY.format(name))
    connection.execute("SELECT archive.grant_published(%s, %s)", (table.schema, CLOSED))
    connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (granule_uid)").format(name))
    # conditions that are not leakproof come after the policy: the other indexes would never be asked
    for index in indexes_of(closed):
        if index.method == "btree" and not index.expression:
            connection.execute(
                sql.SQL("CREATE INDEX {} ON {} ({})").format(
                    sql.Identifier(f"{CLOSED}_{index.name}"), name, index.target
                )
            )
    connection.execute(sql.SQL("CREATE INDEX ON {} (closed_until)").format(name))
    connection.execute(sql.SQL("CREATE INDEX ON {} USING gin (closed_groups) WITH (fastupdate = off)").format(name))


def _add_columns(connection: Connection, closed: Table, missing: dict[str, str]) -> None:
    if missing:
        additions = sql.SQL(", ").join(
            # types as the database says them, collations as those of epn_core
            sql.SQL("ADD COLUMN {} {}{}").format(
                sql.Identifier(name),
                sql.SQL(kind),
                sql.SQL(_collation(closed, name)),
            )
            for name, kind in missing.items()
        )
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(ddl.sql_name(closed), additions))


def _collation(table: Table, name: str) -> LiteralString:
    column = table.column(name)
    return ' COLLATE "C"' if column is not None and column.pg_type == "text" and column.datatype == "char" else ""


def _make_view(connection: Connection, table: Table, columns: tuple[str, ...]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    closed = sql.Identifier(table.schema, CLOSED)
    # OFFSET 0: found by their instant and by nothing else. Whoever sees none would otherwise go through all of them, in
    # the order of an index, to find the first
    released = sql.SQL("(SELECT * FROM {} WHERE closed_until <= now() OFFSET 0) AS released").format(closed)
    for name, rows in ((SEEN, closed), (RELEASED, released)):
        view = sql.Identifier(table.schema, name)
        connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(view))
        connection.execute(
            sql.SQL(
                "CREATE VIEW {view} WITH (security_invoker)"
                " AS SELECT {names} FROM {open} UNION ALL SELECT {names} FROM {rows}"
            ).format(view=view, names=names, open=ddl.sql_name(table), rows=rows)
        )
        connection.execute("SELECT archive.grant_published(%s, %s)", (table.schema, name))


def _is_view_of(connection: Connection, schema: str, columns: tuple[str, ...]) -> bool:
    found = (ddl.stored_columns(connection, Table(schema, name, ())) for name in (SEEN, RELEASED))
    return all(tuple(one) == columns for one in found)
