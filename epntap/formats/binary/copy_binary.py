"""Rows of COPY BINARY taken apart and put together, whole blocks at a time.

A row of COPY BINARY is a count of columns (2 bytes) and, for each, a length word (4 bytes, -1: NULL) and the value,
numbers in network order. That is nearly a row of VOTable BINARY2, and its values are what Arrow and FITS want; so one
reader serves them all. Places and lengths are found for all rows of a block at once, a column at a time; bytes are
moved by Arrow's `take` on an array that describes each piece of the block as an element.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Assembly", "Flags", "Ints", "Rows", "framed"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_COUNT_WORD = 2
_LENGTH_WORD = 4
#: behind the data, so that a number may be looked at where a NULL ends the block
_MARGIN = bytes(16)
#: length words of two NULLs
_TWO_NULLS = np.uint64(2**64 - 1)
#: columns that are looked at together
_MOST_NULLS = 64
_STEPS = np.arange(_MOST_NULLS + 1)[:, None] * _LENGTH_WORD


def framed(rows: Sequence[bytes | memoryview]) -> bytes:
    """A block of rows, with their number and lengths in front."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return b"".join((len(rows).to_bytes(8, "little"), lengths.astype("<i8").tobytes(), *rows, _MARGIN))


class Rows:
    """The cells of one block."""

    def __init__(self, block: bytes, columns: int) -> None:
        self.count = int.from_bytes(block[:8], "little")
        sizes = np.frombuffer(block, "<i8", self.count, 8)
        self.data = bytearray(memoryview(block)[8 + 8 * self.count :])
        starts = np.empty(self.count, np.int64)
        starts[:1] = 0
        np.cumsum(sizes[:-1], out=starts[1:])
        self.words: npt.NDArray[np.uint32] = np.ndarray((len(self.data) - 3,), np.uint32, self.data, 0, (1,))
        self.pairs: npt.NDArray[np.uint64] = np.ndarray((len(self.data) - 7,), np.uint64, self.data, 0, (1,))
        self.places: Ints = np.empty((columns + 1, self.count), np.int64)
        self.lengths: npt.NDArray[np.int32] = np.empty((columns, self.count), np.int32)
        self._find(starts)
        self.nulls: Flags = self.lengths < 0

    def _find(self, starts: Ints) -> None:
        np.add(starts, _COUNT_WORD, out=self.places[0])
        if not self.count:
            return
        n, columns = 0, len(self.lengths)
        while n < columns:
            nulls = self._nulls_from(n, columns)
            if nulls > 1:
                self.lengths[n : n + nulls] = -1
                np.add(self.places[n], _STEPS[1 : nulls + 1], out=self.places[n + 1 : n + nulls + 1])
                n += nulls
            else:
                self._find_one(n)
                n += 1

    def _nulls_from(self, n: int, columns: int) -> int:
        """How many columns from this one on are NULL in all rows; no more than are found at once, or 0."""
        place, most = int(self.places[n][0]), min(columns - n, _MOST_NULLS) * _LENGTH_WORD
        head = self.data[place : place + most]
        nulls = (len(head) - len(head.lstrip(b"\xff"))) // _LENGTH_WORD
        # the last row tells most of the other cases apart
        place = int(self.places[n][-1])
        head = self.data[place : place + nulls * _LENGTH_WORD]
        nulls = (len(head) - len(head.lstrip(b"\xff"))) // _LENGTH_WORD // 2 * 2
        for done in range(0, nulls, 2):
            if not (self.pairs[self.places[n] + done * _LENGTH_WORD] == _TWO_NULLS).all():
                return done
        return nulls

    def _find_one(self, n: int) -> None:
        length, following = self.lengths[n], self.places[n + 1]
        raw = self.words[self.places[n]]
        first = raw[0]
        if (raw == first).all():
            size = int(first.byteswap().astype(np.int32))
            length[:] = size
            np.add(self.places[n], max(size, 0) + _LENGTH_WORD, out=following)
            return
        length[:] = raw.byteswap(inplace=True)
        np.maximum(length, 0, out=following)
        following += self.places[n]
        following += _LENGTH_WORD

    def parts(self, most: int) -> Iterator[Rows]:
        """The same rows, so many at a time."""
        if self.count <= most:
            yield self
            return
        for first in range(0, self.count, most):
            part = copy.copy(self)
            part.places = self.places[:, first : first + most]
            part.lengths, part.nulls = self.lengths[:, first : first + most], self.nulls[:, first : first + most]
            part.count = part.lengths.shape[1]
            yield part

    def numbers(self, n: int, width: int) -> npt.NDArray[Any]:  # unsigned integers of the width
        """The bytes of a column of numbers in the order in which they came; anything where NULL."""
        kind = np.dtype(f"u{width}")
        everywhere = np.ndarray((len(self.data) - width + 1,), kind, self.data, 0, (1,))
        found: npt.NDArray[Any] = everywhere[self.places[n] + _LENGTH_WORD]
        return found

    def heads(self, n: int, width: int) -> npt.NDArray[np.uint8]:
        """So many bytes from the beginning of each value, no more than the longest has; anything behind its end."""
        everywhere = np.ndarray((len(self.data) - width + 1,), np.dtype(f"V{width}"), self.data, 0, (1,))
        starts = self.places[n] + _LENGTH_WORD
        inside = np.minimum(starts, len(everywhere) - 1)
        found: npt.NDArray[np.uint8] = everywhere[inside].view(np.uint8).reshape(self.count, width)
        for row in np.flatnonzero(starts - inside):  # the last rows, when a value is long
            found[row, : len(self.data) - starts[row]] = np.frombuffer(self.data, np.uint8, offset=int(starts[row]))
        return found

    def overwrite(self, n: int, width: int, values: npt.NDArray[Any]) -> None:
        """Other bytes for the values of a column that are not NULL."""
        known = ~self.nulls[n]
        everywhere = np.ndarray((len(self.data) - width + 1,), np.dtype(f"u{width}"), self.data, 0, (1,))
        everywhere[self.places[n][known] + _LENGTH_WORD] = values[known]

    def values(self, n: int) -> pa.LargeBinaryArray:
        """The values of a column as an Arrow array."""
        offsets = np.empty(2 * self.count + 1, np.int64)
        offsets[0:-1:2] = self.places[n] + _LENGTH_WORD
        offsets[1::2] = self.places[n + 1]
        offsets[-1] = len(self.data)
        pieces = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), 2 * self.count, [None, pa.py_buffer(offsets), pa.py_buffer(self.data)]
        )
        chosen = np.arange(0, 2 * self.count, 2)
        return pieces.take(pa.array(chosen, mask=self.nulls[n] if self.nulls[n].any() else None))

    def only_ascii(self, numbers: Sequence[tuple[int, int]]) -> bool:
        """Whether no value has a byte above 127, those of the numbers, given as (column, width), set aside."""
        everything = np.frombuffer(self.data, np.uint8)
        high = int(np.count_nonzero(everything > 0x7F))
        high -= int(np.count_nonzero(self.lengths.view(np.uint8) > 0x7F))
        high -= self.count * sum(byte > 0x7F for byte in len(self.lengths).to_bytes(_COUNT_WORD, "big"))
        for n, width in numbers:
            if not self.nulls[n].all():
                values = self.numbers(n, width)[~self.nulls[n]]
                high -= int(np.count_nonzero(values.view(np.uint8) > 0x7F))
        return high == 0


