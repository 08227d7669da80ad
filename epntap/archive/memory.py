"""What ingestions remember between runs: files that were opened, fingerprints of datasets, datasets taken back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from sys import intern
from typing import Any

from psycopg.types.json import Json
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    all_,
    any_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from epntap.archive.model import ArchiveFile, Dataset, ScannedFile
from epntap.archive.phrases import folder_numbers, phrase_numbers
from epntap.connection import Connection
from epntap.pieces import in_pieces
from epntap.schema import tables
from epntap.schema.statements import Statement, compiled, upsert

__all__ = [
    "DatasetState",
    "RowState",
    "dataset_states",
    "forget_files",
    "indexed_files",
    "indexed_paths",
    "moved_files",
    "note_withdrawn",
    "remember_files",
    "row_state",
    "scanned_files",
    "withdrawn_datasets",
    "write_dataset_states",
    "write_row_state",
]


_scanned, _file = tables.scanned_file_in_full.c, tables.file_in_full.c
_stored_scan, _state = tables.scanned_file.c, tables.row_state.c
_dataset, _withdrawn = tables.dataset.c, tables.withdrawn_dataset.c
_SCHEMA = bindparam("schema", type_=Text)

#: rows that come from the database at a time where all are gone through
_PIECE = 10_000

_SCANNED_FILES = compiled(
    select(*(_scanned[field.name] for field in fields(ScannedFile))).where(
        _scanned.schema_name == _SCHEMA,
        _scanned.root == bindparam("root"),
        _scanned.path == any_(bindparam("paths", type_=ARRAY(Text))),
    )
)
_SCANNED_KEYS = compiled(
    select(_stored_scan.folder_no, tables.folder.c.root, _stored_scan.path)
    .join_from(tables.scanned_file, tables.folder)
    .where(_stored_scan.schema_name == _SCHEMA)
)
_REMEMBER = upsert(tables.scanned_file)
_KEYS = (
    func.unnest(bindparam("folders", type_=ARRAY(Integer)), bindparam("paths", type_=ARRAY(Text)))
    .table_valued(column("folder_no", Integer), column("path", Text), name="gone")
    .render_derived()
)
_FORGET = compiled(
    delete(tables.scanned_file).where(
        _stored_scan.schema_name == _SCHEMA,
        _stored_scan.folder_no == _KEYS.c.folder_no,
        _stored_scan.path == _KEYS.c.path,
    )
)
_INDEXED = select(*(_file[field.name] for field in fields(ArchiveFile))).where(_file.schema_name == _SCHEMA)
_INDEXED_FILES = compiled(_INDEXED)
_INDEXED_OF = compiled(_INDEXED.where(_file.dataset_id == bindparam("dataset_id")))
_INDEXED_PATHS = compiled(
    select(tables.folder.c.root, tables.file.c.path)
    .join_from(tables.file, tables.folder)
    .where(tables.file.c.schema_name == _SCHEMA)
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


def scanned_files(connection: Connection, schema: str, root: str, paths: Sequence[str]) -> dict[str, ScannedFile]:
    """Those of these files that were opened for a service and were still there the last time, by path."""
    rows = _SCANNED_FILES.run(connection, schema=schema, root=root, paths=list(paths))
    files = (ScannedFile(*[root, *rest, intern(layout), intern(days)]) for _, *rest, layout, days in rows)
    return {file.path: file for file in files}


def remember_files(connection: Connection, schema: str, files: Sequence[ScannedFile]) -> None:
    """Write down what was found in files, in place of what was known of them."""
    if not files:
        return
    folders = folder_numbers(connection, {one.root for one in files})
    phrases = phrase_numbers(connection, {text for one in files for text in (one.layout, one.logical_source)})
    with connection.transaction():
        _REMEMBER.run_many(
            connection,
            (
                {
                    **asdict(one),
                    "schema_name": schema,
                    "folder_no": folders[one.root],
                    "layout_no": phrases[one.layout],
                    "logical_source_no": phrases[one.logical_source],
                    "sha256": bytes.fromhex(one.sha256),
                }
                for one in files
            ),
        )


def forget_files(
    connection: Connection, schema: str, are_needed: Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
) -> None:
    """Remember only the files that are needed; which ones is asked piece by piece (root and path)."""
    gone: list[tuple[int, str]] = []
    for some in _in_pieces(connection, "scanned", _SCANNED_KEYS, schema):
        needed = are_needed([(root, path) for _, root, path in some])
        gone += [(number, path) for (number, _, path), is_needed in zip(some, needed, strict=True) if not is_needed]
    for keys in in_pieces(gone, _PIECE):
        folders, paths = map(list, zip(*keys, strict=True))
        _FORGET.run(connection, schema=schema, folders=folders, paths=paths)


def indexed_files(connection: Connection, schema: str, dataset_id: str | None = None) -> Iterator[ArchiveFile]:
    """The file index of a service, or of one dataset of it, as the last ingestion left it."""
    statement = _INDEXED_FILES if dataset_id is None else _INDEXED_OF
    for some in _in_pieces(connection, "indexed", statement, schema, dataset_id=dataset_id):
        for name, root, *rest, layout, embargo, days in some:
            yield ArchiveFile(*[intern(name), intern(root), *rest, intern(layout), embargo, intern(days)])


def indexed_paths(connection: Connection, schema: str) -> Iterator[Sequence[tuple[str, str]]]:
    """Root and path of all indexed files of a service, piece by piece."""
    return _in_pieces(connection, "indexed_paths", _INDEXED_PATHS, schema)


def _in_pieces(
    connection: Connection,
    name: str,
    statement: Statement,
    schema: str,
    **values: str | None,
) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of a statement, never all of them at once; whoever asks may use the connection in between."""
    with connection.transaction(), connection.cursor(name) as cursor:
        cursor.execute(statement.text, {**statement.constants, "schema": schema, **values})
        while some := cursor.fetchmany(_PIECE):
            yield some


def moved_files(
    connection: Connection, schema: str, now: Mapping[tuple[str, str], ScannedFile]
) -> frozenset[tuple[str, str]]:
    """Root and path of the indexed files whose content is another now; for a file without checksum its time counts."""
    moved = set()
    for some in _in_pieces(connection, "moves", _MOVES, schema):
        for root, path, size, mtime, checksum in some:
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
