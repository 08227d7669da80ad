"""Summaries in the archive: which folder holds which year, what parameters are as a whole, where records are missing.

Ingestion only queues the jobs that make them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import ColumnElement, TextClause, bindparam, delete, func, select, text

from epntap.archive.model import ArchiveFile
from epntap.connection import Connection
from epntap.schema import tables
from epntap.schema.statements import Statement, compiled, upsert

__all__ = [
    "Gap",
    "HeldYear",
    "ParameterFact",
    "Source",
    "delete_year",
    "digest_of",
    "digests_now",
    "open_now",
    "queue_summary",
    "sources_of",
    "summarised_datasets",
    "version_of_file",
    "write_facts",
    "write_gaps",
    "write_year",
    "years_of",
]

#: the kind of jobs that make summaries
KIND = "summary"
#: seconds that a job may run and wait: it goes on where it was ended
_LONGEST_S = 30 * 86_400

Source = tuple[str, str, str, int, int]


@dataclass(frozen=True, slots=True)
class HeldYear:
    """A year of one time axis, as it is kept."""

    axis: str
    year: int
    #: name of the folder
    folder: str
    edition: str
    base_ns: int
    #: width -> year, month or day that one file holds
    kinds: Mapping[int, str]
    #: of the sources
    digest: str
    #: root, path, version, first and last epoch of each file
    sources: tuple[Source, ...]
    #: variable -> values, count, min, max, first, last as texts that read back exactly
    facts: Mapping[str, Mapping[str, str]]
    left_out: Mapping[str, str]
    records: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ParameterFact:
    """What a variable is as a whole."""

    variable: str
    axis: str
    value_min: float | None
    value_max: float | None
    filled_share: float | None
    #: DALI timestamps
    first_time: str | None
    last_time: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Where records are missing: the last before and the first after."""

    axis: str
    tt2000_min: int
    tt2000_max: int
    start_time: str
    stop_time: str
    time_min: float
    time_max: float


_summary, _fact, _gap, _series = tables.summary.c, tables.parameter_fact.c, tables.gap.c, tables.series.c
_NAMES = tuple(field.name for field in fields(HeldYear))
#: what may be long
_LONG = {"sources": text("'[]'::jsonb"), "facts": text("'{}'::jsonb")}


def _years(columns: Iterable[ColumnElement[Any] | TextClause]) -> Statement:
    return compiled(
        select(*columns)
        .where(_summary.schema_name == bindparam("schema"), _summary.dataset_id == bindparam("dataset_id"))
        .order_by(_summary.axis, _summary.year)
    )


_YEARS = _years(_summary[name] for name in _NAMES)
_YEARS_IN_SHORT = _years(_LONG.get(name, _summary[name]) for name in _NAMES)
_WRITE = upsert(tables.summary, made=func.now())
_DELETE = compiled(
    delete(tables.summary).where(
        _summary.schema_name == bindparam("schema"),
        _summary.dataset_id == bindparam("dataset_id"),
        _summary.axis == bindparam("axis"),
        _summary.year == bindparam("year"),
    )
)
_FORGET_FACTS = compiled(
    delete(tables.parameter_fact).where(
        _fact.schema_name == bindparam("schema"), _fact.dataset_id == bindparam("dataset_id")
    )
)
_WRITE_FACT = upsert(tables.parameter_fact)
_FORGET_GAPS = compiled(
    delete(tables.gap).where(_gap.schema_name == bindparam("schema"), _gap.dataset_id == bindparam("dataset_id"))
)

_GAP = tuple(field.name for field in fields(Gap))
_COPY_GAPS = sql.SQL("COPY archive.gap (schema_name, dataset_id, {}) FROM STDIN").format(
    sql.SQL(", ").join(map(sql.Identifier, _GAP))
)


def version_of_file(file: ArchiveFile) -> str:
    """What tells one content of a file from another."""
    return file.sha256 or f"{file.size_bytes}/{file.mtime_ns}"


def sources_of(files: Iterable[ArchiveFile]) -> tuple[Source, ...]:
    """Files as a year remembers them, by root and path."""
    found = ((one.root, one.path, version_of_file(one), one.tt2000_min or 0, one.tt2000_max or 0) for one in files)
    return tuple(sorted(found))


def digest_of(sources: Iterable[Source]) -> str:
    """Another text for other files, or the same in other versions."""
    lines = sorted("\t".join(map(str, one)) for one in sources)
    return hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()


