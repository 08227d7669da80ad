"""Lays out a CDF before its values are known, so that it can be written from front to back.

Sizes are all that a layout needs: every offset follows from them, descriptors come first, values last, and the
size of an uncompressed file can be told before its first byte. cdflib's writer is not used: it needs a file to
seek in, and it writes CDF_EPOCH16 wrongly (1.3.16: real and imaginary parts become records).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from epntap.cdf.binary.datatypes import CdfType, element_type
from epntap.cdf.binary.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["CdfLayout", "StoredBlock", "VariableLayout", "to_stored"]

_VERSION = (3, 9, 0)
_IBM_PC = 6
_ROW_MAJOR_SINGLE_FILE = 3
_LAST_LEAP_SECOND = 20170101
_GZIP = 5
_NONE = -1
_CDR, _GDR, _ADR, _GR_ENTRY, _VXR, _VVR, _Z_VDR, _Z_ENTRY, _CPR, _CVVR = 1, 2, 4, 5, 6, 7, 8, 9, 11, 13
_GLOBAL, _VARIABLE = 1, 2
_NAME_BYTES = 256
_COPYRIGHT_BYTES = 256
# the CDF library keeps an index record in arrays of ten
_INDEX_ENTRIES = 7

_MAGIC = bytes.fromhex("cdf300010000ffff")
_CDR_FIELDS = struct.Struct(">qiqiiiiiiiii")
_GDR_FIELDS = struct.Struct(">qiqqqqiiiiiqiii")
_ADR_FIELDS = struct.Struct(">qiqqiiiiiqiii")
_AEDR_FIELDS = struct.Struct(">qiqiiiiiiiii")
_VDR_FIELDS = struct.Struct(">qiqiiqqiiiiiiiqi")
_VXR_FIELDS = struct.Struct(">qiqii")
_CPR_FIELDS = struct.Struct(">qiiiii")
_VVR_FIELDS = struct.Struct(">qi")
_CVVR_FIELDS = struct.Struct(">qiiq")


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """Consecutive records of a variable, and the number of bytes they take in the file."""

    records: int
    size: int
    compressed: bool = False

    @property
    def frame_size(self) -> int:
        """Bytes before the values."""
        return _CVVR_FIELDS.size if self.compressed else _VVR_FIELDS.size


@dataclass(frozen=True, slots=True, eq=False)
class VariableLayout:
    """What is written about one variable. Its values follow in the given blocks."""

    name: str
    cdf_type: CdfType
    #: characters in a string, else 1
    elements: int
    dims: tuple[int, ...]
    record_varying: bool
    #: one value, shape ()
    pad: npt.NDArray[Any]
    attributes: Mapping[str, Entry]
    blocks: Sequence[StoredBlock]
    #: GZIP level, 0 for none
    compression_level: int = 0

    @property
    def record_bytes(self) -> int:
        """Size of one record without compression."""
        return element_type(self.cdf_type, self.elements).itemsize * prod(self.dims)


class CdfLayout:
    """Where everything goes in a CDF 3.9, little-endian, row-major, single file."""

    def __init__(self, attributes: Mapping[str, Sequence[Entry]], variables: Sequence[VariableLayout]) -> None:
        self._variables = variables
        self._head = bytearray(_MAGIC)
        self._data_offsets: list[list[int]] = []
        self._write_cdr()
        gdr = self._reserve(_GDR_FIELDS.size)
        adr_head, adr_count = self._write_attributes(attributes)
        descriptors = [self._reserve(self._descriptor_size(variable)) for variable in variables]
        parameters = [self._write_compression(variable) for variable in variables]
        indices = [self._reserve_index(variable) for variable in variables]
        self.size = self._place_values()
        for number, variable in enumerate(variables):
            following = descriptors[number + 1] if number + 1 < len(variables) else 0
            self._fill_index(variable, indices[number], self._data_offsets[number])
            self._fill_descriptor(descriptors[number], variable, number, following, indices[number], parameters[number])
        z_head = descriptors[0] if descriptors else 0
        _GDR_FIELDS.pack_into(
            self._head, gdr, _GDR_FIELDS.size, _GDR, 0, z_head, adr_head, self.size,
            0, adr_count, _NONE, 0, len(variables), 0, 0, _LAST_LEAP_SECOND, _NONE,
        )  # fmt: skip

    def stream(self, values: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
        """Yield the file, given the stored bytes of each block in the order of variables and blocks."""
        yield bytes(self._head)
        blocks = (block for variable in self._variables for block in variable.blocks)
        for block, pieces in zip(blocks, values, strict=True):
            yield _frame(block)
            yield from pieces

    def _write_cdr(self) -> None:
        size = _CDR_FIELDS.size + _COPYRIGHT_BYTES
        version, release, increment = _VERSION
        self._head += _CDR_FIELDS.pack(
            size, _CDR, 8 + size, version, release, _IBM_PC, _ROW_MAJOR_SINGLE_FILE, 0, 0, increment, _NONE, _NONE
        )
        self._head += b"\nCommon Data Format (CDF)\n".ljust(_COPYRIGHT_BYTES, b"\0")

    def _write_attributes(self, attributes: Mapping[str, Sequence[Entry]]) -> tuple[int, int]:
        """Write all attributes; return where the first one is and how many there are."""
        named: dict[tuple[int, str], list[tuple[int, Entry]]] = {}
        for name, entries in attributes.items():
            named[_GLOBAL, name] = [(entry.number, entry) for entry in entries]
        for number, variable in enumerate(self._variables):
            for name, entry in variable.attributes.items():
                named.setdefault((_VARIABLE, name), []).append((number, entry))
        first = len(self._head) if named else 0
        for number, ((scope, name), entries_by_number) in enumerate(named.items()):
            self._write_attribute(scope, name, number, entries_by_number, is_last=number + 1 == len(named))
        return first, len(named)

    def _write_attribute(
        self, scope: int, name: str, number: int, entries: Sequence[tuple[int, Entry]], *, is_last: bool
    ) -> None:
        start = self._reserve(_ADR_FIELDS.size)
        self._head += name.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")
        first = len(self._head) if entries else 0
        kind = _GR_ENTRY if scope == _GLOBAL else _Z_ENTRY
        for place, (entry_number, entry) in enumerate(entries):
            self._write_entry(kind, number, entry_number, entry, is_last=place + 1 == len(entries))
        own = (first, len(entries), max((one for one, _ in entries), default=_NONE))
        other = (0, 0, _NONE)
        (gr_head, gr_count, gr_max), (z_head, z_count, z_max) = (own, other) if scope == _GLOBAL else (other, own)
        following = 0 if is_last else len(self._head)
        _ADR_FIELDS.pack_into(
            self._head, start, _ADR_FIELDS.size + _NAME_BYTES, _ADR, following, gr_head, scope, number,
            gr_count, gr_max, 0, z_head, z_count, z_max, _NONE,
        )  # fmt: skip

    def _write_entry(self, kind: int, attribute: int, number: int, entry: Entry, *, is_last: bool) -> None:
        if isinstance(entry.value, str):
            # a text has at least one character; readers take NUL for none
            content = entry.value.encode() or b"\0"
            count, strings = len(content), entry.value.count("\\N ") + 1
        else:
            content, strings = to_stored(entry.value), 0
            count = len(entry.value)
        size = _AEDR_FIELDS.size + len(content)
        following = 0 if is_last else len(self._head) + size
        self._head += _AEDR_FIELDS.pack(
            size, kind, following, attribute, entry.cdf_type, number, count, strings, 0, 0, _NONE, _NONE
        )
        self._head += content

    def _descriptor_size(self, variable: VariableLayout) -> int:
        return _VDR_FIELDS.size + _NAME_BYTES + 4 + 8 * len(variable.dims) + variable.pad.dtype.itemsize

    def _fill_descriptor(
        self, start: int, variable: VariableLayout, number: int, following: int, index: int, parameters: int
    ) -> None:
        records = sum(block.records for block in variable.blocks)
        flags = 2 | (1 if variable.record_varying else 0) | (4 if variable.compression_level else 0)
        last_index = index + (_index_count(variable) - 1) * _INDEX_SIZE if index else 0
        blocking = max((block.records for block in variable.blocks), default=0)
        _VDR_FIELDS.pack_into(
            self._head, start, self._descriptor_size(variable), _Z_VDR, following, variable.cdf_type, records - 1,
            index, last_index, flags, 0, 0, _NONE, _NONE, variable.elements, number, parameters, blocking,
        )  # fmt: skip
        name = variable.name.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")
        dims = (len(variable.dims), *variable.dims, *(_NONE for _ in variable.dims))
        rest = name + struct.pack(f">{len(dims)}i", *dims) + to_stored(variable.pad)
        self._head[start + _VDR_FIELDS.size : start + self._descriptor_size(variable)] = rest

    def _write_compression(self, variable: VariableLayout) -> int:
        if not variable.compression_level:
            return _NONE
        start = len(self._head)
        self._head += _CPR_FIELDS.pack(_CPR_FIELDS.size, _CPR, _GZIP, 0, 1, variable.compression_level)
        return start

    def _reserve_index(self, variable: VariableLayout) -> int:
        return self._reserve(_index_count(variable) * _INDEX_SIZE) if variable.blocks else 0

    def _fill_index(self, variable: VariableLayout, start: int, offsets: Sequence[int]) -> None:
        first = 0
        for part in range(_index_count(variable)):
            chosen = slice(part * _INDEX_ENTRIES, (part + 1) * _INDEX_ENTRIES)
            blocks = variable.blocks[chosen]
            firsts = [first + sum(block.records for block in blocks[:place]) for place in range(len(blocks))]
            lasts = [one + block.records - 1 for one, block in zip(firsts, blocks, strict=True)]
            unused = [_NONE] * (_INDEX_ENTRIES - len(blocks))
            place = start + part * _INDEX_SIZE
            following = place + _INDEX_SIZE if part + 1 < _index_count(variable) else 0
            _VXR_FIELDS.pack_into(self._head, place, _INDEX_SIZE, _VXR, following, _INDEX_ENTRIES, len(blocks))
            numbers = (*firsts, *unused, *lasts, *unused, *offsets[chosen], *unused)
            layout = f">{2 * _INDEX_ENTRIES}i{_INDEX_ENTRIES}q"
            struct.pack_into(layout, self._head, place + _VXR_FIELDS.size, *numbers)
            first += sum(block.records for block in blocks)

    def _place_values(self) -> int:
        """Give each block its place after the descriptors; return where the last one ends."""
        end = len(self._head)
        for variable in self._variables:
            offsets = []
            for block in variable.blocks:
                offsets.append(end)
                end += block.frame_size + block.size
            self._data_offsets.append(offsets)
        return end

    def _reserve(self, size: int) -> int:
        start = len(self._head)
        self._head += bytes(size)
        return start


_INDEX_SIZE = _VXR_FIELDS.size + _INDEX_ENTRIES * 16


def to_stored(values: npt.NDArray[Any]) -> bytes:
    """Return values as the bytes that are written: little-endian, row-major."""
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _index_count(variable: VariableLayout) -> int:
    return -(-len(variable.blocks) // _INDEX_ENTRIES)


def _frame(block: StoredBlock) -> bytes:
    size = block.frame_size + block.size
    if block.compressed:
        return _CVVR_FIELDS.pack(size, _CVVR, 0, block.size)
    return _VVR_FIELDS.pack(size, _VVR)
