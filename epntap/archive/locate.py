"""The archive tables: written by ingestion in bulk, read by DataLink and cut-outs one granule at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from epntap.archive.model import ArchiveFile, Dataset, Parameter
from epntap.epncore.text import clean_granule_uid
from epntap.instants.julian import day_span, month_span

__all__ = [
    "FILE_COLUMNS",
    "LocatedGranule",
    "Service",
    "calendar_span",
    "dataset",
    "dataset_columns",
    "file_condition",
    "file_of",
    "files_overlapping",
    "locate",
    "locate_files",
    "schemas_with",
    "services",
    "to_dataset",
    "write_datasets",
    "write_files",
    "write_service",
]

Connection = psycopg.Connection[tuple[Any, ...]]

_J2000_JD = 2_451_545.0
_NS_PER_DAY = 86_400_000_000_000
#: TT is ahead of UTC by 32.184 s and the leap seconds, of which this many are allowed for
_MOST_LEAP_NS = 200 * 1_000_000_000

_DATASET_COLUMNS = (
    "dataset_id",
    "title",
    "description",
    "resource_id",
    "start_time",
    "stop_time",
    "cadence_min_s",
    "cadence_max_s",
    "access_rights",
    "hapi_url",
    "hapi_id",
    "landing_url",
    "information_url",
    "doi",
)
#: columns that have another name than the field of Dataset
_FIELDS = {"start_time": "start", "stop_time": "stop"}
_PARAMETER_COLUMNS = (
    "dataset_id",
    "name",
    "position",
    "title",
    "description",
    "units",
    "ucd",
    "shape",
    "fill_value",
    "coordinate_system",
    "variable",
)
FILE_COLUMNS = (
    "dataset_id",
    "root",
    "path",
    "size_bytes",
    "mtime_ns",
    "tt2000_min",
    "tt2000_max",
    "records",
    "fill_epochs",
    "version",
    "sha256",
    "layout",
)


@dataclass(frozen=True, slots=True)
class Service:
    """One published service."""

    schema_name: str
    title: str
    first_ingested: datetime
    last_ingested: datetime
    description: str | None = None
    publisher: str | None = None
    creator: str | None = None
    reference_url: str | None = None
    granule_count: int = 0


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
    def is_open(self) -> bool:
        """Whether everybody may have the data."""
        return self.dataset.access_rights == "Open"

    @property
    def is_file(self) -> bool:
        """Whether it is one file, as a whole."""
        return len(self.files) == 1 and _uid_of_file(self.files[0]) == self.granule_uid


# -- writing: part of the caller's transaction ------------------------------------------------------------------------


def write_service(connection: Connection, service: Service) -> None:
    """Record a service; `first_ingested` of one that is there already is kept."""
    connection.execute(
        """
        INSERT INTO archive.service
            (schema_name, title, description, publisher, creator, reference_url, granule_count,
             first_ingested, last_ingested)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (schema_name) DO UPDATE
        SET title = excluded.title, description = excluded.description, publisher = excluded.publisher,
            creator = excluded.creator, reference_url = excluded.reference_url,
            granule_count = excluded.granule_count, last_ingested = excluded.last_ingested
        """,
        (
            service.schema_name,
            service.title,
            service.description,
            service.publisher,
            service.creator,
            service.reference_url,
            service.granule_count,
            service.first_ingested,
            service.last_ingested,
        ),
    )


def write_datasets(
    connection: Connection, schema: str, datasets: Sequence[Dataset], granules: Mapping[str, str]
) -> int:
    """Make the datasets and parameters of a service exactly these; how many rows were added, changed or removed.

    `granules` says of each dataset_id whether its rows stand for a day, a month or a file. The service must have
    been written before. Files of datasets that vanish go with them.
    """
    changed = _make_exactly(
        connection,
        "dataset",
        schema,
        ("dataset_id",),
        (*_DATASET_COLUMNS, "granule"),
        (
            (
                one.dataset_id,
                one.title,
                one.description,
                one.resource_id,
                one.start,
                one.stop,
                one.cadence_min_s,
                one.cadence_max_s,
                one.access_rights,
                one.hapi_url,
                one.hapi_id,
                one.landing_url,
                one.information_url,
                one.doi,
                granules[one.dataset_id],
            )
            for one in datasets
        ),
    )
    return changed + _make_exactly(
        connection,
        "parameter",
        schema,
        ("dataset_id", "name"),
        _PARAMETER_COLUMNS,
        (
            (
                one.dataset_id,
                parameter.name,
                parameter.position,
                parameter.title,
                parameter.description,
                parameter.units,
                parameter.ucd,
                list(parameter.shape),
                parameter.fill_value,
                parameter.coordinate_system,
                parameter.variable,
            )
            for one in datasets
            for parameter in one.parameters
        ),
    )


def write_files(connection: Connection, schema: str, files: Iterable[ArchiveFile]) -> int:
    """Make the file index of a service exactly these; how many rows were added, changed or removed."""
    return _make_exactly(
        connection,
        "file",
        schema,
        ("root", "path"),
        FILE_COLUMNS,
        (
            (
                one.dataset_id,
                one.root,
                one.path,
                one.size_bytes,
                one.mtime_ns,
                one.tt2000_min,
                one.tt2000_max,
                one.records,
                one.fill_epochs,
                one.version,
                one.sha256,
                one.layout,
            )
            for one in files
        ),
    )


def _make_exactly(
    connection: Connection,
    table: str,
    schema: str,
    key: Sequence[str],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],  # values of any column type
) -> int:
    """COPY the rows aside, then delete, update and insert what differs within one service."""
    target, incoming = sql.Identifier("archive", table), sql.Identifier(f"incoming_{table}")
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            incoming, names, target
        )
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(incoming, names)) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    same = sql.SQL(" AND ").join(sql.SQL("i.{0} = t.{0}").format(sql.Identifier(name)) for name in key)
    deleted = connection.execute(
        sql.SQL("DELETE FROM {} t WHERE t.schema_name = %s AND NOT EXISTS (SELECT FROM {} i WHERE {})").format(
            target, incoming, same
        ),
        (schema,),
    )
    values = [name for name in columns if name not in key]
    merged = connection.execute(
        sql.SQL(
            "INSERT INTO {target} AS t (schema_name, {names}) SELECT %s, {names} FROM {incoming} "
            "ON CONFLICT (schema_name, {key}) DO UPDATE SET {changes} "
            "WHERE ({stored}) IS DISTINCT FROM ({wanted})"
        ).format(
            target=target,
            names=names,
            incoming=incoming,
            key=sql.SQL(", ").join(map(sql.Identifier, key)),
            changes=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in values),
            stored=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in values),
            wanted=sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in values),
        ),
        (schema,),
    )
    return deleted.rowcount + merged.rowcount


# -- reading ----------------------------------------------------------------------------------------------------------


def services(connection: Connection) -> tuple[Service, ...]:
    """All services, by schema name."""
    with connection.cursor(row_factory=class_row(Service)) as cursor:
        return tuple(cursor.execute("SELECT * FROM archive.service ORDER BY schema_name"))


def dataset(connection: Connection, schema: str, dataset_id: str) -> Dataset | None:
    """One dataset with its parameters in order, or None."""
    row = connection.execute(
        sql.SQL("SELECT {}, ({}) FROM archive.dataset d WHERE d.schema_name = %s AND d.dataset_id = %s").format(
            _prefixed("d", _DATASET_COLUMNS), _PARAMETERS_OF_D
        ),
        (schema, dataset_id),
    ).fetchone()
    return None if row is None else to_dataset(row)


def files_overlapping(
    connection: Connection, schema: str, dataset_id: str, start_tt2000: int, stop_tt2000: int
) -> tuple[ArchiveFile, ...]:
    """Files of a dataset that hold records in [start, stop), by time and path; bounds are TT2000 nanoseconds."""
    rows = connection.execute(
        sql.SQL(
            "SELECT {} FROM archive.file f WHERE f.schema_name = %s AND f.dataset_id = %s "
            "AND f.tt2000_min < %s AND f.tt2000_max >= %s ORDER BY f.tt2000_min, f.path"
        ).format(_prefixed("f", FILE_COLUMNS)),
        (schema, dataset_id, stop_tt2000, start_tt2000),
    )
    return tuple(ArchiveFile(*row) for row in rows)


def locate(
    connection: Connection, granule_uid: str, schemas: Sequence[str], to_tt2000: Callable[[datetime], int]
) -> LocatedGranule | None:
    """What a granule stands for, or None if no service has it; one round trip to the database.

    `schemas` are those whose epn_core has a dataset_id, in the order of preference; `to_tt2000` turns UTC
    without tzinfo into TT2000 nanoseconds. A granule of a day or month stands for the whole of it, one of a file
    for the records of that file.
    """
    if not schemas:
        return None
    span = calendar_span(granule_uid)
    try:
        start, stop = (None, None) if span is None else (to_tt2000(span[0]), to_tt2000(span[1]))
    except ValueError:  # digits that look like a date of a time that TT2000 does not reach
        start, stop = None, None
    row = connection.execute(_locate_statement(schemas), {"uid": granule_uid, "start": start, "stop": stop}).fetchone()
    if row is None:
        return None
    schema, granule, *described, candidates = row
    one = to_dataset(described)
    files = [ArchiveFile(*(item[name] for name in FILE_COLUMNS)) for item in candidates]
    return locate_files(str(schema), granule_uid, one, granule, (start, stop), files)


def locate_files(
    schema: str,
    granule_uid: str,
    one: Dataset,
    kind: str,
    span: tuple[int | None, int | None],
    candidates: Iterable[ArchiveFile],
) -> LocatedGranule:
    """The granule, with those of the candidates (`file_condition`) that hold records of it.

    `kind` is what granules of the dataset are: day, month or file; `span` what `calendar_span` says of the name, in
    TT2000.
    """
    start, stop = span
    if start is None or stop is None or not _is_calendar_granule(kind, granule_uid, one.dataset_id):
        files = tuple(file for file in candidates if _uid_of_file(file) == granule_uid)
        start = min((file.tt2000_min for file in files if file.tt2000_min is not None), default=0)
        stop = max((file.tt2000_max + 1 for file in files if file.tt2000_max is not None), default=start)
    else:
        files = tuple(file for file in candidates if file.reaches_into(start, stop))
    return LocatedGranule(schema, granule_uid, one, start, stop, files)


def file_of(connection: Connection, schema: str, path: str) -> ArchiveFile | None:
    """The indexed file of a service with this path below one of its folders, or None."""
    row = connection.execute(
        sql.SQL(
            "SELECT {} FROM archive.file f WHERE f.schema_name = %s AND f.path = %s ORDER BY f.root LIMIT 1"
        ).format(_prefixed("f", FILE_COLUMNS)),
        (schema, path),
    ).fetchone()
    return None if row is None else ArchiveFile(*row)


def schemas_with(connection: Connection, granule_uid: str, schemas: Sequence[str]) -> tuple[str, ...]:
    """Those of the schemas whose epn_core has a granule of this name."""
    asked = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}::text WHERE EXISTS (SELECT FROM {} WHERE granule_uid = %(uid)s)").format(
            sql.Literal(schema), sql.Identifier(schema, "epn_core")
        )
        for schema in schemas
    )
    return tuple(str(row[0]) for row in connection.execute(asked, {"uid": granule_uid}))


_PARAMETERS_OF_D = sql.SQL(
    "SELECT coalesce(json_agg(json_build_array(p.name, p.position, p.title, p.description, p.units, p.ucd, p.shape, "
    "p.fill_value, p.coordinate_system, p.variable) ORDER BY p.position), '[]') FROM archive.parameter p "
    "WHERE p.schema_name = d.schema_name AND p.dataset_id = d.dataset_id"
)


def _locate_statement(schemas: Sequence[str]) -> sql.Composed:
    granules = sql.SQL(" UNION ALL ").join(
        sql.SQL(
            "SELECT {rank}::integer AS rank, {name}::text AS schema_name, dataset_id, time_min, time_max "
            "FROM {table} WHERE granule_uid = %(uid)s"
        ).format(rank=sql.Literal(rank), name=sql.Literal(schema), table=sql.Identifier(schema, "epn_core"))
        for rank, schema in enumerate(schemas)
    )
    return sql.SQL(
        """
        SELECT g.schema_name, d.granule, {dataset}, (
            SELECT coalesce(json_agg(f ORDER BY f.tt2000_min, f.path), '[]') FROM archive.file f
            WHERE f.schema_name = d.schema_name AND f.dataset_id = d.dataset_id AND {files}
        )
        FROM ({granules}) g JOIN archive.dataset d USING (schema_name, dataset_id)
        ORDER BY g.rank LIMIT 1
        """
    ).format(
        dataset=dataset_columns(),
        files=file_condition(start=sql.Placeholder("start"), stop=sql.Placeholder("stop")),
        granules=granules,
    )


def file_condition(*, start: sql.Composable, stop: sql.Composable) -> sql.Composed:
    """Of `archive.file f`: it may hold records of the row `g` of epn_core, or of the span that its name tells."""
    # Julian dates lack the leap seconds: they serve to find a file by its time, not to bound a cut
    return sql.SQL(
        "f.tt2000_max >= least({start}::bigint, ((g.time_min - {origin}) * {day})::bigint - 1000000000) "
        "AND f.tt2000_min <= greatest({stop}::bigint, ((g.time_max - {origin}) * {day})::bigint + {leap})"
    ).format(
        start=start,
        stop=stop,
        origin=sql.Literal(_J2000_JD),
        day=sql.Literal(float(_NS_PER_DAY)),
        leap=sql.Literal(_MOST_LEAP_NS),
    )


def dataset_columns() -> sql.Composed:
    """Of `archive.dataset d`: what `to_dataset` takes."""
    return sql.SQL("{}, ({})").format(_prefixed("d", _DATASET_COLUMNS), _PARAMETERS_OF_D)


def _prefixed(alias: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in columns)


def to_dataset(row: Sequence[Any]) -> Dataset:  # values of any column type
    """The dataset of a row of `dataset_columns`."""
    named = {_FIELDS.get(name, name): value for name, value in zip(_DATASET_COLUMNS, row, strict=False)}
    return Dataset(**named, parameters=tuple(_to_parameter(values) for values in row[-1]))


def _to_parameter(values: Sequence[Any]) -> Parameter:  # in the order of _PARAMETERS_OF_D
    name, position, title, description, units, ucd, shape, fill_value, coordinate_system, variable = values
    return Parameter(
        name, position, title, description, units, ucd, tuple(shape), fill_value, coordinate_system, variable
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


def _uid_of_file(file: ArchiveFile) -> str:
    return clean_granule_uid(file.path.rpartition("/")[2].rpartition(".")[0])
