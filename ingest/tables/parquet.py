"""Parquet files, read with pyarrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from epntap.errors import UnreadableFileError
from ingest.tables.sheet import BadRow, Sheet, SheetField
from ingest.tables.values import Raw, Scalar

__all__ = ["read_parquet"]


def read_parquet(path: Path) -> Sheet:
    """The table in a file. Raises UnreadableFileError."""
    import pyarrow as pa  # noqa: PLC0415  # large, and only these tables need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
    except (OSError, pa.ArrowException) as exc:
        raise UnreadableFileError(f"{path.name} is not a Parquet file that can be read: {_first_line(exc)}") from exc
    fields = tuple(SheetField(one.name, *(_said(one, key) for key in ("unit", "ucd", "description"))) for one in schema)
    return Sheet(fields, _records(path, file, pa.ArrowException))


def _said(field: Any, key: str) -> str | None:  # pyarrow has no types
    content = (field.metadata or {}).get(key.encode())
    return content.decode() if content else None


def _records(
    path: Path,
    file: Any,  # pyarrow has no types
    broken: type[Exception],
) -> Iterator[tuple[str, Mapping[str, Raw] | BadRow]]:
    number = 0
    try:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", {name: _raw(value) for name, value in row.items()}
    except (OSError, broken) as exc:
        raise UnreadableFileError(f"{path.name} cannot be read after row {number}: {_first_line(exc)}") from exc


def _raw(value: Any) -> Raw:  # whatever the file holds
    if isinstance(value, list):
        return [_scalar(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Scalar:  # whatever the file holds
    if value is None or isinstance(value, bool | int | float | str | dt.datetime | dt.date):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _first_line(exc: Exception) -> str:
    return str(exc).splitlines()[0][:200] if str(exc) else type(exc).__name__