def digests_now(
    connection: Connection, schema: str, dataset_id: str, spans: Mapping[int, tuple[int, int]]
) -> dict[int, str]:
    """What `digest_of` says of the files that may be had now, of each year that has any; the spans are TT2000.

    The database makes the digests, so that the files need not be fetched.
    """
    starts, stops = zip(*spans.values(), strict=True)
    rows = connection.execute(
        """
        SELECT year, md5(string_agg(line, E'\n' ORDER BY line COLLATE "C")) FROM (
            SELECT y.year, concat_ws(E'\t', f.root, f.path,
                CASE WHEN f.sha256 = '' THEN f.size_bytes || '/' || f.mtime_ns ELSE f.sha256 END,
                f.tt2000_min, f.tt2000_max) AS line
            FROM unnest(%(years)s::integer[], %(starts)s::bigint[], %(stops)s::bigint[]) AS y (year, start, stop)
            JOIN archive.file_in_full f ON f.tt2000_min < y.stop AND f.tt2000_max >= y.start
            WHERE f.schema_name = %(schema)s AND f.dataset_id = %(dataset_id)s
              AND (f.embargoed_until IS NULL OR f.embargoed_until <= %(now)s)
        ) AS here GROUP BY year
        """,
        {
            "years": list(spans),
            "starts": list(starts),
            "stops": list(stops),
            "schema": schema,
            "dataset_id": dataset_id,
            "now": _now(),
        },
    )
    return {int(year): str(digest) for year, digest in rows}


def years_of(connection: Connection, schema: str, dataset_id: str, *, whole: bool = True) -> list[HeldYear]:
    """All that is kept of a dataset, by axis and year; without sources and facts unless as a `whole`."""
    statement = _YEARS if whole else _YEARS_IN_SHORT
    return [_held(row) for row in statement.run(connection, schema=schema, dataset_id=dataset_id)]


def _held(row: Iterable[Any]) -> HeldYear:  # values of any column type
    named = dict(zip(_NAMES, row, strict=True))
    named["kinds"] = {int(width): kind for width, kind in named["kinds"].items()}
    named["sources"] = tuple(tuple(one) for one in named["sources"])
    return HeldYear(**named)


def write_year(connection: Connection, schema: str, dataset_id: str, year: HeldYear) -> None:
    """Keep a year in the place of what was there."""
    values: dict[str, Any] = {name: getattr(year, name) for name in _NAMES}
    for name in ("kinds", "sources", "facts", "left_out"):
        values[name] = Jsonb(values[name])
    _WRITE.run(connection, schema_name=schema, dataset_id=dataset_id, **values)


def delete_year(connection: Connection, schema: str, dataset_id: str, axis: str, year: int) -> None:
    """Keep a year no longer."""
    _DELETE.run(connection, schema=schema, dataset_id=dataset_id, axis=axis, year=year)


def write_facts(connection: Connection, schema: str, dataset_id: str, facts: Collection[ParameterFact]) -> None:
    """Make what is said of the variables of a dataset exactly this. Part of the caller's transaction."""
    _FORGET_FACTS.run(connection, schema=schema, dataset_id=dataset_id)
    _WRITE_FACT.run_many(
        connection, ({"schema_name": schema, "dataset_id": dataset_id, **_values(one)} for one in facts)
    )


def write_gaps(connection: Connection, schema: str, dataset_id: str, gaps: Iterable[Gap]) -> None:
    """Make the gaps of a dataset exactly these. Part of the caller's transaction."""
    _FORGET_GAPS.run(connection, schema=schema, dataset_id=dataset_id)
    with (
        connection.cursor() as cursor,
        cursor.copy(_COPY_GAPS) as copy,
    ):
        for one in gaps:
            copy.write_row((schema, dataset_id, *(getattr(one, name) for name in _GAP)))


def _values(one: ParameterFact) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(ParameterFact)}


def summarised_datasets(connection: Connection, schema: str) -> list[str]:
    """The datasets of a service that have a time axis with records, or once had one."""
    rows = connection.execute(
        "SELECT dataset_id FROM archive.series WHERE schema_name = %(schema)s "
        "UNION SELECT dataset_id FROM archive.summary WHERE schema_name = %(schema)s ORDER BY 1",
        {"schema": schema},
    )
    return [str(name) for (name,) in rows]


def queue_summary(connection: Connection, schema: str) -> bool:
    """Queue a job that brings the summaries of a service up to date, unless one waits already; whether it was queued.

    Takes a moment, whatever there is to do.
    """
    row = connection.execute(
        """
        INSERT INTO uws.job (job_id, kind, phase, queued, execution_duration_s, destruction, parameters)
        SELECT %(job_id)s, %(kind)s, 'QUEUED', now(), %(longest)s, now() + make_interval(secs => %(longest)s),
               %(parameters)s
        WHERE EXISTS (SELECT FROM archive.series WHERE schema_name = %(schema)s)
          AND NOT EXISTS (
            SELECT FROM uws.job
            WHERE kind = %(kind)s AND phase = 'QUEUED' AND destruction > now() AND parameters = %(parameters)s
        )
        RETURNING job_id
        """,
        {
            "job_id": secrets.token_hex(16),
            "kind": KIND,
            "longest": _LONGEST_S,
            "parameters": Jsonb([("SCHEMA", schema)]),
            "schema": schema,
        },
    ).fetchone()
    return row is not None


def open_now(file: ArchiveFile) -> bool:
    """Whether no embargo holds for a file at the moment."""
    return file.embargoed_until is None or file.embargoed_until <= _now()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
