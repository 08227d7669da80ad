"""The descriptor records inside a CDF: attributes, variables and where the values of a variable lie.

Follows the CDF Internal Format Description 3.9. Offsets have 8 bytes in version 3 and 4 before; the
records are the same otherwise. Reading all of a file takes one pass over each chain of records.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from epntap.cdf.binary.compression import Compression, to_compression
from epntap.cdf.binary.datatypes import CdfType, ElementType, element_type
from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epntap.cdf.binary.header import Header
    from epntap.cdf.binary.source import ByteSource

__all__ = ["Block", "Entry", "RecordFile", "VariableRecord"]

_GDR, _R_VDR, _ADR, _GR_ENTRY, _VXR, _VVR, _Z_VDR, _Z_ENTRY, _CPR, _CVVR = 2, 3, 4, 5, 6, 7, 8, 9, 11, 13
# of the CDF library
_MAX_DIMENSIONS = 10
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of an attribute with its stored type."""

    #: entry number of a global attribute, variable number of a variable's
    number: int
    cdf_type: CdfType
    #: text, or numbers of shape (n,) in native byte order
    value: str | npt.NDArray[Any]

    @property
    def text(self) -> str:
        """The value as a person would write it, without padding."""
        if isinstance(self.value, str):
            return self.value.strip()
        return ", ".join(str(number) for number in self.value)


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive records of a variable that lie together in the file."""

    first: int
    #: one after the last record
    stop: int
    #: where the bytes of the values start, and how many there are as stored
    offset: int
    size: int
    compressed: bool


@dataclass(frozen=True, slots=True)
class VariableRecord:
    """A variable descriptor record."""

    #: as stored, blanks included
    name: str
    number: int
    is_z: bool
    cdf_type: CdfType
    #: characters in a string, else 1
    elements: int
    #: as declared, dimensions that do not vary left out
    dims: tuple[int, ...]
    #: number of the last record written, -1 if none
    last_record: int
    record_varying: bool
    #: 0 none, 1 missing records have the pad value, 2 the value of the record before
    sparse: int
    #: one value, shape ()
    pad: npt.NDArray[Any]
    compression: Compression
    index_offset: int
    attributes: dict[str, Entry] = field(default_factory=dict)


class RecordFile:
    """Reads descriptor records of one open CDF."""

    def __init__(self, source: ByteSource, header: Header) -> None:
        self._source = source
        self._header = header
        self._offset = "q" if header.wide else "i"
        self._offset_bytes = 8 if header.wide else 4
        self._name_bytes = 256 if header.wide else 64
        #: size and type open every record
        self._start = struct.Struct(f">{self._offset}i")
        self._entry = struct.Struct(f">{self._offset}i{self._offset}iiii5i")
        self._entry_types = _entry_types(header.byte_order)
        self._read_gdr()

    def _read_gdr(self) -> None:
        o = self._offset
        head, body = self._unpack(f"{o}{o}{o}{o}iiiii{o}iii", self._header.gdr_offset, _GDR)
        self._r_head, self._z_head, self._attribute_head = head[:3]
        self._r_count, self._attribute_count, _, r_dims, self._z_count = head[4:9]
        self._r_dims = self._integers(body, r_dims)
        # since CDF 3.6; before, the field is unused
        self.leap_table: int | None = head[11] if head[11] > 0 else None

    def read_attributes(self) -> tuple[dict[str, tuple[Entry, ...]], dict[tuple[bool, int], dict[str, Entry]]]:
        """Return the global attributes, and the attributes of variables by (is z variable, variable number)."""
        o = self._offset
        layout = f"{o}{o}iiiii{o}iii"
        whole: dict[str, tuple[Entry, ...]] = {}
        by_variable: dict[tuple[bool, int], dict[str, Entry]] = {}
        for offset in self._chain(self._attribute_head, self._attribute_count, _ADR):
            values, body = self._unpack(layout, offset, _ADR)
            _, gr_head, scope, _, gr_count, _, _, z_head, z_count, _, _ = values
            name = _decode(self._source.read(body, self._name_bytes)).strip()
            if scope in _GLOBAL_SCOPES:
                whole[name] = tuple(self._entries(gr_head, gr_count, _GR_ENTRY))
                continue
            for is_z, head, count, kind in ((False, gr_head, gr_count, _GR_ENTRY), (True, z_head, z_count, _Z_ENTRY)):
                for entry in self._entries(head, count, kind):
                    by_variable.setdefault((is_z, entry.number), {})[name] = entry
        return whole, by_variable

    def read_variables(self) -> list[VariableRecord]:
        """Return all variables in the order of the file, r variables first, without their attributes."""
        return [
            *(self._read_vdr(offset, _R_VDR) for offset in self._chain(self._r_head, self._r_count, _R_VDR)),
            *(self._read_vdr(offset, _Z_VDR) for offset in self._chain(self._z_head, self._z_count, _Z_VDR)),
        ]

    def read_index(self, variable: VariableRecord) -> list[Block]:
        """Return where the records of a variable lie, by rising record number."""
        blocks = list(self._index_blocks(variable.index_offset, set()))
        blocks.sort(key=lambda block: block.first)
        for before, after in pairwise(blocks):
            if before.stop > after.first:
                raise UnreadableFileError(
                    f"{self._source.name} is damaged: variable {variable.name.strip()} has record {after.first} twice"
                )
        return blocks

    def _entries(self, head: int, count: int, kind: int) -> Iterator[Entry]:
        offset, done = head, 0
        seen: set[int] = set()
        read, layout, types = self._source.read, self._entry, self._entry_types
        while offset > 0 and done < count:
            if offset in seen:
                raise self._looping(offset)
            seen.add(offset)
            _, found, following, _, type_number, number, elements, *_ = layout.unpack(read(offset, layout.size))
            if found != kind:
                raise self._unexpected(offset, kind, found)
            cdf_type, stored_type = types.get(type_number) or (self._cdf_type(type_number, offset), None)
            if stored_type is None:
                value: str | npt.NDArray[Any] = _decode(read(offset + layout.size, elements))
            else:
                stored = np.frombuffer(read(offset + layout.size, stored_type.itemsize * elements), stored_type)
                value = stored.astype(stored_type.newbyteorder("="))
            yield Entry(number, cdf_type, value)
            offset = following
            done += 1

    def _read_vdr(self, offset: int, kind: int) -> VariableRecord:
        o = self._offset
        # before version 2.5 the record has 128 more bytes here
        gap = "128x" if self._header.version < (2, 5) else ""
        values, body = self._unpack(f"{o}ii{o}{o}iiiii{gap}ii{o}i", offset, kind)
        _, type_number, last_record, index_offset, _, flags, sparse, _, _, _, elements, number, parameters, _ = values
        name = _decode(self._source.read(body, self._name_bytes))
        body += self._name_bytes
        if kind == _Z_VDR:
            count = self._integers(body, 1)[0]
            sizes = self._integers(body + 4, count)
            body += 4 + 4 * count
        else:
            sizes = self._r_dims
        varies = self._integers(body, len(sizes))
        body += 4 * len(sizes)
        cdf_type = self._cdf_type(type_number, offset)
        if elements < 1 or last_record < -1 or len(sizes) > _MAX_DIMENSIONS or min(sizes, default=1) < 1:
            raise UnreadableFileError(
                f"{self._source.name} is damaged: variable {name.strip()} has impossible dimensions or counts"
            )
        if elements > _MAX_INFLATION * self._source.size:
            raise UnreadableFileError(
                f"{self._source.name} is damaged: variable {name.strip()} has texts of {elements} characters, "
                f"which do not come out of its {self._source.size} bytes"
            )
        dtype = element_type(cdf_type, elements, self._header.byte_order)
        return VariableRecord(
            name=name,
            number=number,
            is_z=kind == _Z_VDR,
            cdf_type=cdf_type,
            elements=elements,
            dims=tuple(size for size, vary in zip(sizes, varies, strict=True) if vary),
            last_record=last_record,
            record_varying=bool(flags & _FLAG_VARIES),
            sparse=sparse,
            pad=self._read_pad(body, dtype, cdf_type) if flags & _FLAG_PAD else _default_pad(cdf_type, dtype),
            compression=self._read_compression(parameters) if flags & _FLAG_COMPRESSED else Compression.NONE,
            index_offset=index_offset,
        )

    def _read_pad(self, offset: int, dtype: ElementType, cdf_type: CdfType) -> npt.NDArray[Any]:
        try:
            content = self._source.read(offset, dtype.itemsize)
        except UnreadableFileError:
            return _default_pad(cdf_type, dtype)
        return np.frombuffer(content, dtype).astype(dtype.newbyteorder("=")).reshape(())

    def _read_compression(self, offset: int) -> Compression:
        try:
            return to_compression(self._unpack("i", offset, _CPR)[0][0], self._source.name)
        except UnreadableFileError:
            # of this variable only
            return Compression.UNKNOWN

    def _index_blocks(self, head: int, seen: set[int]) -> Iterator[Block]:
        offset = head
        while offset > 0:
            if offset in seen:
                raise self._looping(offset)
            seen.add(offset)
            (following, entries, used), body = self._unpack(f"{self._offset}ii", offset, _VXR)
            if not 0 <= used <= entries:
                raise UnreadableFileError(
                    f"{self._source.name} is damaged: the index at byte {offset} has wrong counts"
                )
            content = self._source.read(body, entries * (8 + self._offset_bytes))
            first = np.frombuffer(content, ">i4", used, 0).tolist()
            last = np.frombuffer(content, ">i4", used, 4 * entries).tolist()
            places = np.frombuffer(content, f">i{self._offset_bytes}", used, 8 * entries).tolist()
            for start, end, place in zip(first, last, places, strict=True):
                size, kind = self._start.unpack(self._source.read(place, self._start.size))
                if kind == _VXR:
                    yield from self._index_blocks(place, seen)
                else:
                    yield self._block(start, end, place, size, kind)
            offset = following

    def _block(self, first: int, last: int, place: int, size: int, kind: int) -> Block:
        if first < 0 or last < first:
            raise UnreadableFileError(f"{self._source.name} is damaged: records {first} to {last} at byte {place}")
        if kind == _VVR:
            return Block(first, last + 1, place + self._start.size, size - self._start.size, compressed=False)
        (_, stored), body = self._unpack(f"i{self._offset}", place, _CVVR)
        return Block(first, last + 1, body, stored, compressed=True)

    def _chain(self, head: int, count: int, kind: int) -> Iterator[int]:
        """Yield the offsets of records that point to the next one."""
        offset = head
        seen: set[int] = set()
        while offset > 0 and len(seen) < count:
            if offset in seen:
                raise self._looping(offset)
            seen.add(offset)
            yield offset
            offset = self._unpack(self._offset, offset, kind)[0][0]

    def _unpack(self, layout: str, offset: int, kind: int) -> tuple[tuple[Any, ...], int]:
        """Return the fields after size and type of a record of the given kind, and where the rest starts."""
        record = struct.Struct(f">{self._offset}i{layout}")
        _, found, *values = record.unpack(self._source.read(offset, record.size))
        if found != kind:
            raise self._unexpected(offset, kind, found)
        return tuple(values), offset + record.size

    def _integers(self, offset: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f">{max(count, 0)}i", self._source.read(offset, 4 * max(count, 0)))

    def _cdf_type(self, number: int, offset: int) -> CdfType:
        try:
            return CdfType(number)
        except ValueError as exc:
            raise UnreadableFileError(
                f"{self._source.name} is damaged: the record at byte {offset} has the unknown data type {number}"
            ) from exc

    def _unexpected(self, offset: int, expected: int, found: int) -> UnreadableFileError:
        return UnreadableFileError(
            f"{self._source.name} is damaged: expected a record of type {expected} at byte {offset}, found type {found}"
        )

    def _looping(self, offset: int) -> UnreadableFileError:
        return UnreadableFileError(f"{self._source.name} is damaged: its records lead back to byte {offset}")


@cache
def _entry_types(byte_order: str) -> dict[int, tuple[CdfType, ElementType | None]]:
    """Type number → type, and the numpy type of one number in the file or None for text."""
    return {
        int(cdf_type): (cdf_type, None if cdf_type.is_text else element_type(cdf_type, 1, byte_order))
        for cdf_type in CdfType
    }


def _decode(content: bytes) -> str:
    """Return text up to the first NUL. The format says ASCII; real files hold UTF-8 and Latin-1 as well."""
    content = content.partition(b"\x00")[0]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _default_pad(cdf_type: CdfType, dtype: ElementType) -> npt.NDArray[Any]:
    if cdf_type.is_text:
        return np.array(b" " * dtype.itemsize, dtype)
    return np.array(_DEFAULT_PADS[cdf_type], dtype.newbyteorder("="))