@dataclass(frozen=True, slots=True)
class _Slice:
    starts: Ints
    ends: Ints
    nulls: Flags | None
    null_part: int


class Assembly:
    """New rows, put together of pieces of a block, of constants, and of bytes made elsewhere."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._constants: list[bytes] = []
        self._parts: list[int | _Slice | tuple[Ints, bytes]] = []

    def constant(self, value: bytes) -> None:
        """The same bytes in each row."""
        if self._parts and isinstance(last := self._parts[-1], int):
            value = self._constants[last] + value
            self._parts.pop()
        self._parts.append(self._constant(value))

    def _constant(self, value: bytes) -> int:
        self._constants.append(value)
        return len(self._constants) - 1

    def cells(self, first: int, last: int) -> None:
        """A run of columns with their length words, which must be right."""
        self._parts.append(_Slice(self._rows.places[first], self._rows.places[last + 1], None, 0))

    def number(self, n: int, null: bytes) -> None:
        """A column without length words."""
        nulls = self._rows.nulls[n]
        part = self._constant(null) if nulls.any() else 0
        starts = self._rows.places[n] + _LENGTH_WORD
        self._parts.append(_Slice(starts, self._rows.places[n + 1], nulls if nulls.any() else None, part))

    def made(self, offsets: Ints, data: bytes) -> None:
        """Bytes made elsewhere: row r has data[offsets[r]:offsets[r + 1]]."""
        self._parts.append((offsets, data))

    def rows(self) -> memoryview:
        """All rows, one behind the other."""
        count = self._rows.count
        slices = [part for part in self._parts if isinstance(part, _Slice)]
        own = np.empty((count, 2 * len(slices)), np.int64)
        for n, part in enumerate(slices):
            own[:, 2 * n] = part.starts
            own[:, 2 * n + 1] = part.ends
        buffers: list[bytes | bytearray] = [self._rows.data, *self._constants]
        size = len(self._rows.data)
        marks = size + np.cumsum([0, *map(len, self._constants)])
        constants = own.size
        offsets: list[Ints] = [own.reshape(-1), marks]
        elements = own.size + len(marks)
        size = int(marks[-1])
        chosen = np.empty((count, len(self._parts)), np.int64)
        each = np.arange(count)
        nth = 0
        for n, piece in enumerate(self._parts):
            if isinstance(piece, int):
                chosen[:, n] = constants + piece
            elif isinstance(piece, _Slice):
                index = each * (2 * len(slices)) + 2 * nth
                nth += 1
                chosen[:, n] = (
                    index if piece.nulls is None else np.where(piece.nulls, constants + piece.null_part, index)
                )
            else:
                chosen[:, n] = elements + each
                offsets.append(piece[0] + size)
                buffers.append(piece[1])
                elements += len(piece[0])
                size += len(piece[1])
        ends = np.concatenate([*offsets, np.array([size])])
        array = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(ends) - 1, [None, pa.py_buffer(ends), pa.py_buffer(b"".join(buffers))]
        ).take(pa.array(chosen.reshape(-1)))
        _, written, data = array.buffers()
        return memoryview(data)[: np.frombuffer(written, np.int64, len(array) + 1)[-1]]
