"""What holds for all rows of a table, told to the planner as CHECK constraints.

Validators look for one row that is wrong, in some thirty ways. With `constraint_exclusion = on` (sql/065_promises.sql)
the planner sees that a constraint rules such a row out, and answers without reading the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from epntap.catalog.distributed import altered
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.epncore.rules.all_rules import ROW_RULES, assertions_of

__all__ = ["drop_broken_promises", "make_promises", "promises_of"]


_PREFIX = "promise_"
#: the rules that validators ask most of, besides those of pairs: columns within limits
_LIMITS = frozenset({"G1-time", "E4-processing_level"})
_PAIRS = "B6"
_RULES = {rule.id: rule for rule in ROW_RULES}


def promises_of(table: Table) -> Mapping[str, sql.Composable]:
    """Name -> condition: both ends of a range or none, in order, and times and levels that can be.

    They are what the rules assert (epntap/epncore/rules), in the form that the planner can use.
    """
    return {f"{_PREFIX}{name}": sql.SQL(condition) for name, condition in _conditions(table)}


def make_promises(connection: Connection, table: Table) -> tuple[str, ...]:
    """Add the promises that hold to a table that nobody else sees yet; their names."""
    promises = dict(promises_of(table))
    try:
        with connection.transaction():
            _add(connection, table, promises)
    except psycopg.errors.CheckViolation:
        for name in _broken(connection, sql.Identifier(table.schema, table.name), promises):
            del promises[name]
        _add(connection, table, promises)
    return tuple(promises)


def drop_broken_promises(
    connection: Connection, table: Table, incoming: sql.Identifier, lock_timeout_s: float
) -> tuple[str, ...]:
    """Take back the promises that incoming rows break; their names. Part of the caller's transaction.

    Waits for queries that use the table, but no longer than `lock_timeout_s`: raises LockNotAvailable then.
    """
    made = _made(connection, table)
    broken = _broken(connection, incoming, made)
    if broken:
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(lock_timeout_s * 1000)}ms",))
        altered(connection, table, *(sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)) for name in broken))
    return broken


def _conditions(table: Table) -> Iterator[tuple[str, str]]:
    for rule, conditions in assertions_of(table).items():
        family, _, stem = rule.partition("-")
        if family == _PAIRS:
            yield f"{stem}_range", " AND ".join(f"({one})" for one in conditions)
        elif rule in _LIMITS:
            yield from zip(_RULES[rule].columns, conditions, strict=True)


def _add(connection: Connection, table: Table, promises: Mapping[str, sql.Composable]) -> None:
    additions = (
        sql.SQL("ADD CONSTRAINT {} CHECK ({})").format(sql.Identifier(name), condition)
        for name, condition in promises.items()
    )
    altered(connection, table, *additions)


def _broken(connection: Connection, rows: sql.Identifier, promises: Mapping[str, sql.Composable]) -> tuple[str, ...]:
    """The promises that some row breaks."""
    if not promises:
        return ()
    found = connection.execute(
        sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(sql.SQL("bool_or(NOT ({}))").format(condition) for condition in promises.values()), rows
        )
    ).fetchone()
    assert found is not None
    return tuple(name for name, is_broken in zip(promises, found, strict=True) if is_broken)


def _made(connection: Connection, table: Table) -> Mapping[str, sql.Composable]:
    """The promises of a table as it holds them, whatever is promised today."""
    rows = connection.execute(
        "SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint "
        "WHERE conrelid = to_regclass(%s) AND contype = 'c' AND conname LIKE %s ORDER BY conname",
        (f'"{table.schema}"."{table.name}"', f"{_PREFIX}%"),
    )
    return {name: sql.SQL(condition) for name, condition in rows}
