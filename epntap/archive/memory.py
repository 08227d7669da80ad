"""What ingestions remember between runs: files that were opened, fingerprints of datasets, datasets taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from sys import intern
from typing import Any

from psycopg.types.json import Json
from sqlalchemy import ARRAY, BigInteger, Text, all_, any_, bindparam, column, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from epntap.archive.model import ArchiveFile, Dataset, ScannedFile
from epntap.connection import Connection
from epntap.schema import tables
from epntap.schema.statements import compiled, upsert

__all__ = [
    "DatasetState",
    "RowState",
    "dataset_states",
    "forget_files",
    "indexed_files",
    "moved_files",
    "note_withdrawn",
    "remember_files",
    "row_state",
    "scanned_files",
    "withdrawn_datasets",
    "write_dataset_states",
    "write_row_state",
]


_scanned, _file, _state = tables.scanned_file.c, tables.file.c, tables.row_state.c
_dataset, _withdrawn = tables.dataset.c, tables.withdrawn_dataset.c
_SCHEMA = bindparam("schema", type_=Text)

_SCANNED_FILES = compiled(
    select(*(_scanned[field.name] for field in fields(ScannedFile))).where(_scanned.schema_name == _SCHEMA)
)
_REMEMBER = upsert(tables.scanned_file)
_KEYS = (
    func.unnest(bindparam("roots", type_=ARRAY(Text)), bindparam("paths", type_=ARRAY(Text)))
    .table_valued("root", "path", name="gone")
    .render_derived()
)
_FORGET = compiled(
    delete(tables.scanned_file).where(
        _scanned.schema_name == _SCHEMA, _scanned.root == _KEYS.c.root, _scanned.path == _KEYS.c.path
    )
)
_INDEXED_FILES = compiled(
    select(*(_file[field.name] for field in fields(ArchiveFile))).where(_file.schema_name == _SCHEMA)
)
_MOVES = compiled(
    select(_file.root, _file.path, _file.size_bytes, _file.mtime_ns, _file.sha256).where(_file.schema_name == _SCHEMA)
)
_ROW_STATE = compiled(select(_state.fingerprint, _state.rows, _state.said).where(_state.schema_name == _SCHEMA))
_WRITE_ROW_STATE = upsert(tables.row_state)
_FORGET_ROW_STATE = compiled(delete(tables.row_state).where(_state.schema_name == _SCHEMA))
_DATASET_STATES = compiled(
    select(_dataset.dataset_id, _dataset.fingerprint, _dataset.granule_count).where(_dataset.schema_name == _SCHEMA)
)
_STATES = (
    func.unnest(
        bindparam("dataset_ids", type_=ARRAY(Text)),
        bindparam("fingerprints", type_=ARRAY(Text)),
        bindparam("granules", type_=ARRAY(BigInteger)),
    )
    .table_valued(column("dataset_id", Text), column("fingerprint", Text), column("granules", BigInteger), name="made")
    .render_derived()
)
_WRITE_DATASET_STATES = compiled(
    update(tables.dataset)
    .values(fingerprint=_STATES.c.fingerprint, granule_count=_STATES.c.granules)
    .where(
        _dataset.schema_name == _SCHEMA,
        _dataset.dataset_id == _STATES.c.dataset_id,
        or_(
            _dataset.fingerprint.is_distinct_from(_STATES.c.fingerprint),
            _dataset.granule_count.is_distinct_from(_STATES.c.granules),
        ),
    )
)
_NAMES = bindparam("names", type_=ARRAY(Text))
_DROP_NOTES = compiled(
    delete(tables.withdrawn_dataset).where(_withdrawn.schema_name == _SCHEMA, _withdrawn.dataset_id != all_(_NAMES))
)
_NOTE_PUBLISHED = compiled(
    insert(tables.withdrawn_dataset)
    .from_select(
        ["schema_name", "dataset_id", "title", "resource_id", "granules", "withdrawn_at"],
        select(
            _dataset.schema_name,
            _dataset.dataset_id,
            _dataset.title,
            _dataset.resource_id,
            _dataset.granule_count,
            bindparam("now", type_=TIMESTAMP),
        ).where(_dataset.schema_name == _SCHEMA, _dataset.dataset_id == any_(_NAMES)),
    )
    .on_conflict_do_nothing()
)
_NOTE = compiled(insert(tables.withdrawn_dataset).on_conflict_do_nothing())
_WITHDRAWN = compiled(
    select(_withdrawn.dataset_id, _withdrawn.withdrawn_at)
    .where(_withdrawn.schema_name == _SCHEMA)
    .order_by(_withdrawn.dataset_id)
)


@dataclass(frozen=True, slots=True)
class DatasetState:
    """What the rows of a dataset were made from, and how many they are."""

    fingerprint: str
    granules: int


@dataclass(frozen=True, slots=True)
class RowState:
    """What all rows of a service were made from, and how many they are."""

    fingerprint: str
    rows: int
    #: what the report said of things that are left out
    said: Mapping[str, Any]  # JSON


def scanned_files(connection: Connection, schema: str) -> dict[tuple[str, str], ScannedFile]:
    """All files that were opened for a service and were still there the last time, by root and path."""
    rows = _SCANNED_FILES.run(connection, schema=schema)
    files = (ScannedFile(*[intern(root), *rest, intern(layout), intern(days)]) for root, *rest, layout, days in rows)
    return {(file.root, file.path): file for file in files}


def remember_files(connection: Connection, schema: str, files: Iterable[ScannedFile]) -> None:
    """Write down what was found in files, in place of what was known of them."""
    with connection.transaction():
        _REMEMBER.run_many(connection, ({"schema_name": schema, **asdict(file)} for file in files))


def forget_files(connection: Connection, schema: str, keys: Sequence[tuple[str, str]]) -> None:
    """Remember these files (root and path) no longer."""
    if keys:
        roots, paths = map(list, zip(*keys, strict=True))
        _FORGET.run(connection, schema=schema, roots=roots, paths=paths)


def indexed_files(connection: Connection, schema: str) -> tuple[ArchiveFile, ...]:
    """The file index of a service as the last ingestion left it."""
    return tuple(
        ArchiveFile(*[intern(dataset_id), intern(root), *rest, intern(layout), embargo, intern(days)])
        for dataset_id, root, *rest, layout, embargo, days in _INDEXED_FILES.run(connection, schema=schema)
    )


def moved_files(
    connection: Connection, schema: str, now: Mapping[tuple[str, str], ScannedFile]
) -> frozenset[tuple[str, str]]:
    """Root and path of the indexed files whose content is another now; for a file without checksum its time counts."""
    moved = set()
    with connection.transaction(), connection.cursor("indexed") as cursor:  # not all of them at once
        cursor.execute(_MOVES.text, {"schema": schema})
        for root, path, size, mtime, checksum in cursor:
            file = now.get((root, path))
            if file is None or (size, mtime) == (file.size_bytes, file.mtime_ns):
                continue
            if not checksum or checksum != file.sha256:
                moved.add((root, path))
    return frozenset(moved)


def row_state(connection: Connection, schema: str) -> RowState | None:
    """What the rows of a service were made from whose sources describe each row; None if that is not known."""
    row = _ROW_STATE.run(connection, schema=schema).fetchone()
    return None if row is None else RowState(*row)


def write_row_state(connection: Connection, schema: str, state: RowState | None) -> None:
    """Record what the rows were made from, or forget it. Part of the caller's transaction."""
    if state is None:
        _FORGET_ROW_STATE.run(connection, schema=schema)
    else:
        said = Json(dict(state.said))
        _WRITE_ROW_STATE.run(connection, schema_name=schema, fingerprint=state.fingerprint, rows=state.rows, said=said)


