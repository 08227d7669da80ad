"""Reads the values of one variable, record range by record range, from where its index says they lie."""

from __future__ import annotations

from bisect import bisect_right
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from epntap.cdf.binary.compression import Compression, decompress
from epntap.cdf.binary.datatypes import element_type
from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from epntap.cdf.binary.header import Header
    from epntap.cdf.binary.records import Block, VariableRecord
    from epntap.cdf.binary.source import ByteSource

__all__ = ["ValueReader"]

_PREVIOUS = 2
# what GZIP can do at best; missing records may take more than the file, up to the other limit
_MAX_INFLATION = 1032
_ALWAYS_ALLOWED_BYTES = 1 << 26
# a member of GZIP ends with the size of what it holds, in so many bytes and modulo 2^32
_GZIP_HEAD, _GZIP_TAIL = b"\x1f\x8b", 4


class ValueReader:
    """Values of one variable of an open file. Keeps the last block that it had to decompress."""

    def __init__(self, source: ByteSource, header: Header, variable: VariableRecord, blocks: list[Block]) -> None:
        self._source = source
        self._variable = variable
        self._blocks = blocks
        self._stops = [block.stop for block in blocks]
        self._row_major = header.row_major
        self._stored_type = element_type(variable.cdf_type, variable.elements, header.byte_order)
        self._record_bytes = self._stored_type.itemsize * prod(variable.dims)
        self._inflated: tuple[Block, bytes] | None = None

    def read(self, first: int, stop: int) -> npt.NDArray[Any]:
        """Return the records `first` up to, not including, `stop`: shape (stop - first, *dims), native byte order."""
        self._check_size(stop - first)
        content = np.empty((stop - first, self._record_bytes), np.uint8)
        done = first
        for block in self._blocks[bisect_right(self._stops, first) :]:
            if block.first >= stop:
                break
            begin, end = max(block.first, done), min(block.stop, stop)
            self._fill_gap(content[done - first : begin - first], done)
            self._copy(block, begin, content[begin - first : end - first])
            done = end
        self._fill_gap(content[done - first :], done)
        return self._arrange(content)

    def check(self, first: int, stop: int) -> None:
        """Look at the places of records and at the frames of compressed ones; raises UnreadableFileError."""
        for block in self._blocks[bisect_right(self._stops, first) :]:
            if block.first >= stop:
                break
            self._check_block(block)

    @property
    def is_compressed(self) -> bool:
        """Whether any records are stored compressed: some do not get smaller and are kept as they are."""
        return any(block.compressed for block in self._blocks)

    def written(self, records: int) -> list[tuple[int, int]]:
        """Return first and stop of the records that are in the file, below a number of records."""
        spans: list[tuple[int, int]] = []
        for block in self._blocks:
            first, stop = block.first, min(block.stop, records)
            if spans and spans[-1][1] == first:
                spans[-1] = spans[-1][0], stop
            elif first < stop:
                spans.append((first, stop))
        return spans

    def forget(self) -> None:
        """Let go of the block that was decompressed last."""
        self._inflated = None

    def _check_size(self, count: int) -> None:
        """Refuse counts that the file cannot have meant, before memory is taken for them."""
        limit = max(_ALWAYS_ALLOWED_BYTES, _MAX_INFLATION * self._source.size)
        if count * self._record_bytes > limit:
            raise self._damaged(f"{count} records of {self._record_bytes} bytes do not come out of its size")

    def _check_block(self, block: Block) -> None:
        size = (block.stop - block.first) * self._record_bytes
        if block.size < 0 or block.offset + (block.size if block.compressed else size) > self._source.size:
            raise self._damaged(f"its records {block.first} to {block.stop - 1} reach beyond the end of the file")
        if not block.compressed:
            if size > block.size:
                raise self._damaged(f"its records {block.first} to {block.stop - 1} are larger than their place")
            return
        self._check_size(block.stop - block.first)
        if self._variable.compression is not Compression.GZIP:
            return
        head = self._source.read(block.offset, min(len(_GZIP_HEAD), block.size))
        tail = self._source.read(block.offset + max(block.size - _GZIP_TAIL, 0), min(_GZIP_TAIL, block.size))
        if head != _GZIP_HEAD or int.from_bytes(tail, "little") != size % (1 << 32):
            raise self._damaged(f"its records {block.first} to {block.stop - 1} are no GZIP of {size} bytes")

    def _copy(self, block: Block, begin: int, target: npt.NDArray[np.uint8]) -> None:
        start = (begin - block.first) * self._record_bytes
        if start + target.size > block.size and not block.compressed:
            raise self._damaged(f"its records {block.first} to {block.stop - 1} are larger than their place")
        if not target.size:
            return
        if block.compressed:
            target.reshape(-1)[:] = np.frombuffer(self._inflate(block), np.uint8, target.size, start)
        else:
            self._source.read_into(block.offset + start, target.reshape(-1).data)

    def _inflate(self, block: Block) -> bytes:
        if self._inflated is not None and self._inflated[0] is block:
            return self._inflated[1]
        size = (block.stop - block.first) * self._record_bytes
        if not 0 <= block.size <= self._source.size:
            raise self._damaged(f"{block.size} compressed bytes are more than the file has")
        stored = bytearray(block.size)
        self._source.read_into(block.offset, memoryview(stored))
        where = f"{self._source.name}: variable {self._variable.name}"
        content = decompress(bytes(stored), self._variable.compression, size, where)
        if len(content) < size:
            raise self._damaged(f"{size} bytes are expected after decompression, {len(content)} come out")
        self._inflated = block, content
        return content

    def _fill_gap(self, target: npt.NDArray[np.uint8], record: int) -> None:
        """Fill records that are not in the file and start at `record`."""
        if not target.size:
            return
        if self._variable.sparse == _PREVIOUS:
            number = bisect_right(self._stops, record) - 1
            if number >= 0:
                block = self._blocks[number]
                previous = np.empty((1, self._record_bytes), np.uint8)
                self._copy(block, block.stop - 1, previous)
                target[:] = previous
                return
        pad = np.frombuffer(self._variable.pad, self._variable.dtype).astype(self._stored_type).view(np.uint8)
        target[:] = np.tile(pad, prod(self._variable.dims))

    def _arrange(self, content: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        dims = self._variable.dims
        count = len(content)
        if not content.size:
            return np.empty((count, *dims), self._stored_type.newbyteorder("="))
        values = content.reshape(-1).view(self._stored_type)
        if not values.dtype.isnative:
            values = values.byteswap(inplace=True).view(values.dtype.newbyteorder("="))
        if self._row_major or len(dims) < 2:
            return values.reshape(count, *dims)
        stored = values.reshape(count, *reversed(dims))
        return np.ascontiguousarray(stored.transpose(0, *range(len(dims), 0, -1)))

    def _damaged(self, reason: str) -> UnreadableFileError:
        return UnreadableFileError(
            f"{self._source.name} is damaged: variable {self._variable.name} cannot be read: {reason}"
        )
