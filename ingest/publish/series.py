"""The series of datasets kept beside them: what their newest files say, so that nobody has to open one later."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from pathlib import Path

from epntap.archive.series import Series, specimens_of, write_series
from epntap.catalog.publish import raise_catalog_version
from epntap.connection import Connection
from epntap.errors import UnreadableFileError
from ingest.files.series import describe_series, joined_series, series_edition
from ingest.progress import Progress

__all__ = ["publish_series"]

log = logging.getLogger(__name__)

#: of each dataset that are looked into: those whose variables differ
_MOST_SPECIMENS = 16
_SPECIMENS = """
SELECT dataset_id, root, path, size_bytes, mtime_ns FROM (
    SELECT DISTINCT ON (dataset_id, layout) * FROM archive.file
    WHERE schema_name = %s AND layout <> '' AND tt2000_max IS NOT NULL
    ORDER BY dataset_id, layout, tt2000_max DESC, path
) newest ORDER BY dataset_id, tt2000_max DESC, path
"""


def publish_series(connection: Connection, schema: str, progress: Progress) -> int:
    """Describe anew the datasets whose newest files are others than before; how many were described.

    A transaction of its own for each, after the rows are published: what fails here takes nothing away.
    """
    files: dict[str, list[tuple[str, str, int, int]]] = defaultdict(list)
    for dataset_id, *file in connection.execute(_SPECIMENS, (schema,)):
        files[dataset_id].append((file[0], file[1], file[2], file[3]))
    known = specimens_of(connection, schema)
    wanted = {name: _digest(some[:_MOST_SPECIMENS]) for name, some in files.items()}
    waiting = [name for name, digest in wanted.items() if known.get(name) != digest]
    if not waiting:
        return 0
    progress.stage("describing series", len(waiting))
    for name in waiting:
        found = joined_series(_looked_into(files[name][:_MOST_SPECIMENS]))
        with connection.transaction():
            write_series(connection, schema, name, wanted[name], found)
        progress.advance(1)
    with connection.transaction():
        raise_catalog_version(connection)
    return len(waiting)


def _looked_into(files: list[tuple[str, str, int, int]]) -> list[tuple[Series, ...]]:
    found = []
    for root, path, *_ in files:
        try:
            found.append(describe_series(Path(root, path)))
        except UnreadableFileError:
            continue  # it could be read a moment ago, and the next ingestion says what became of it
        except Exception:  # whatever a file does to its reader, the rows are published and the others go on
            log.exception("a file cannot be described", extra={"path": path})
    return found


def _digest(files: list[tuple[str, str, int, int]]) -> str:
    return hashlib.sha256(repr((files, series_edition())).encode()).hexdigest()[:32]
