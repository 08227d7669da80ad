"""What is told of services beside their rows: what the last ingestion did, files that are refused, columns in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from epntap.archive.kept.counts import ALL_ROWS, COUNTED_TABLE
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


def filled_shares(connection: Connection, schema: str) -> tuple[Mapping[str, float], frozenset[str]]:
    """The part of the rows of a service that have a value in each column, and the columns where that is estimated.

    Nothing is read of the rows: columns are counted by ingestion, others are in the statistics of the database.
    """
    shares = {name: share for name, share in connection.execute(_ESTIMATED, (schema, COUNTED_TABLE)) if name}
    counted = {name: share for name, share in connection.execute(_COUNTED, (schema, r"|%")) if share is not None}
    counted.pop(ALL_ROWS, None)
    return {**shares, **counted}, frozenset(shares.keys() - counted.keys())
