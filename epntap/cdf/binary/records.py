"""The descriptor records inside a CDF: attributes, variables and where the values of a variable lie.

Follows the CDF Internal Format Description 3.9. Offsets have 8 bytes in version 3 and 4 before; the
records are the same otherwise. Reading all of a file takes one pass over each chain of records.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epntap.cdf.binary.compression import Compression, to_compression
from epntap.cdf.binary.datatypes import CdfType, ElementType, element_type
from epntap.cdf.binary.entries import VALUE_BYTES, Entry, read_entry, read_name
from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epntap.cdf.binary.header import Header
    from epntap.cdf.binary.source import ByteSource

__all__ = ["Block", "Entry", "RecordFile", "VariableRecord"]

_GDR, _R_VDR, _ADR, _GR_ENTRY, _VXR, _VVR, _Z_VDR, _Z_ENTRY, _CPR, _CVVR = 2, 3, 4, 5, 6, 7, 8, 9, 11, 13
# of the CDF library
_MAX_DIMENSIONS = 10
#: descriptions of variables that are kept: files of one dataset repeat them
_MOST_SHAPES = 1 << 11
#: of indexes
_MOST_LAYOUTS = 1 << 7
# what GZIP can do at best
_MAX_INFLATION = 1032
_GLOBAL_SCOPES = frozenset({1, 3})
_FLAG_VARIES, _FLAG_PAD, _FLAG_COMPRESSED = 1, 2, 4

# pad values that the CDF library takes when a variable names none
_DEFAULT_PADS: dict[CdfType, Any] = {  # numbers of any kind
    CdfType.CDF_INT1: -127,
    CdfType.CDF_BYTE: -127,
    CdfType.CDF_INT2: -32767,
    CdfType.CDF_INT4: -2147483647,
    CdfType.CDF_INT8: -9223372036854775807,
    CdfType.CDF_UINT1: 254,
    CdfType.CDF_UINT2: 65534,
    CdfType.CDF_UINT4: 4294967294,
    CdfType.CDF_REAL4: -1.0e30,
    CdfType.CDF_FLOAT: -1.0e30,
    CdfType.CDF_REAL8: -1.0e30,
    CdfType.CDF_DOUBLE: -1.0e30,
    CdfType.CDF_EPOCH: 0.0,
    CdfType.CDF_EPOCH16: 0.0,
    CdfType.CDF_TIME_TT2000: -9223372036854775807,
}


class Block(NamedTuple):
    """Consecutive records of a variable that lie together in the file."""

    first: int
    #: one after the last record
    stop: int
    #: where the bytes of the values start, and how many there are as stored
    offset: int
    size: int
    compressed: bool


class VariableRecord(NamedTuple):
    """A variable descriptor record."""

    #: without the blanks some writers pad names with
    name: str
    number: int
    is_z: bool
    cdf_type: CdfType
    #: characters in a string, else 1
    elements: int
    #: of one value, native byte order
    dtype: ElementType
    #: as declared, dimensions that do not vary left out
    dims: tuple[int, ...]
    #: number of the last record written, -1 if none
    last_record: int
    record_varying: bool
    #: 0 none, 1 missing records have the pad value, 2 the value of the record before
    sparse: int
    #: one value, native byte order
    pad: bytes
    compression: Compression
    index_offset: int


@dataclass(frozen=True, slots=True)
class _Layouts:
    """How records begin; each has its size and its type first."""

    #: of one offset
    offset: str
    start: struct.Struct
    gdr: struct.Struct
    adr: struct.Struct
    entry: struct.Struct
    vdr: struct.Struct
    index: struct.Struct
    compressed: struct.Struct
    parameters: struct.Struct


@cache
def _layouts(wide: bool, ancient: bool) -> _Layouts:
    """The layouts of files with offsets of 8 bytes or 4; `ancient` ones are of before version 2.5."""
    o, o_bytes = ("q", 8) if wide else ("i", 4)
    # there the record has 128 more bytes here
    gap = "128x" if ancient else ""
    return _Layouts(
        offset=o,
        start=struct.Struct(f">{o}i"),
        gdr=struct.Struct(f">{o}i{o}{o}{o}{o_bytes}xii4xii{o_bytes}x4xi4x"),
        adr=struct.Struct(f">{o}i{o}{o}i4xi8x{o}i8x"),
        entry=struct.Struct(f">{o}i{o}4xiii20x"),
        vdr=struct.Struct(f">{o}i{o}ii{o}{o_bytes}xii12x{gap}ii{o}4x"),
        index=struct.Struct(f">{o}i{o}ii"),
        compressed=struct.Struct(f">{o}ii{o}"),
        parameters=struct.Struct(f">{o}ii"),
    )


@dataclass(frozen=True, slots=True)
class _Head:
    """Where the chains of a file begin, and how long they are."""

    r_head: int
    r_count: int
    #: sizes of the dimensions of all r variables
    r_dims: tuple[int, ...]
    z_head: int
    z_count: int
    attributes: int
    attribute_count: int
    leap_table: int


class RecordFile:
    """Reads descriptor records of one open CDF."""

    def __init__(self, source: ByteSource, header: Header) -> None:
        self._source = source
        self._header = header
        self._offset_bytes = 8 if header.wide else 4
        self._name_bytes = 256 if header.wide else 64
        self._layouts = _layouts(header.wide, header.version < (2, 5))

    @cached_property
    def _head(self) -> _Head:
        values, body = self._unpack(self._layouts.gdr, self._header.gdr_offset, _GDR)
        r_head, z_head, attributes, r_count, attribute_count, r_dims, z_count, leap_table = values
        return _Head(
            r_head, r_count, self._integers(body, r_dims), z_head, z_count, attributes, attribute_count, leap_table
        )

    @property
    def leap_table(self) -> int | None:
        """Last day of the leap-second table that was used, as YYYYMMDD. Before CDF 3.6 the field is unused."""
        return self._head.leap_table if self._head.leap_table > 0 else None

    def read_attributes(self) -> tuple[dict[str, tuple[Entry, ...]], dict[tuple[bool, int], dict[str, Entry]]]:
        """Return the global attributes, and the attributes of variables by (is z variable, variable number)."""
        whole: dict[str, tuple[Entry, ...]] = {}
        by_variable: dict[tuple[bool, int], dict[str, Entry]] = {}
        for _, values, body in self._chain(self._head.attributes, self._head.attribute_count, _ADR, self._layouts.adr):
            _, gr_head, scope, gr_count, z_head, z_count = values
            name = read_name(self._source.read(body, self._name_bytes))
            if scope in _GLOBAL_SCOPES:
                whole[name] = tuple(self._entries(gr_head, gr_count, _GR_ENTRY))
                continue
            for is_z, head, count, kind in ((False, gr_head, gr_count, _GR_ENTRY), (True, z_head, z_count, _Z_ENTRY)):
                for entry in self._entries(head, count, kind):
                    by_variable.setdefault((is_z, entry.number), {})[name] = entry
        return whole, by_variable

    def read_variables(self) -> list[VariableRecord]:
        """Return all variables in the order of the file, r variables first, without their attributes."""
        all_of_them = self._head
        of_kinds = (
            (all_of_them.r_head, all_of_them.r_count, _R_VDR),
            (all_of_them.z_head, all_of_them.z_count, _Z_VDR),
        )
        return [
            self._read_vdr(offset, values, body, kind)
            for head, count, kind in of_kinds
            for offset, values, body in self._chain(head, count, kind, self._layouts.vdr)
        ]

    def read_index(self, variable: VariableRecord) -> list[Block]:
        """Return where the records of a variable lie, by rising record number."""
        blocks: list[Block] = []
        self._add_blocks(variable.index_offset, set(), blocks)
        blocks.sort(key=_first_record)
        for before, after in pairwise(blocks):
            if before.stop > after.first:
                raise UnreadableFileError(
                    f"{self._source.name} is damaged: variable {variable.name} has record {after.first} twice"
                )
        return blocks

    def _entries(self, head: int, count: int, kind: int) -> Iterator[Entry]:
        offset, done = head, 0
        seen: set[int] = set()
        window, layout, byte_order = self._source.window, self._layouts.entry, self._header.byte_order
        head_bytes, unpack, sizes = layout.size, layout.unpack_from, VALUE_BYTES
        held, base = b"", 0
        while offset > 0 and done < count:
            if offset in seen:
                raise self._looping(offset)
            seen.add(offset)
            start = offset - base
            # the next one mostly lies where this one does
            if start < 0 or start + head_bytes > len(held):
                held, start = window(offset, head_bytes)
                base = offset - start
            _, found, following, type_number, number, elements = unpack(held, start)
            if found != kind:
                raise self._unexpected(offset, kind, found)
            size = sizes.get(type_number, 0) * elements
            if size <= 0 and type_number not in sizes:
                raise self._unknown_type(type_number, offset)
            start += head_bytes
            if 0 <= size <= len(held) - start:
                content = held[start : start + size]
            else:
                content = self._source.read(offset + head_bytes, size)
            yield read_entry(byte_order, type_number, number, content)
            offset = following
            done += 1

    def _read_vdr(self, offset: int, values: tuple[Any, ...], body: int, kind: int) -> VariableRecord:
        _, type_number, last_record, index_offset, flags, sparse, elements, number, parameters = values
        name_bytes, r_dims = self._name_bytes, self._head.r_dims
        if kind == _Z_VDR:
            count = self._integers(body + name_bytes, 1)[0]
            size = name_bytes + 4 + 8 * count
            name, sizes, varies = _shape(self._source.read(body, size), name_bytes, None)
        else:
            size = name_bytes + 4 * len(r_dims)
            name, sizes, varies = _shape(self._source.read(body, size), name_bytes, r_dims)
        cdf_type = self._cdf_type(type_number, offset)
        if elements < 1 or last_record < -1 or len(sizes) > _MAX_DIMENSIONS or min(sizes, default=1) < 1:
            raise UnreadableFileError(
                f"{self._source.name} is damaged: variable {name} has impossible dimensions or counts"
            )
        if elements > _MAX_INFLATION * self._source.size:
            raise UnreadableFileError(
                f"{self._source.name} is damaged: variable {name} has texts of {elements} characters, "
                f"which do not come out of its {self._source.size} bytes"
            )
        dtype = element_type(cdf_type, elements)
        return VariableRecord(
            name=name,
            number=number,
            is_z=kind == _Z_VDR,
            cdf_type=cdf_type,
            elements=elements,
            dtype=dtype,
            dims=tuple(one for one, vary in zip(sizes, varies, strict=True) if vary),
            last_record=last_record,
            record_varying=bool(flags & _FLAG_VARIES),
            sparse=sparse,
            pad=self._read_pad(body + size, dtype, cdf_type) if flags & _FLAG_PAD else _default_pad(cdf_type, dtype),
            compression=self._read_compression(parameters) if flags & _FLAG_COMPRESSED else Compression.NONE,
            index_offset=index_offset,
        )

    def _read_pad(self, offset: int, dtype: ElementType, cdf_type: CdfType) -> bytes:
        try:
            content = self._source.read(offset, dtype.itemsize)
        except UnreadableFileError:
            return _default_pad(cdf_type, dtype)
        if cdf_type.is_text:
            return content
        stored = element_type(cdf_type, 1, self._header.byte_order)
        return content if stored.isnative else np.frombuffer(content, stored).astype(dtype).tobytes()

    def _read_compression(self, offset: int) -> Compression:
        try:
            return to_compression(self._unpack(self._layouts.parameters, offset, _CPR)[0][0], self._source.name)
        except UnreadableFileError:
            # of this variable only
            return Compression.UNKNOWN

    def _add_blocks(self, head: int, seen: set[int], found: list[Block]) -> None:
        offset, window, start_of_record = head, self._source.window, self._layouts.start
        while offset > 0:
            if offset in seen:
                raise self._looping(offset)
            seen.add(offset)
            (following, entries, used), body = self._unpack(self._layouts.index, offset, _VXR)
            if not 0 <= used <= entries:
                raise UnreadableFileError(
                    f"{self._source.name} is damaged: the index at byte {offset} has wrong counts"
                )
            held, at = window(body, entries * (8 + self._offset_bytes))
            numbers = _index_layout(used, entries - used, self._layouts.offset).unpack_from(held, at)
            for start, end, place in zip(numbers[:used], numbers[used:-used], numbers[-used:], strict=True):
                size, kind = start_of_record.unpack_from(*window(place, start_of_record.size))
                if kind == _VXR:
                    self._add_blocks(place, seen, found)
                else:
                    found.append(self._block(start, end, place, size, kind))
            offset = following

    def _block(self, first: int, last: int, place: int, size: int, kind: int) -> Block:
        if first < 0 or last < first:
            raise UnreadableFileError(f"{self._source.name} is damaged: records {first} to {last} at byte {place}")
        if kind == _VVR:
            head = self._layouts.start.size
            return Block(first, last + 1, place + head, size - head, compressed=False)
        (_, stored), body = self._unpack(self._layouts.compressed, place, _CVVR)
        return Block(first, last + 1, body, stored, compressed=True)

    def _chain(
        self, head: int, count: int, kind: int, layout: struct.Struct
    ) -> Iterator[tuple[int, tuple[Any, ...], int]]:
        """Yield offset, fields and place of the rest of records that point to the next one with their first field."""
        offset = head
        seen: set[int] = set()
        while offset > 0 and len(seen) < count:
            if offset in seen:
                raise self._looping(offset)
            seen.add(offset)
            values, body = self._unpack(layout, offset, kind)
            yield offset, values, body
            offset = values[0]

    def _unpack(self, layout: struct.Struct, offset: int, kind: int) -> tuple[tuple[Any, ...], int]:
        """Return the fields after size and type of a record of the given kind, and where the rest starts."""
        _, found, *values = layout.unpack_from(*self._source.window(offset, layout.size))
        if found != kind:
            raise self._unexpected(offset, kind, found)
        return tuple(values), offset + layout.size

    def _integers(self, offset: int, count: int) -> tuple[int, ...]:
        count = max(count, 0)
        return struct.unpack_from(f">{count}i", *self._source.window(offset, 4 * count))

    def _cdf_type(self, number: int, offset: int) -> CdfType:
        try:
            return CdfType(number)
        except ValueError as exc:
            raise self._unknown_type(number, offset) from exc

    def _unknown_type(self, number: int, offset: int) -> UnreadableFileError:
        return UnreadableFileError(
            f"{self._source.name} is damaged: the record at byte {offset} has the unknown data type {number}"
        )

    def _unexpected(self, offset: int, expected: int, found: int) -> UnreadableFileError:
        return UnreadableFileError(
            f"{self._source.name} is damaged: expected a record of type {expected} at byte {offset}, found type {found}"
        )

    def _looping(self, offset: int) -> UnreadableFileError:
        return UnreadableFileError(f"{self._source.name} is damaged: its records lead back to byte {offset}")


@lru_cache(maxsize=_MOST_SHAPES)
def _shape(
    content: bytes, name_bytes: int, r_dims: tuple[int, ...] | None
) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Name, sizes of dimensions and which of them vary, from what a variable's record says in a row.

    Those that have no sizes of their own have those of all r variables.
    """
    name = read_name(content[:name_bytes])
    numbers = struct.unpack_from(f">{(len(content) - name_bytes) // 4}i", content, name_bytes)
    if r_dims is not None:
        return name, r_dims, numbers
    count = numbers[0]
    return name, numbers[1 : 1 + count], numbers[1 + count :]


_first_record = itemgetter(Block._fields.index("first"))


@lru_cache(maxsize=_MOST_LAYOUTS)
def _index_layout(used: int, unused: int, offset: str) -> struct.Struct:
    """First records, last records and places of an index, of which some are not in use."""
    gap = f"{4 * unused}x"
    return struct.Struct(f">{used}i{gap}{used}i{gap}{used}{offset}")


@lru_cache(maxsize=_MOST_SHAPES)
def _default_pad(cdf_type: CdfType, dtype: ElementType) -> bytes:
    if cdf_type.is_text:
        return b" " * dtype.itemsize
    return np.array(_DEFAULT_PADS[cdf_type], dtype).tobytes()
