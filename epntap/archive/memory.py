"""What ingestions remember between runs: files that were opened, fingerprints of datasets, datasets taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from sys import intern
from typing import Any

from psycopg import sql
from psycopg.types.json import Json

from epntap.archive.model import ArchiveFile, Dataset, ScannedFile
from epntap.connection import Connection

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


_SCANNED = tuple(field.name for field in fields(ScannedFile))
_INDEXED = tuple(field.name for field in fields(ArchiveFile))


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
    statement = sql.SQL("SELECT {} FROM archive.scanned_file WHERE schema_name = %s").format(_names(_SCANNED))
    with connection.cursor() as cursor:
        return {
            (file.root, file.path): file
            for file in (
                ScannedFile(*[intern(root), *rest, intern(layout)])
                for root, *rest, layout in cursor.execute(statement, (schema,))
            )
        }


def remember_files(connection: Connection, schema: str, files: Iterable[ScannedFile]) -> None:
    """Write down what was found in files, in place of what was known of them."""
    statement = sql.SQL(
        "INSERT INTO archive.scanned_file (schema_name, {names}) VALUES (%s, {values}) "
        "ON CONFLICT (schema_name, root, path) DO UPDATE SET {changes}"
    ).format(
        names=_names(_SCANNED),
        values=sql.SQL(", ").join(sql.Placeholder() for _ in _SCANNED),
        changes=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in _SCANNED[2:]),
    )
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(statement, [(schema, *astuple(file)) for file in files])


def forget_files(connection: Connection, schema: str, keys: Sequence[tuple[str, str]]) -> None:
    """Remember these files (root and path) no longer."""
    if keys:
        connection.execute(
            "DELETE FROM archive.scanned_file WHERE schema_name = %s "
            "AND (root, path) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            (schema, [root for root, _ in keys], [path for _, path in keys]),
        )


def indexed_files(connection: Connection, schema: str) -> tuple[ArchiveFile, ...]:
    """The file index of a service as the last ingestion left it."""
    statement = sql.SQL("SELECT {} FROM archive.file WHERE schema_name = %s").format(_names(_INDEXED))
    with connection.cursor() as cursor:
        return tuple(
            ArchiveFile(*[intern(dataset_id), intern(root), *rest, intern(layout)])
            for dataset_id, root, *rest, layout in cursor.execute(statement, (schema,))
        )


def moved_files(
    connection: Connection, schema: str, now: Mapping[tuple[str, str], ScannedFile]
) -> frozenset[tuple[str, str]]:
    """Root and path of the indexed files whose content is another now; for a file without checksum its time counts."""
    moved = set()
    with connection.transaction(), connection.cursor("indexed") as cursor:  # not all of them at once
        cursor.execute(
            "SELECT root, path, size_bytes, mtime_ns, sha256 FROM archive.file WHERE schema_name = %s", (schema,)
        )
        for root, path, size, mtime, checksum in cursor:
            file = now.get((root, path))
            if file is None or (size, mtime) == (file.size_bytes, file.mtime_ns):
                continue
            if not checksum or checksum != file.sha256:
                moved.add((root, path))
    return frozenset(moved)


def row_state(connection: Connection, schema: str) -> RowState | None:
    """What the rows of a service were made from whose sources describe each row; None if that is not known."""
    row = connection.execute(
        "SELECT fingerprint, rows, said FROM archive.row_state WHERE schema_name = %s", (schema,)
    ).fetchone()
    return None if row is None else RowState(*row)


def write_row_state(connection: Connection, schema: str, state: RowState | None) -> None:
    """Record what the rows were made from, or forget it. Part of the caller's transaction."""
    connection.execute("DELETE FROM archive.row_state WHERE schema_name = %s", (schema,))
    if state is not None:
        connection.execute(
            "INSERT INTO archive.row_state (schema_name, fingerprint, rows, said) VALUES (%s, %s, %s, %s)",
            (schema, state.fingerprint, state.rows, Json(dict(state.said))),
        )


def dataset_states(connection: Connection, schema: str) -> Mapping[str, DatasetState]:
    """What the rows of each dataset were made from, by dataset_id."""
    rows = connection.execute(
        "SELECT dataset_id, fingerprint, granule_count FROM archive.dataset WHERE schema_name = %s", (schema,)
    )
    return {dataset_id: DatasetState(*state) for dataset_id, *state in rows}


def write_dataset_states(connection: Connection, schema: str, states: Mapping[str, DatasetState]) -> None:
    """Record what the rows of datasets were made from. Part of the caller's transaction."""
    connection.execute(
        """
        UPDATE archive.dataset d SET fingerprint = s.fingerprint, granule_count = s.granules
        FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS s(dataset_id, fingerprint, granules)
        WHERE d.schema_name = %s AND d.dataset_id = s.dataset_id
          AND (d.fingerprint, d.granule_count) IS DISTINCT FROM (s.fingerprint, s.granules)
        """,
        (
            list(states),
            [state.fingerprint for state in states.values()],
            [state.granules for state in states.values()],
            schema,
        ),
    )


def note_withdrawn(
    connection: Connection, schema: str, datasets: Sequence[Dataset], names: Collection[str], now: datetime
) -> None:
    """Keep a note of each dataset that is taken back, and drop the notes of those not in `names`.

    `datasets` are those that are still described. Their granules are counted as they are now, so call it before
    they are deleted. Part of the caller's transaction.
    """
    connection.execute(
        "DELETE FROM archive.withdrawn_dataset WHERE schema_name = %s AND dataset_id <> ALL (%s)",
        (schema, list(names)),
    )
    connection.execute(
        """
        INSERT INTO archive.withdrawn_dataset (schema_name, dataset_id, title, resource_id, granules, withdrawn_at)
        SELECT schema_name, dataset_id, title, resource_id, granule_count, %(now)s FROM archive.dataset
        WHERE schema_name = %(schema)s AND dataset_id = ANY (%(names)s)
        ON CONFLICT DO NOTHING
        """,
        {"schema": schema, "names": list(names), "now": now},
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO archive.withdrawn_dataset "
            "(schema_name, dataset_id, title, resource_id, granules, withdrawn_at) "
            "VALUES (%s, %s, %s, %s, 0, %s) ON CONFLICT DO NOTHING",
            [(schema, one.dataset_id, one.title, one.resource_id, now) for one in datasets],
        )


def withdrawn_datasets(connection: Connection, schema: str) -> Mapping[str, datetime]:
    """When datasets were taken back, by dataset_id."""
    rows = connection.execute(
        "SELECT dataset_id, withdrawn_at FROM archive.withdrawn_dataset WHERE schema_name = %s ORDER BY 1", (schema,)
    )
    return dict(rows.fetchall())


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