def dataset_states(connection: Connection, schema: str) -> Mapping[str, DatasetState]:
    """What the rows of each dataset were made from, by dataset_id."""
    rows = _DATASET_STATES.run(connection, schema=schema)
    return {dataset_id: DatasetState(*state) for dataset_id, *state in rows}


def write_dataset_states(connection: Connection, schema: str, states: Mapping[str, DatasetState]) -> None:
    """Record what the rows of datasets were made from. Part of the caller's transaction."""
    _WRITE_DATASET_STATES.run(
        connection,
        schema=schema,
        dataset_ids=list(states),
        fingerprints=[state.fingerprint for state in states.values()],
        granules=[state.granules for state in states.values()],
    )


def note_withdrawn(
    connection: Connection, schema: str, datasets: Sequence[Dataset], names: Collection[str], now: datetime
) -> None:
    """Keep a note of each dataset that is taken back, and drop the notes of those not in `names`.

    `datasets` are those that are still described. Their granules are counted as they are now, so call it before
    they are deleted. Part of the caller's transaction.
    """
    _DROP_NOTES.run(connection, schema=schema, names=list(names))
    _NOTE_PUBLISHED.run(connection, schema=schema, names=list(names), now=now)
    _NOTE.run_many(
        connection,
        (
            {
                "schema_name": schema,
                "dataset_id": one.dataset_id,
                "title": one.title,
                "resource_id": one.resource_id,
                "granules": 0,
                "withdrawn_at": now,
            }
            for one in datasets
        ),
    )


def withdrawn_datasets(connection: Connection, schema: str) -> Mapping[str, datetime]:
    """When datasets were taken back, by dataset_id."""
    return dict(_WITHDRAWN.run(connection, schema=schema).fetchall())
