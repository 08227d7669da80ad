"""Rows that not everybody may see, moved between epn_core and the table of closed rows.

A merge knows epn_core only. So the closed rows that it may touch come back before it, within its transaction, and those
that are not open go out after it: nobody sees them in between, and whatever breaks leaves both tables as they were.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from epntap.access import OPEN
from epntap.archive.kept.counts import ALL_ROWS, write_coverage, write_value_counts
from epntap.archive.kept.groups import group_granules
from epntap.archive.model import Dataset
from epntap.catalog import ddl, publish
from epntap.catalog.closed import has_closed_table, make_closed_table
from epntap.catalog.indexes import CLOSED
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.errors import SetupError
from ingest.facts import Value
from ingest.publish.coverage import as_counts, coverage_of
from ingest.publish.rows.copy import Scope

__all__ = [
    "Closed",
    "close_rows",
    "closed_counts",
    "closed_of",
    "count_closed_rows",
    "prepare",
    "release_rows",
    "reopen_rows",
    "rows_closed_by_dataset",
]

_INFINITY = "infinity"
_ALL = sql.SQL("true")


@dataclass(frozen=True, slots=True)
class Closed:
    """A dataset of which rows may be hidden."""

    dataset_id: str
    groups: tuple[str, ...]
    #: DALI timestamp, or infinity; None: none but what the rows say
    until: str | None
    #: whether each row may have a date of its own
    by_row: bool


def closed_of(datasets: Iterable[Dataset], by_dataset: Collection[str]) -> list[Closed]:
    """What may have to be hidden; `by_dataset` are those whose rows are as closed as the dataset."""
    return [
        Closed(
            one.dataset_id,
            one.groups,
            one.embargoed_until if one.access_rights == OPEN else _INFINITY,
            one.dataset_id not in by_dataset,
        )
        for one in datasets
        if one.hidden
    ]


def prepare(connection: Connection, table: Table, closed: Collection[Closed]) -> bool:
    """Make what closed rows need, in a transaction of its own; whether there is any of it."""
    if not closed and not has_closed_table(connection, table.schema):
        return False
    with connection.transaction():
        make_closed_table(connection, table)
    return True


def reopen_rows(connection: Connection, table: Table, closed: Iterable[Closed], scope: Scope | None) -> None:
    """Bring back closed rows: those of the scope, those that are due, and those that are to be closed otherwise."""
    where: sql.Composable = _ALL
    values: dict[str, Any] = {}  # of types that psycopg knows
    if scope is not None:
        _list_closings(connection, closed)
        where = sql.SQL(
            "c.closed_until <= now() OR c.granule_uid = ANY (%(granules)s){} OR NOT EXISTS (SELECT FROM closings w"
            " WHERE {} AND w.groups = c.closed_groups AND {} = c.closed_until)"
        ).format(
            sql.SQL(" OR c.dataset_id = ANY (%(datasets)s)" if _has_datasets(table) else ""),
            _of_dataset(table, "c"),
            _until(table, "c"),
        )
        values = {"granules": list(scope.granules), "datasets": list(scope.datasets)}
    _bring_back(connection, table, where, values)


def close_rows(connection: Connection, table: Table, closed: Collection[Closed]) -> int:
    """Take the rows out that are not open; how many rows are closed then, whenever they were.

    Raises SetupError when a granule is there both open and closed.
    """
    if closed:
        _list_closings(connection, closed)
        names = _names(connection, table)
        found = sql.SQL(
            "SELECT t.granule_uid, {until} AS closed_until, w.groups AS closed_groups FROM {table} t"
            " JOIN closings w ON {of}"
        ).format(until=_until(table, "t"), table=ddl.sql_name(table), of=_of_dataset(table, "t"))
        connection.execute(
            sql.SQL(
                "WITH found AS ({found}), gone AS (DELETE FROM {table} t USING found f"
                " WHERE f.granule_uid = t.granule_uid AND f.closed_until > now()"
                " RETURNING t.*, f.closed_until, f.closed_groups)"
                " INSERT INTO {closed} ({names}, closed_until, closed_groups)"
                " SELECT {names}, closed_until, closed_groups FROM gone"
            ).format(found=found, table=ddl.sql_name(table), closed=_closed(table), names=names)
        )
    twice = connection.execute(
        sql.SQL("SELECT granule_uid FROM {} JOIN {} c USING (granule_uid) LIMIT 1").format(
            ddl.sql_name(table), _closed(table)
        )
    ).fetchone()
    if twice is not None:
        raise SetupError(
            f"Two granules have the same granule_uid ({twice[0]}), one of them closed; nothing was changed."
        )
    return _count(connection, table)


def closed_counts(
    connection: Connection, table: Table, counts: Mapping[str, Mapping[str | None, int]]
) -> dict[str, dict[str | None, int]]:
    """The counts of all rows without those of the closed ones, which nobody may learn from them."""
    left: dict[str, dict[str | None, int]] = {}
    for column, by_value in counts.items():
        closed = as_counts(table, {column: _values(connection, table, column)}).get(column)
        if closed is not None:
            rest = {value: rows - closed.get(value, 0) for value, rows in by_value.items()}
            left[column] = {value: rows for value, rows in rest.items() if rows}
    return left


def count_closed_rows(connection: Connection, table: Table, columns: Iterable[str]) -> None:
    """Count the closed rows by each value of these columns, by who may see them and from when on."""
    connection.execute("DELETE FROM archive.closed_count WHERE schema_name = %s", (table.schema,))
    if not has_closed_table(connection, table.schema):
        return
    for column, value in ((ALL_ROWS, sql.SQL("NULL")), *((one, sql.Identifier(one)) for one in columns)):
        connection.execute(
            sql.SQL(
                "INSERT INTO archive.closed_count (schema_name, column_name, value, rows, closed_until, closed_groups)"
                " SELECT {}, {}, {}::text, count(*), closed_until, closed_groups FROM {}"
                " GROUP BY 3, closed_until, closed_groups"
            ).format(sql.Literal(table.schema), sql.Literal(column), value, _closed(table))
        )


def rows_closed_by_dataset(connection: Connection, table: Table) -> dict[str, int]:
    """How many closed rows each dataset has; all under an empty name where rows have no dataset."""
    if not has_closed_table(connection, table.schema):
        return {}
    column = sql.SQL("dataset_id" if "dataset_id" in ddl.stored_columns(connection, table) else "''")
    return dict(
        connection.execute(sql.SQL("SELECT {}, count(*) FROM {} GROUP BY 1").format(column, _closed(table))).fetchall()
    )


def release_rows(connection: Connection, table: Table) -> int:
    """Move the rows whose day has come to epn_core and count them there; how many. Part of the caller's transaction."""
    if not has_closed_table(connection, table.schema):
        return 0
    due = sql.SQL("c.closed_until <= now()")
    found = connection.execute(sql.SQL("SELECT count(*) FROM {} c WHERE {}").format(_closed(table), due)).fetchone()
    if found is None or not found[0]:
        return 0
    counted = _counts_of(connection, table.schema)
    come = {
        name: as_counts(table, {name: _values(connection, table, name, due)}).get(name)
        for name in counted
        if table.column(name) is not None
    }
    datasets = None
    if _has_datasets(table):
        datasets = [
            row[0]
            for row in connection.execute(
                sql.SQL("SELECT DISTINCT dataset_id FROM {} c WHERE {}").format(_closed(table), due)
            )
        ]
    moved = _bring_back(connection, table, due, {})
    counts = {
        name: {value: counted[name].get(value, 0) + more.get(value, 0) for value in {**counted[name], **more}}
        for name, more in come.items()
        if more is not None
    }
    row = connection.execute(
        "UPDATE archive.service SET granule_count = granule_count + %s, has_closed_rows = %s WHERE schema_name = %s"
        " RETURNING granule_count",
        (moved, _count(connection, table) > 0, table.schema),
    ).fetchone()
    assert row is not None
    if counted:  # else somebody has written to the table, and the next ingestion counts
        write_value_counts(connection, table.schema, row[0], counts)
        write_coverage(connection, table.schema, coverage_of(publish.time_bounds(connection, table), counts))
    count_closed_rows(connection, table, come)
    group_granules(connection, table, datasets)
    publish.raise_catalog_version(connection)
    return moved


