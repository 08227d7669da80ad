"""Arrow: columns made of COPY BINARY without looking at single values, and the IPC stream of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

import numpy as np
import pyarrow as pa

from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.catalog.names import distinct
from epntap.formats import votable
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.binary.cells import Shape, shape_of
from epntap.formats.binary.copy_binary import Rows, framed
from epntap.formats.projection import Spelling

__all__ = ["Arrow", "Sink", "Table"]

_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}


class Sink(io.RawIOBase):
    """A file that gives away what was written to it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any, /) -> int:  # anything with bytes in it
        """Keep the bytes until the next `take`."""
        self._pieces.append(bytes(data))
        self._size += len(self._pieces[-1])
        return len(self._pieces[-1])

    def tell(self) -> int:
        """How many bytes were ever written."""
        return self._size

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


class Table:
    """The columns of an answer as Arrow knows them."""

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = columns
        self._shapes = [shape_of(column) for column in columns]
        # readers take neither file nor stream with two columns of one name
        names = distinct([column.name for column in columns])
        self.schema = pa.schema([_field(c, s, n) for c, s, n in zip(columns, self._shapes, names, strict=True)])

    def batch(self, block: bytes) -> pa.RecordBatch:
        """The rows of a block."""
        rows = Rows(block, len(self._columns))
        arrays = [
            _array(rows, n, field.type, shape)
            for n, (field, shape) in enumerate(zip(self.schema, self._shapes, strict=True))
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _field(column: ResultColumn, shape: Shape, name: str) -> pa.Field:
    kind = pa.string() if shape.is_text else _TYPES[column.datatype]
    if shape.elements != 1 and not shape.is_text:
        kind = pa.list_(kind)
    facts = {"unit": column.unit, "ucd": column.ucd, "utype": column.utype, "xtype": column.xtype}
    facts["description"] = column.description
    return pa.field(name, kind, metadata={word: value for word, value in facts.items() if value} or None)


def _array(rows: Rows, n: int, kind: pa.DataType, shape: Shape) -> pa.Array:
    nulls = rows.nulls[n]
    if nulls.all():
        return pa.nulls(rows.count, kind)
    if shape.is_text:
        validity, offsets, data = rows.values(n).buffers()
        small = np.frombuffer(offsets, np.int64, rows.count + 1).astype(np.int32)
        return pa.StringArray.from_buffers(rows.count, pa.py_buffer(small), data, validity)
    if shape.elements == 1:
        return _scalars(rows, n, kind, shape.width)
    _, offsets, data = rows.values(n).buffers()
    ends = np.frombuffer(offsets, np.int64, rows.count + 1)
    numbers = np.frombuffer(data, f"u{shape.width}", ends[-1] // shape.width).byteswap()
    values = pa.Array.from_buffers(kind.value_type, len(numbers), [None, pa.py_buffer(numbers)])
    mask = pa.array(nulls) if nulls.any() else None
    return pa.ListArray.from_arrays((ends // shape.width).astype(np.int32), values, type=kind, mask=mask)


def _scalars(rows: Rows, n: int, kind: pa.DataType, width: int) -> pa.Array:
    nulls = rows.nulls[n]
    numbers: np.ndarray[Any, Any] = rows.numbers(n, width).byteswap()  # unsigned integers of the width
    validity = None
    if nulls.any():
        validity = pa.py_buffer(np.packbits(~nulls, bitorder="little"))
        numbers[nulls] = 0
    if pa.types.is_boolean(kind):
        numbers = np.packbits(numbers != 0, bitorder="little")
    return pa.Array.from_buffers(kind, rows.count, [validity, pa.py_buffer(numbers)])


class Arrow(FormatDefaults):
    """The Arrow IPC stream. An overflow is said in the metadata of a last, empty batch."""

    media_type = "application/vnd.apache.arrow.stream"
    names = ("arrow",)
    extension = "arrows"
    options: LiteralString = "FORMAT binary"
    pack = staticmethod(framed)
    spelling = Spelling.BINARY
    says_outcome = False  # a reader that does not look at the metadata would take a broken answer for a whole one

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        return _Writer(columns, facts)


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> None:
        described = votable.document_start(columns, facts) + votable.document_end(Outcome(OutcomeStatus.OK, 0), facts)
        self._table = Table(columns)
        self._sink = Sink()
        self._stream = pa.ipc.new_stream(self._sink, self._table.schema.with_metadata({"VOTable": described}))

    def header(self) -> bytes:
        return self._sink.take()

    def rows(self, block: bytes) -> bytes:
        self._stream.write_batch(self._table.batch(block))
        return self._sink.take()

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        if outcome.status is OutcomeStatus.OVERFLOW:
            empty = pa.RecordBatch.from_arrays(
                [pa.nulls(0, field.type) for field in self._table.schema], schema=self._table.schema
            )
            self._stream.write_batch(empty, custom_metadata={"QUERY_STATUS": outcome.status.value})
        self._stream.close()
        return [self._sink.take()]

    def close(self) -> None:
        self._sink.take()
