"""Cells of VOTable BINARY and BINARY2 (VOTable 1.4 §5.3, §5.4) made of COPY BINARY."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from epntap.answer.model import ResultColumn
from epntap.formats.binary.copy_binary import Assembly, Flags, Ints, Rows

__all__ = ["INTEGER_NULLS", "NULL_CELLS", "Shape", "add_cells", "bytes_of", "recoded", "shape_of"]

_WIDTHS = {"boolean": 1, "unsignedByte": 1, "short": 2, "int": 4, "long": 8, "float": 4, "double": 8}
#: values that say NULL where a format has no other way: the smallest of each type, but the largest unsigned one
INTEGER_NULLS = {"unsignedByte": 255, "short": -(2**15), "int": -(2**31), "long": -(2**63)}
#: bytes of a NULL element
NULL_CELLS = {
    "boolean": b"?",
    "unsignedByte": b"\xff",
    "short": struct.pack(">h", INTEGER_NULLS["short"]),
    "int": struct.pack(">i", INTEGER_NULLS["int"]),
    "long": struct.pack(">q", INTEGER_NULLS["long"]),
    "float": struct.pack(">f", float("nan")),
    "double": struct.pack(">d", float("nan")),
}
_TRUE, _FALSE = ord("T"), ord("F")


@dataclass(frozen=True, slots=True)
class Shape:
    """How many elements a cell has."""

    #: bytes of one element; 0 for text
    width: int
    #: elements of each cell; 0 when they vary
    elements: int

    @property
    def is_text(self) -> bool:
        """Whether the elements are characters."""
        return self.width == 0


def shape_of(column: ResultColumn) -> Shape:
    """What datatype and arraysize say."""
    size = column.arraysize or "1"
    elements = 0 if "*" in size else int(np.prod([int(part) for part in size.split("x")]))
    return Shape(_WIDTHS.get(column.datatype, 0), elements)


def add_cells(assembly: Assembly, rows: Rows, columns: Sequence[ResultColumn], shapes: Sequence[Shape]) -> None:
    """All cells of a block, in the order of the columns."""
    empty: Flags = np.logical_and.reduce(rows.nulls, axis=1)
    numbers = [(n, s.width) for n, s in enumerate(shapes) if s.elements == 1 and s.width and not empty[n]]
    arrays = any(s.elements != 1 and s.width for s in shapes)
    ascii_only = not arrays and rows.only_ascii(numbers)
    run = -1  # the first of the columns that can go as they came
    for n, (column, shape) in enumerate(zip(columns, shapes, strict=True)):
        as_it_came = not empty[n] and shape.elements == 0 and _has_right_words(rows, n, column, shape, ascii_only)
        if as_it_came:
            run = n if run < 0 else run
            continue
        if run >= 0:
            assembly.cells(run, n - 1)
            run = -1
        _add_cell(assembly, rows, n, column, shape, empty=bool(empty[n]))
    if run >= 0:
        assembly.cells(run, len(columns) - 1)


def _has_right_words(rows: Rows, n: int, column: ResultColumn, shape: Shape, ascii_only: bool) -> bool:
    """Whether a variable cell needs no other bytes than its own; its length words are made counts of elements."""
    if shape.is_text and (column.datatype == "unicodeChar" or not (ascii_only or _is_ascii(rows.values(n)))):
        return False
    if shape.width > 1:
        rows.words[rows.places[n]] = (np.maximum(rows.lengths[n], 0) // shape.width).astype(np.uint32).byteswap()
    elif rows.nulls[n].any():
        rows.words[rows.places[n][rows.nulls[n]]] = 0
    return True


def _add_cell(assembly: Assembly, rows: Rows, n: int, column: ResultColumn, shape: Shape, *, empty: bool) -> None:
    null = NULL_CELLS.get(column.datatype, b"\0" * (2 if column.datatype == "unicodeChar" else 1)) * shape.elements
    if shape.elements == 0:
        null = bytes(4)
    if empty:
        assembly.constant(null)
    elif shape.is_text:
        _add_text(assembly, rows.values(n), column.datatype == "unicodeChar", shape.elements)
    elif (rows.lengths[n] == shape.width * shape.elements)[~rows.nulls[n]].all():
        if column.datatype == "boolean":
            rows.overwrite(n, 1, np.where(rows.numbers(n, 1) != 0, _TRUE, _FALSE).astype(np.uint8))
        assembly.number(n, null)
    else:
        _add_fitted(assembly, rows.values(n), null)


def _is_ascii(values: pa.LargeBinaryArray) -> bool:
    return bytes_of(values)[0].isascii()


def bytes_of(values: pa.LargeBinaryArray) -> tuple[bytes, Ints]:
    """The bytes of all values one behind the other, and where each begins; the last place is the end."""
    _, offsets, data = values.buffers()
    places = np.frombuffer(offsets, np.int64, len(values) + 1)
    return bytes(memoryview(data)[: places[-1]]) if data is not None else b"", places


def _add_text(assembly: Assembly, values: pa.LargeBinaryArray, unicode: bool, elements: int) -> None:
    if elements:
        unit = 2 if unicode else 1
        fixed = [
            _encoded(value or b"", unicode)[: elements * unit].ljust(elements * unit, b"\0")
            for value in values.to_pylist()
        ]
        assembly.made(np.arange(len(fixed) + 1) * elements * unit, b"".join(fixed))
        return
    encoded, places = recoded(values, unicode=unicode)
    counts = np.diff(places) // (2 if unicode else 1)
    assembly.made(np.arange(len(counts) + 1) * 4, counts.astype(">i4").tobytes())
    assembly.made(places, encoded)


def recoded(values: pa.LargeBinaryArray, *, unicode: bool) -> tuple[bytes, Ints]:
    """All texts one behind the other, in UTF-16 or ASCII, and where each begins; the last place is the end."""
    data, places = bytes_of(values)
    if not unicode and data.isascii():
        return data, places
    # Encoded as a whole; the place of each text follows from the bytes before it that begin a character.
    begins = np.frombuffer(data, np.uint8)
    units = ((begins & 0xC0) != 0x80).astype(np.int64)
    if unicode:
        units = 2 * (units + (begins >= 0xF0))  # a surrogate pair
    before = np.zeros(len(units) + 1, np.int64)
    np.cumsum(units, out=before[1:])
    return _encoded(data, unicode), before[places]


def _encoded(text: bytes, unicode: bool) -> bytes:
    return text.decode().encode("utf-16-be") if unicode else text.decode().encode("ascii", "replace")


def _add_fitted(assembly: Assembly, values: pa.LargeBinaryArray, null: bytes) -> None:
    # Arrays that do not have the length that the FIELD says: cut, or filled up with what says NULL.
    fitted = [null if value is None else (value + null[len(value) :])[: len(null)] for value in values.to_pylist()]
    assembly.made(np.arange(len(fitted) + 1) * len(null), b"".join(fitted))
