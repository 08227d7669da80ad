"""The archive tables: written by ingestion in bulk, read by DataLink and cut-outs one granule at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from psycopg import sql

from epntap.archive.datasets import dataset_columns, to_dataset
from epntap.archive.files import FILE_COLUMNS
from epntap.archive.model import ArchiveFile, Dataset
from epntap.connection import Connection
from epntap.epncore.text import clean_granule_uid
from epntap.instants.julian import day_span, month_span

__all__ = [
    "LocatedGranule",
    "calendar_span",
    "candidate_files",
    "locate",
    "locate_files",
    "span_tt2000",
]


_J2000_JD = 2_451_545.0
_NS_PER_DAY = 86_400_000_000_000
#: TT is ahead of UTC by 32.184 s and the leap seconds, of which this many are allowed for
_MOST_LEAP_NS = 200 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class LocatedGranule:
    """What a granule stands for: a dataset and an interval, and the files that hold records of it."""

    schema: str
    granule_uid: str
    dataset: Dataset
    #: half-open [start, stop) in TT2000 nanoseconds
    start_tt2000: int
    stop_tt2000: int
    #: by time, then path; empty when no file of this dataset reaches into the interval
    files: tuple[ArchiveFile, ...]

    @property
    def is_file(self) -> bool:
        """Whether it is one file, as a whole."""
        return len(self.files) == 1 and self.files[0].uid == self.granule_uid


# -- reading ----------------------------------------------------------------------------------------------------------


def locate(
    connection: Connection,
    granule_uid: str,
    schemas: Sequence[str],
    to_tt2000: Callable[[datetime], int],
    relations: Mapping[str, str] = MappingProxyType({}),
) -> LocatedGranule | None:
    """What a granule stands for, or None if no service has it; one round trip to the database.

    `schemas` are those whose epn_core has a dataset_id, in the order of preference; `to_tt2000` turns UTC
    without tzinfo into TT2000 nanoseconds; `relations` names what is read of a schema where that is not its epn_core,
    because it depends on who asks. A granule of a day or month stands for the whole of it, one of a file
    for the records of that file.
    """
    if not schemas:
        return None
    start, stop = span_tt2000(granule_uid, to_tt2000)
    statement = _locate_statement(schemas, relations)
    row = connection.execute(statement, {"uid": granule_uid, "start": start, "stop": stop}).fetchone()
    if row is None:
        return None
    schema, granule, *described, candidates = row
    one = to_dataset(described)
    return locate_files(str(schema), granule_uid, one, granule, (start, stop), candidates)


def locate_files(
    schema: str,
    granule_uid: str,
    one: Dataset,
    kind: str,
    span: tuple[int | None, int | None],
    candidates: Iterable[Mapping[str, Any]],  # JSON
) -> LocatedGranule:
    """The granule, with those of the candidates (`candidate_files`) that hold records of it.

    `kind` is what granules of the dataset are: day, month or file; `span` what `calendar_span` says of the name, in
    TT2000.
    """
    start, stop = span
    known = [ArchiveFile(*(item[name] for name in FILE_COLUMNS)) for item in candidates]
    if start is None or stop is None or not _is_calendar_granule(kind, granule_uid, one.dataset_id):
        files = tuple(file for file in known if file.uid == granule_uid)
        start = min((file.tt2000_min for file in files if file.tt2000_min is not None), default=0)
        stop = max((file.tt2000_max + 1 for file in files if file.tt2000_max is not None), default=start)
    else:
        files = tuple(file for file in known if file.reaches_into(start, stop))
    return LocatedGranule(schema, granule_uid, one, start, stop, files)


def _locate_statement(schemas: Sequence[str], relations: Mapping[str, str]) -> sql.Composed:
    granules = sql.SQL(" UNION ALL ").join(
        sql.SQL(
            "SELECT {rank}::integer AS rank, {name}::text AS schema_name, dataset_id, time_min, time_max "
            "FROM {table} WHERE granule_uid = %(uid)s"
        ).format(
            rank=sql.Literal(rank),
            name=sql.Literal(schema),
            table=sql.Identifier(schema, relations.get(schema, "epn_core")),
        )
        for rank, schema in enumerate(schemas)
    )
    return sql.SQL(
        """
        SELECT g.schema_name, d.granule, {dataset}, {files}
        FROM ({granules}) g JOIN archive.dataset d USING (schema_name, dataset_id)
        ORDER BY g.rank LIMIT 1
        """
    ).format(
        dataset=dataset_columns(),
        files=candidate_files(start=sql.Placeholder("start"), stop=sql.Placeholder("stop")),
        granules=granules,
    )


def span_tt2000(granule_uid: str, to_tt2000: Callable[[datetime], int]) -> tuple[int | None, int | None]:
    """What `calendar_span` says, in TT2000; twice None where it says nothing."""
    span = calendar_span(granule_uid)
    try:
        return (None, None) if span is None else (to_tt2000(span[0]), to_tt2000(span[1]))
    except ValueError:  # digits that look like a date of a time that TT2000 does not reach
        return None, None


def candidate_files(*, start: sql.Composable, stop: sql.Composable) -> sql.Composed:
    """JSON of the files that may hold records of the row `g` of epn_core, or of the span that its name tells."""
    # Julian dates lack the leap seconds: they serve to find a file by its time, not to bound a cut
    return sql.SQL(
        "(SELECT coalesce(json_agg(f ORDER BY f.tt2000_min, f.path), '[]') FROM archive.file_in_full f "
        "WHERE f.schema_name = g.schema_name AND f.dataset_id = g.dataset_id "
        "AND f.tt2000_max >= least({start}::bigint, ((g.time_min - {origin}) * {day})::bigint - 1000000000) "
        "AND f.tt2000_min <= greatest({stop}::bigint, ((g.time_max - {origin}) * {day})::bigint + {leap}))"
    ).format(
        start=start,
        stop=stop,
        origin=sql.Literal(_J2000_JD),
        day=sql.Literal(float(_NS_PER_DAY)),
        leap=sql.Literal(_MOST_LEAP_NS),
    )


def calendar_span(granule_uid: str) -> tuple[datetime, datetime] | None:
    """Start and end of the day or month that the end of a granule_uid seems to name."""
    found = re.search(r"_([0-9]{4})([0-9]{2})([0-9]{2})?$", granule_uid)
    if found is None:
        return None
    year, month, day = found.groups()
    try:
        if day is None:
            return month_span(date(int(year), int(month), 1))
        return day_span(date(int(year), int(month), int(day)))
    except (ValueError, OverflowError):
        return None


def _is_calendar_granule(granule: str, granule_uid: str, dataset_id: str) -> bool:
    if granule == "file":
        return False
    digits = {"day": 8, "month": 6}[granule]
    return granule_uid[:-digits] == f"{clean_granule_uid(dataset_id)}_"
