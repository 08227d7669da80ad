"""Files in the archive."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from epntap.archive.exactly import make_exactly, prefixed
from epntap.archive.model import ArchiveFile
from epntap.connection import Connection

__all__ = ["FILE_COLUMNS", "file_of", "files_overlapping", "write_files"]


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


def write_files(connection: Connection, schema: str, files: Iterable[ArchiveFile]) -> int:
    """Make the file index of a service exactly these; how many rows were added, changed or removed."""
    return make_exactly(
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


def files_overlapping(
    connection: Connection, schema: str, dataset_id: str, start_tt2000: int, stop_tt2000: int
) -> tuple[ArchiveFile, ...]:
    """Files of a dataset that hold records in [start, stop), by time and path; bounds are TT2000 nanoseconds."""
    rows = connection.execute(
        sql.SQL(
            "SELECT {} FROM archive.file f WHERE f.schema_name = %s AND f.dataset_id = %s "
            "AND f.tt2000_min < %s AND f.tt2000_max >= %s ORDER BY f.tt2000_min, f.path"
        ).format(prefixed("f", FILE_COLUMNS)),
        (schema, dataset_id, stop_tt2000, start_tt2000),
    )
    return tuple(ArchiveFile(*row) for row in rows)


def file_of(connection: Connection, schema: str, path: str) -> ArchiveFile | None:
    """The indexed file of a service with this path below one of its folders, or None."""
    row = connection.execute(
        sql.SQL(
            "SELECT {} FROM archive.file f WHERE f.schema_name = %s AND f.path = %s ORDER BY f.root LIMIT 1"
        ).format(prefixed("f", FILE_COLUMNS)),
        (schema, path),
    ).fetchone()
    return None if row is None else ArchiveFile(*row)
