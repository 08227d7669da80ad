"""Files in the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime

from sqlalchemy import bindparam, select

from epntap.archive.exactly import make_exactly
from epntap.archive.model import ArchiveFile
from epntap.archive.phrases import folder_numbers, phrase_numbers
from epntap.connection import Connection
from epntap.pieces import in_pieces
from epntap.schema import tables
from epntap.schema.statements import compiled

__all__ = ["FILE_COLUMNS", "embargoes", "file_of", "files_overlapping", "write_files"]


#: columns of archive.file_in_full that are fields of ArchiveFile, in their order
FILE_COLUMNS = tuple(field.name for field in fields(ArchiveFile))
_STORED = tuple({"root": "folder_no", "layout": "layout_no"}.get(name, name) for name in FILE_COLUMNS)
#: files whose folders and layouts are looked up at once
_BATCH = 5000

_FILE = tables.file_in_full.c
_ONE_FILE = select(*(_FILE[name] for name in FILE_COLUMNS)).where(_FILE.schema_name == bindparam("schema"))
_OVERLAPPING = compiled(
    _ONE_FILE.where(
        _FILE.dataset_id == bindparam("dataset_id"),
        _FILE.tt2000_min < bindparam("stop"),
        _FILE.tt2000_max >= bindparam("start"),
    ).order_by(_FILE.tt2000_min, _FILE.path)
)
_OF_PATH = compiled(_ONE_FILE.where(_FILE.path == bindparam("path")).order_by(_FILE.root).limit(1))


def write_files(connection: Connection, schema: str, files: Iterable[ArchiveFile]) -> int:
    """Make the file index of a service exactly these; how many rows were added, changed or removed."""
    return make_exactly(connection, tables.file, schema, _STORED, _rows(connection, files), batch=_BATCH)


def _rows(connection: Connection, files: Iterable[ArchiveFile]) -> Iterator[list[object]]:
    """The files as they are stored."""
    folders: dict[str, int] = {}
    layouts: dict[str, int] = {}
    for some in in_pieces(files, _BATCH):
        folders |= folder_numbers(connection, {one.root for one in some}.difference(folders))
        layouts |= phrase_numbers(connection, {one.layout for one in some}.difference(layouts))
        for one in some:
            numbers = {"root": folders[one.root], "layout": layouts[one.layout], "sha256": bytes.fromhex(one.sha256)}
            yield [numbers[name] if name in numbers else getattr(one, name) for name in FILE_COLUMNS]


def files_overlapping(
    connection: Connection, schema: str, dataset_id: str, start_tt2000: int, stop_tt2000: int
) -> tuple[ArchiveFile, ...]:
    """Files of a dataset that hold records in [start, stop), by time and path; bounds are TT2000 nanoseconds."""
    rows = _OVERLAPPING.run(connection, schema=schema, dataset_id=dataset_id, start=start_tt2000, stop=stop_tt2000)
    return tuple(ArchiveFile(*row) for row in rows)


def file_of(connection: Connection, schema: str, path: str) -> ArchiveFile | None:
    """The indexed file of a service with this path below one of its folders, or None."""
    row = _OF_PATH.run(connection, schema=schema, path=path).fetchone()
    return None if row is None else ArchiveFile(*row)


def embargoes(connection: Connection) -> tuple[int, int]:
    """How many datasets and files are closed at the moment by a date: of those that are not hidden, and of all."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE NOT hidden), count(*) FROM ("
        "SELECT hidden FROM archive.dataset WHERE embargoed_until > %(now)s UNION ALL "
        "SELECT hidden FROM archive.file f JOIN archive.dataset USING (schema_name, dataset_id) "
        "WHERE f.embargoed_until > %(now)s) AS closed",
        {"now": now},
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
