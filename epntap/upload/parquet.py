"""Reads an uploaded Parquet file, with the descriptions of its columns when it is a VOParquet (VOParquet 1.0 §3)."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from epntap.catalog.model import Column
from epntap.errors import UploadError
from epntap.upload.cells import NULL, array, escape
from epntap.upload.model import MOST_COLUMNS, Content, Limits
from epntap.upload.votable import fields_of

__all__ = ["read_parquet"]

log = logging.getLogger(__name__)

_CONTENT = b"IVOA.VOTable-Parquet.content"
_BATCH = 1_000
Write = Callable[[Any], str]  # from a value as Arrow gives it


@dataclass(frozen=True, slots=True)
class _Kind:
    datatype: str
    pg_type: str
    write: Write
    arraysize: str | None = None
    xtype: str | None = None


def read_parquet(file: BinaryIO, limits: Limits) -> Content:
    """The table. Raises UploadError, also while its rows are read."""
    try:
        # a dictionary stays one: a long text that is repeated a million times is not a million texts
        schema = pq.ParquetFile(file).schema_arrow
        texts = [f.name for f in schema if _is_text(f.type)]
        parquet = pq.ParquetFile(file, read_dictionary=texts)
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise UploadError(f"The Parquet file cannot be read: {_first_line(exc)}.") from exc
    if len(schema) > MOST_COLUMNS:
        raise UploadError(f"The uploaded table has more than {MOST_COLUMNS:,} columns.")
    kinds = [_kind(f) for f in schema]
    _check_size(parquet, limits)
    columns = _described(
        [
            Column(f.name, k.datatype, k.arraysize, k.xtype, pg_type=k.pg_type)
            for f, k in zip(schema, kinds, strict=True)
        ],
        parquet,
    )
    unicode = [False] * len(columns)

    def final() -> Sequence[Column]:
        return [
            replace(c, datatype="unicodeChar") if beyond and c.datatype == "char" else c
            for c, beyond in zip(columns, unicode, strict=True)
        ]

    return Content(final, _rows(parquet, columns, kinds, unicode))


def _check_size(parquet: pq.ParquetFile, limits: Limits) -> None:
    metadata = parquet.metadata
    if metadata.num_rows > limits.rows:
        raise UploadError(
            f"The Parquet file has {metadata.num_rows:,} rows; the limit for one request is {limits.rows:,}."
        )
    for group in range(metadata.num_row_groups):
        for n in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(n)
            # decoded values take eight bytes each, and an array of them is read as a whole
            if chunk.total_uncompressed_size > limits.bytes or chunk.num_values > max(limits.rows, limits.bytes // 8):
                raise UploadError(
                    f"The Parquet file holds more than {limits.bytes:,} bytes once it is unpacked, which is the limit "
                    "for one request; upload fewer rows or columns."
                )


def _rows(
    parquet: pq.ParquetFile, columns: Sequence[Column], kinds: Sequence[_Kind], unicode: list[bool]
) -> Iterator[str]:
    try:
        for batch in parquet.iter_batches(_BATCH):
            cells = []
            for n, (column, kind) in enumerate(zip(columns, kinds, strict=True)):
                cells.append(_column_cells(batch.column(n), column, kind))
                if kind.pg_type == "text" and not unicode[n]:
                    unicode[n] = not all(map(str.isascii, cells[-1]))
            yield from map("\t".join, zip(*cells, strict=True))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as exc:
        raise UploadError(f"The Parquet file cannot be read: {_first_line(exc)}.") from exc


def _column_cells(values: pa.Array, column: Column, kind: _Kind) -> Sequence[str]:
    if not pa.types.is_dictionary(values.type):
        return _cells(values.to_pylist(), column, kind)
    # each text of the dictionary once: they may be long, and their repetitions many
    texts = _cells(values.dictionary.to_pylist(), column, kind)
    return [NULL if index is None else texts[index] for index in values.indices.to_pylist()]


def _cells(values: list[Any], column: Column, kind: _Kind) -> list[str]:
    try:
        return [NULL if value is None else kind.write(value) for value in values]
    except ValueError as exc:
        raise UploadError(f"The column {column.name} of the upload: {exc}.") from None


def _kind(field: pa.Field) -> _Kind:
    kind = field.type
    scalar = _scalar(kind)
    if scalar is not None:
        return scalar
    if _is_text(kind):
        return _Kind("char", "text", lambda value: escape(_text(value)), "*")
    if pa.types.is_timestamp(kind) and kind.tz in {None, "UTC"}:
        return _Kind("char", "text", _time, "*", "timestamp")
    if pa.types.is_date32(kind):
        return _Kind("char", "text", lambda value: str(value.isoformat()), "*", "timestamp")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        element = _scalar(kind.value_type)
        if element is not None:
            size = str(kind.list_size) if pa.types.is_fixed_size_list(kind) else "*"
            return _list_kind(element, size)
    raise UploadError(
        f"The column {field.name} of the Parquet file is of type {str(kind)[:60]}, which has no counterpart here; "
        "numbers, booleans, texts, timestamps in UTC and lists of numbers have one."
    )


def _scalar(kind: pa.DataType) -> _Kind | None:  # noqa: PLR0911  # one answer for each type
    if pa.types.is_boolean(kind):
        return _Kind("boolean", "boolean", lambda value: "t" if value else "f")
    if pa.types.is_uint8(kind):
        return _Kind("unsignedByte", "smallint", str)
    if pa.types.is_int8(kind) or pa.types.is_int16(kind):
        return _Kind("short", "smallint", str)
    if pa.types.is_int32(kind) or pa.types.is_uint16(kind):
        return _Kind("int", "integer", str)
    if pa.types.is_int64(kind) or pa.types.is_uint32(kind):
        return _Kind("long", "bigint", str)
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        return _Kind("float", "real", _number)
    if pa.types.is_float64(kind):
        return _Kind("double", "double precision", _number)
    return None


def _number(value: float) -> str:
    return NULL if math.isnan(value) else repr(value)  # (VOTable 1.4 §6)


def _list_kind(element: _Kind, arraysize: str) -> _Kind:
    if element.datatype in {"float", "double"}:

        def floats(values: list[float | None]) -> str:
            return array(["nan" if value is None else repr(value) for value in values])

        return _Kind(element.datatype, "double precision[]", floats, arraysize)
    datatype = "short" if element.datatype in {"boolean", "unsignedByte"} else element.datatype

    def wholes(values: list[int | None]) -> str:
        if None in values:
            raise ValueError("an array of whole numbers has elements without a value, for which there is no way here")
        return array([str(int(value or 0)) for value in values])

    return _Kind(datatype, "bigint[]", wholes, arraysize)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )  # fmt: skip


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _time(value: Any) -> str:  # datetime, or pandas' Timestamp where nanoseconds are kept
    return str(value.isoformat()).removesuffix("+00:00")


def _described(columns: Sequence[Column], parquet: pq.ParquetFile) -> list[Column]:
    """The columns with what the VOTable inside says of them, where the two agree in number."""
    document = (parquet.schema_arrow.metadata or {}).get(_CONTENT)
    if document is None:
        return list(columns)
    try:
        fields = fields_of(document)
    except UploadError as exc:
        log.info("the VOTable inside an uploaded Parquet file cannot be read: %s", exc)
        return list(columns)
    if len(fields) != len(columns):
        return list(columns)
    return [_merged(column, field) for column, field in zip(columns, fields, strict=True)]


def _merged(column: Column, field: Column) -> Column:
    # the types of Parquet win (VOParquet 1.0 §3.2), but a text may be a time, and three numbers a circle
    same_kind = column.pg_type == field.pg_type
    xtype = column.xtype or (field.xtype if same_kind else None)
    return replace(
        column, unit=field.unit, ucd=field.ucd, utype=field.utype, description=field.description, xtype=xtype,
        arraysize=field.arraysize if same_kind and column.arraysize == "*" else column.arraysize,
    )  # fmt: skip


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or ["it is broken"])[0].rstrip(".")[:200]