def _bring_back(connection: Connection, table: Table, where: sql.Composable, values: Mapping[str, Any]) -> int:
    names = _names(connection, table)
    return connection.execute(
        sql.SQL(
            "WITH back AS (DELETE FROM {closed} c WHERE {where} RETURNING c.*)"
            " INSERT INTO {table} ({names}) SELECT {names} FROM back"
        ).format(closed=_closed(table), where=where, table=ddl.sql_name(table), names=names),
        values,
    ).rowcount


def _list_closings(connection: Connection, closed: Iterable[Closed]) -> None:
    connection.execute("DROP TABLE IF EXISTS pg_temp.closings")
    connection.execute(
        "CREATE TEMPORARY TABLE closings (dataset_id text PRIMARY KEY, groups text[] NOT NULL, until text,"
        " by_row boolean NOT NULL) ON COMMIT DROP"
    )
    with connection.cursor() as cursor, cursor.copy("COPY closings FROM STDIN") as copy:
        for one in closed:
            copy.write_row((one.dataset_id, list(one.groups), one.until, one.by_row))
    connection.execute("ANALYZE closings")


def _until(table: Table, alias: str) -> sql.Composed:
    """When a row opens, at -infinity if it was never closed; `w` is what is said of its dataset."""
    own = sql.Identifier(alias, "release_date") if table.column("release_date") else sql.SQL("NULL::text")
    return sql.SQL(
        "(CASE WHEN w.until = 'infinity' THEN 'infinity'::timestamptz ELSE coalesce(greatest("
        "w.until, CASE WHEN w.by_row THEN {}::text END)::timestamp AT TIME ZONE 'UTC', '-infinity') END)"
    ).format(own)


def _of_dataset(table: Table, alias: str) -> sql.Composable:
    # the rows of a table without datasets are all of the one that stands for the service
    if not _has_datasets(table):
        return _ALL
    return sql.SQL("w.dataset_id = {}").format(sql.Identifier(alias, "dataset_id"))


def _has_datasets(table: Table) -> bool:
    return table.column("dataset_id") is not None


def _values(connection: Connection, table: Table, column: str, where: sql.Composable = _ALL) -> Mapping[Value, int]:
    return dict(
        connection.execute(
            sql.SQL("SELECT {0}, count(*) FROM {1} c WHERE {2} GROUP BY 1").format(
                sql.Identifier(column), _closed(table), where
            )
        ).fetchall()
    )


def _counts_of(connection: Connection, schema: str) -> dict[str, dict[str | None, int]]:
    found: dict[str, dict[str | None, int]] = {}
    for column, value, rows in connection.execute(
        "SELECT column_name, value, rows FROM archive.value_count WHERE schema_name = %s", (schema,)
    ):
        found.setdefault(column, {})[value] = rows
    return found


def _count(connection: Connection, table: Table) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(_closed(table))).fetchone()
    assert row is not None
    return int(row[0])


def _names(connection: Connection, table: Table) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, ddl.stored_columns(connection, table)))


def _closed(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, CLOSED)
