"""The series of datasets kept beside them: what files and descriptions say, so that nobody has to open one later."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from epntap.archive.kept.series import Series, series_of_service, specimens_of, write_series
from epntap.archive.model import Dataset
from epntap.catalog.publish import raise_catalog_version
from epntap.connection import Connection
from epntap.errors import UnreadableFileError
from ingest.facts import Remark
from ingest.files.digest import code_digest
from ingest.files.series import describe_series, joined_series, series_edition
from ingest.progress import Progress
from ingest.publish.datasets import described

__all__ = ["publish_series"]

log = logging.getLogger(__name__)

#: of each dataset that are looked into: those whose variables differ
_MOST_SPECIMENS = 16
_SPECIMENS = """
SELECT dataset_id, root, path, size_bytes, mtime_ns FROM (
    SELECT DISTINCT ON (dataset_id, layout) * FROM archive.file_in_full
    WHERE schema_name = %s AND layout <> '' AND tt2000_max IS NOT NULL
    ORDER BY dataset_id, layout, tt2000_max DESC, path
) newest ORDER BY dataset_id, tt2000_max DESC, path
"""


def publish_series(
    connection: Connection, schema: str, datasets: Iterable[Dataset], progress: Progress
) -> tuple[Remark, ...]:
    """Describe anew the datasets whose newest files or descriptions are others than before.

    A transaction of its own for each, after the rows are published: what fails here takes nothing away. Returns where
    descriptions and files do not agree, of all datasets.
    """
    files: dict[str, list[tuple[str, str, int, int]]] = defaultdict(list)
    for dataset_id, *file in connection.execute(_SPECIMENS, (schema,)):
        files[dataset_id].append((file[0], file[1], file[2], file[3]))
    known = specimens_of(connection, schema)
    by_id = {one.dataset_id: one for one in datasets}
    wanted = {name: _digest(some[:_MOST_SPECIMENS], by_id.get(name)) for name, some in files.items()}
    waiting = [name for name, digest in wanted.items() if known.get(name) != digest]
    if waiting:
        progress.stage("describing series", len(waiting))
    for name in waiting:
        found = joined_series(_looked_into(files[name][:_MOST_SPECIMENS]))
        with connection.transaction():
            told = described.described_series(found, by_id.get(name))
            write_series(connection, schema, name, wanted[name], told)
        progress.advance(1)
    if waiting:
        with connection.transaction():
            raise_catalog_version(connection)
    return described.differences(series_of_service(connection, schema))


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


def _digest(files: list[tuple[str, str, int, int]], dataset: Dataset | None) -> str:
    said = (dataset.cadence_min_s, dataset.cadence_max_s, dataset.parameters) if dataset and dataset.resource_id else ()
    editions = series_edition(), code_digest(Path(described.__file__))
    return hashlib.sha256(repr((files, said, editions)).encode()).hexdigest()[:32]
