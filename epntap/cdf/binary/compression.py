"""Undoes the compressions of CDF: GZIP and run lengths of zeros."""

from __future__ import annotations

import re
import zlib
from enum import IntEnum

from epntap.errors import UnreadableFileError

__all__ = ["SUPPORTED", "Compression", "decompress", "to_compression"]


class Compression(IntEnum):
    """How bytes were compressed, by number in the file."""

    NONE = 0
    RLE = 1
    HUFFMAN = 2
    ADAPTIVE_HUFFMAN = 3
    GZIP = 5
    ZSTD = 16
    #: a number that nobody has given a meaning
    UNKNOWN = -1

    @property
    def words(self) -> str:
        """The name to say in a message."""
        return _WORDS[self]


_WORDS = {
    Compression.NONE: "no",
    Compression.RLE: "run-length",
    Compression.HUFFMAN: "Huffman",
    Compression.ADAPTIVE_HUFFMAN: "adaptive Huffman",
    Compression.GZIP: "GZIP",
    Compression.ZSTD: "Zstandard",
    Compression.UNKNOWN: "an unknown",
}
#: what `decompress` undoes
SUPPORTED = frozenset({Compression.NONE, Compression.RLE, Compression.GZIP})


def to_compression(number: int, where: str) -> Compression:
    """Return the compression with this number in the file; `where` names the place in error messages."""
    try:
        return Compression(number)
    except ValueError as exc:
        raise UnreadableFileError(f"{where} uses a compression with the unknown number {number}") from exc


# a zero byte is followed by the number of further zeros
_RUN = re.compile(rb"\x00(.)", re.DOTALL)
_GZIP_WINDOW_BITS = 31


def decompress(content: bytes, compression: Compression, limit: int, where: str) -> bytes:
    """Return at most `limit` bytes of what was compressed; `where` names the place in error messages.

    Fewer bytes come back when the content holds no more. Raises UnreadableFileError for damaged
    content and for compressions that are not supported.
    """
    match compression:
        case Compression.NONE:
            return content[:limit]
        case Compression.GZIP:
            try:
                return zlib.decompressobj(_GZIP_WINDOW_BITS).decompress(content, limit)
            except zlib.error as exc:
                raise UnreadableFileError(f"{where} is damaged: its GZIP bytes cannot be decompressed ({exc})") from exc
        case Compression.RLE:
            # no byte of input makes more than 128 bytes of output on average
            return _RUN.sub(lambda run: bytes(run[1][0] + 1), content)[:limit]
        case _:
            raise UnreadableFileError(
                f"{where} uses {compression.words} compression: expected GZIP, run-length or none; "
                "rewrite the file with another compression"
            )
