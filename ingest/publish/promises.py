"""What holds for all rows of a table, told to the planner as CHECK constraints.

Validators look for one row that is wrong, in some thirty ways. With `constraint_exclusion = on` (sql/065_promises.sql)
the planner sees that a constraint rules such a row out, and answers without reading the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from epntap.catalog.model import Table
from epntap.connection import Connection

__all__ = ["CYCLIC_RANGES", "drop_broken_promises", "make_promises", "promises_of"]


_PREFIX = "promise_"
#: ranges that may run over the zero meridian or over midnight (EPN-TAP 2.0 §2.1)
CYCLIC_RANGES = frozenset(
    {"c1", "c2", "c3", "subsolar_longitude_", "subobserver_longitude_", "solar_longitude_", "azimuth_", "local_time_"}
)
#: what validators take for a time (Julian dates) and for a processing level
_BOUNDS = {"time_min": (2_086_000, 2_817_000), "time_max": (2_086_000, 2_817_000), "processing_level": (1, 6)}


def promises_of(table: Table) -> Mapping[str, sql.Composable]:
    """Name -> condition: both ends of a range or none, in order, and times and levels that can be.

    The planner can only use them in this form, with each case written out.
    """
    return {f"{_PREFIX}{name}": condition for name, condition in _conditions(table)}


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
    made = {name: one for name, one in promises_of(table).items() if name in _made(connection, table)}
    broken = _broken(connection, incoming, made)
    if broken:
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(lock_timeout_s * 1000)}ms",))
        drops = sql.SQL(", ").join(sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)) for name in broken)
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table.schema, table.name), drops))
    return broken


def _conditions(table: Table) -> Iterator[tuple[str, sql.Composable]]:
    for column in table.columns:
        stem = column.name.removesuffix("min")
        if stem == column.name or table.column(f"{stem}max") is None:
            continue
        ordered = "" if stem in CYCLIC_RANGES else " AND {0} <= {1}"
        yield (
            f"{stem.rstrip('_')}_range",
            sql.SQL("({0} IS NULL AND {1} IS NULL) OR ({0} IS NOT NULL AND {1} IS NOT NULL" + ordered + ")").format(
                sql.Identifier(f"{stem}min"), sql.Identifier(f"{stem}max")
            ),
        )
    for name, bounds in _BOUNDS.items():
        if table.column(name) is not None:
            yield name, sql.SQL("{0} >= {1} AND {0} <= {2}").format(sql.Identifier(name), *map(sql.Literal, bounds))


def _add(connection: Connection, table: Table, promises: Mapping[str, sql.Composable]) -> None:
    if promises:
        additions = sql.SQL(", ").join(
            sql.SQL("ADD CONSTRAINT {} CHECK ({})").format(sql.Identifier(name), condition)
            for name, condition in promises.items()
        )
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table.schema, table.name), additions))


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


def _made(connection: Connection, table: Table) -> frozenset[str]:
    rows = connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'c' AND conname LIKE %s",
        (f'"{table.schema}"."{table.name}"', f"{_PREFIX}%"),
    )
    return frozenset(row[0] for row in rows)
