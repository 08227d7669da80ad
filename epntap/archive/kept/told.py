"""What is told of services beside their rows: what the last ingestion did, files that are refused, columns in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from epntap.archive.kept.counts import ALL_ROWS
from epntap.catalog.model import Table
from epntap.catalog.narrow.layout import GRANULES
from epntap.catalog.narrow.reading import rows_of
from epntap.connection import Connection

__all__ = ["RefusedFile", "filled_shares", "refused_files", "report_of", "write_report"]

_WRITE = "UPDATE archive.service SET report = %s WHERE schema_name = %s"
_REPORT = "SELECT report FROM archive.service WHERE schema_name = %s"
_REFUSED = """
    SELECT path, refusal, count(*) OVER () FROM archive.scanned_file
    WHERE schema_name = %s AND refusal IS NOT NULL ORDER BY path LIMIT %s
"""
_COUNTED = """
    SELECT column_name, coalesce(sum(rows) FILTER (WHERE value IS NOT NULL), 0)::float8 / nullif(sum(rows), 0)
    FROM archive.value_count WHERE schema_name = %s AND column_name NOT LIKE %s GROUP BY column_name
"""
_ESTIMATED = "SELECT attname, 1 - null_frac FROM pg_stats WHERE schemaname = %s AND tablename = %s"
_PERCENT = "SELECT least(100, 100 * %s::float8 / greatest(reltuples, 1)) FROM pg_class WHERE oid = %s::regclass"
# the database has no statistics of a view; always the same rows, so that all processes say the same
_SAMPLED = """
    SELECT count(*), {counts} FROM {rows} AS whole WHERE granule_uid IN
        (SELECT granule_uid FROM {granules} TABLESAMPLE SYSTEM (%s) REPEATABLE (0))
"""
#: about as many as the statistics of a table are made of
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that cannot be used."""

    #: below the folder of its source
    path: str
    reason: str


def write_report(connection: Connection, schema: str, report: Mapping[str, Any]) -> None:  # JSON
    """Keep what an ingestion did, in the place of what the one before did."""
    connection.execute(_WRITE, (Jsonb(report), schema))


def report_of(connection: Connection, schema: str) -> Mapping[str, Any] | None:  # JSON
    """What the last ingestion did; None when it did not say."""
    row = connection.execute(_REPORT, (schema,)).fetchone()
    return None if row is None else row[0]


def refused_files(connection: Connection, schema: str, most: int) -> tuple[list[RefusedFile], int]:
    """So many of the files of a service that cannot be used, by path, and how many there are."""
    rows = connection.execute(_REFUSED, (schema, most)).fetchall()
    return [RefusedFile(path, reason) for path, reason, _ in rows], rows[0][2] if rows else 0


def filled_shares(connection: Connection, table: Table) -> tuple[Mapping[str, float], frozenset[str]]:
    """The part of the rows of a service that have a value in each column, and the columns where that is estimated.

    Columns are counted by ingestion; others are in the statistics of the database, or told by some of the rows where
    granules and datasets are kept apart.
    """
    shares = _sampled(connection, table) if table.narrow else _estimated(connection, table)
    counted = {name: share for name, share in connection.execute(_COUNTED, (table.schema, r"|%")) if share is not None}
    counted.pop(ALL_ROWS, None)
    return {**shares, **counted}, frozenset(shares.keys() - counted.keys())


def _estimated(connection: Connection, table: Table) -> dict[str, float]:
    return {name: share for name, share in connection.execute(_ESTIMATED, (table.schema, table.name)) if name}


def _sampled(connection: Connection, table: Table) -> dict[str, float]:
    granules = sql.Identifier(table.schema, GRANULES)
    percent = connection.execute(_PERCENT, (_SAMPLE, granules.as_string(None))).fetchone()
    names = [column.name for column in table.columns]
    statement = sql.SQL(_SAMPLED).format(
        counts=sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier("whole", name)) for name in names),
        rows=rows_of(table),
        granules=granules,
    )
    found = connection.execute(statement, percent).fetchone()
    if found is None or not found[0]:
        return {}
    rows, *filled = found
    return {name: count / rows for name, count in zip(names, filled, strict=True)}
