"""The first look at a file: is it a CDF, is it whole, can it be read. Nothing else is read before."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epntap.cdf.binary.compression import Compression, decompress, to_compression
from epntap.cdf.binary.source import ByteSource, MemorySource, open_source
from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Header", "check_header", "inflate", "read_header"]

_MAGIC_V3 = bytes.fromhex("cdf30001")
_MAGIC_V26 = bytes.fromhex("cdf26002")
_MAGIC_V2 = bytes.fromhex("0000ffff")
_PLAIN = bytes.fromhex("0000ffff")
_COMPRESSED = bytes.fromhex("cccc0001")

_BIG_ENDIAN = frozenset({1, 2, 5, 7, 9, 11, 12, 18})
_LITTLE_ENDIAN = frozenset({4, 6, 13, 16, 17, 19})
_FOREIGN_FLOATS = {3: "VAX", 14: "Alpha VMS D", 15: "Alpha VMS G", 20: "Itanium VMS D", 21: "Itanium VMS G"}

_FLAG_ROW_MAJOR, _FLAG_SINGLE_FILE, _FLAG_CHECKSUM = 1, 2, 4
_CDR, _GDR, _CCR, _CPR = 1, 2, 10, 11
# both descriptor records of the head fit into this many bytes whatever the version
_HEAD_BYTES = 2048
# what GZIP can do at best
_MAX_INFLATION = 1032


@dataclass(frozen=True, slots=True)
class Header:
    """What the first records of a CDF say about all of it."""

    #: version, release, increment of the library that wrote the file
    version: tuple[int, int, int]
    row_major: bool
    #: "<" or ">" as numpy says it
    byte_order: str
    #: of the file as a whole; variables have their own
    compression: Compression
    #: whether a checksum follows the last record
    checksum: bool
    #: bytes up to the end of the last record, uncompressed
    end_of_file: int
    #: where the global descriptor record starts
    gdr_offset: int
    #: size of the file on disk in bytes
    file_size: int

    @property
    def wide(self) -> bool:
        """Whether file offsets have 8 bytes (version 3) and not 4."""
        return self.version[0] >= 3


def check_header(path: Path) -> Header:
    """Return the header of a whole, supported CDF; anything else is an UnreadableFileError that says why."""
    source = open_source(path)
    try:
        return read_header(source)
    finally:
        source.close()


def read_header(source: ByteSource) -> Header:
    """As `check_header`, for a file that is open."""
    wide, compressed = _read_magic(source)
    if not compressed:
        return _parse_head(source, wide, Compression.NONE, source.size)
    compression, content, size = _read_compressed(source, wide, limit=_HEAD_BYTES)
    head = MemorySource(bytes(8) + content, source.name)
    return _parse_head(head, wide, compression, source.size, inflated_size=8 + size)


def inflate(source: ByteSource, header: Header) -> MemorySource:
    """Return the uncompressed form of a file that is compressed as a whole, in memory."""
    _, content, size = _read_compressed(source, header.wide, limit=None)
    if len(content) < size:
        raise UnreadableFileError(
            f"{source.name} is truncated: its header says {size} bytes after decompression, {len(content)} come out"
        )
    return MemorySource(bytes(8) + content, source.name)


def _read_magic(source: ByteSource) -> tuple[bool, bool]:
    """Return (offsets have 8 bytes, compressed as a whole)."""
    if source.size == 0:
        raise UnreadableFileError(f"{source.name} is not a CDF file: it is empty")
    start = source.read(0, min(8, source.size))
    kind, state = start[:4], start[4:]
    if kind not in {_MAGIC_V3, _MAGIC_V26, _MAGIC_V2}:
        raise UnreadableFileError(
            f"{source.name} is not a CDF file: expected it to start with the bytes cdf30001, cdf26002 or 0000ffff, "
            f"found {kind.hex()}"
        )
    if len(state) < 4:
        raise UnreadableFileError(f"{source.name} is truncated: expected a CDF header, found {source.size} bytes")
    if state not in {_PLAIN, _COMPRESSED}:
        raise UnreadableFileError(
            f"{source.name} is damaged: expected the bytes 0000ffff or cccc0001 after the CDF number, "
            f"found {state.hex()}"
        )
    return kind == _MAGIC_V3, state == _COMPRESSED


def _read_compressed(source: ByteSource, wide: bool, limit: int | None) -> tuple[Compression, bytes, int]:
    """Return compression, the first `limit` uncompressed bytes after the magic numbers, and how many there are."""
    layout = struct.Struct(">qiqqi" if wide else ">iiiii")
    _require(source, 8 + layout.size)
    size, kind, parameters_offset, inflated_size, _ = layout.unpack(source.read(8, layout.size))
    _expect(source, kind, _CCR, 8)
    parameters = struct.Struct(">qii" if wide else ">iii")
    _require(source, max(8 + size, parameters_offset + parameters.size))
    parameters_size, kind, number = parameters.unpack(source.read(parameters_offset, parameters.size))
    _require(source, parameters_offset + parameters_size)
    _expect(source, kind, _CPR, parameters_offset)
    compression = to_compression(number, source.name)
    if size < layout.size or not 0 < inflated_size <= _MAX_INFLATION * source.size:
        raise UnreadableFileError(
            f"{source.name} is damaged: {inflated_size} bytes do not come out of the {size} that its header says"
        )
    content = source.read(8 + layout.size, size - layout.size)
    wanted = inflated_size if limit is None else min(limit, inflated_size)
    return compression, decompress(content, compression, wanted, source.name), inflated_size


def _parse_head(
    source: ByteSource, wide: bool, compression: Compression, file_size: int, inflated_size: int | None = None
) -> Header:
    layout = struct.Struct(">qiqiiiiiii" if wide else ">iiiiiiiiii")
    _require(source, 8 + layout.size)
    _, kind, gdr_offset, version, release, encoding, flags, _, _, increment = layout.unpack(source.read(8, layout.size))
    _expect(source, kind, _CDR, 8)
    if not flags & _FLAG_SINGLE_FILE:
        raise UnreadableFileError(
            f"{source.name} keeps its variables in other files: expected a single-file CDF; convert it with cdfconvert"
        )
    end_of_file = _read_end_of_file(source, wide, gdr_offset)
    _check_size(source.name, end_of_file, source.size if inflated_size is None else inflated_size)
    return Header(
        version=(version, release, increment),
        row_major=bool(flags & _FLAG_ROW_MAJOR),
        byte_order=_byte_order(source.name, encoding),
        compression=compression,
        checksum=bool(flags & _FLAG_CHECKSUM),
        end_of_file=end_of_file,
        gdr_offset=gdr_offset,
        file_size=file_size,
    )


def _read_end_of_file(source: ByteSource, wide: bool, gdr_offset: int) -> int:
    layout = struct.Struct(">qiqqqq" if wide else ">iiiiii")
    _require(source, gdr_offset + layout.size)
    _, kind, _, _, _, end_of_file = layout.unpack(source.read(gdr_offset, layout.size))
    _expect(source, kind, _GDR, gdr_offset)
    return int(end_of_file)


def _check_size(name: str, end_of_file: int, size: int) -> None:
    if end_of_file > size:
        raise UnreadableFileError(f"{name} is truncated: its header says {end_of_file} bytes, the file has {size}")


def _byte_order(name: str, encoding: int) -> str:
    if encoding in _BIG_ENDIAN:
        return ">"
    if encoding in _LITTLE_ENDIAN:
        return "<"
    raise UnreadableFileError(
        f"{name} stores numbers in the {_FOREIGN_FLOATS.get(encoding, f'unknown (number {encoding})')} encoding: "
        "expected network or IBM PC encoding; convert it with cdfconvert"
    )


def _require(source: ByteSource, size: int) -> None:
    if source.size < size:
        raise UnreadableFileError(
            f"{source.name} is truncated: its header needs {size} bytes, the file has {source.size}"
        )


def _expect(source: ByteSource, kind: int, expected: int, offset: int) -> None:
    if kind != expected:
        raise UnreadableFileError(
            f"{source.name} is damaged: expected a record of type {expected} at byte {offset}, found type {kind}"
        )
