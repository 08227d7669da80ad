"""Small grey JPEG images made of uniform blocks (baseline, ISO/IEC 10918-1); enough for a map of a few cells."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

__all__ = ["BLOCK_PIXELS", "grey_blocks"]

#: a cell of the image is a block of this many pixels each way
BLOCK_PIXELS = 8

#: number of codes of each length from 1 to 16, then their symbols: magnitudes of differences (annex K.3.1)
_DC_COUNTS = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)
_DC_SYMBOLS = tuple(range(12))
#: the one symbol that is needed: no further coefficient in this block
_AC_COUNTS = (1, *(0,) * 15)
_END_OF_BLOCK = "0"
#: a block of one grey has the coefficient 8 times (grey - 128)
_QUANTUM = 8


def grey_blocks(rows: Sequence[Sequence[int]], comment: str = "") -> bytes:
    """A JPEG image in which each value (0 black to 255 white) is a block of 8 x 8 pixels."""
    height, width = len(rows) * BLOCK_PIXELS, len(rows[0]) * BLOCK_PIXELS
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            _segment(0xFE, comment.encode("ascii")),
            _segment(0xDB, bytes([0, *[_QUANTUM] * 64])),
            _segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0"),
            _segment(0xC4, bytes([0x00, *_DC_COUNTS, *_DC_SYMBOLS])),
            _segment(0xC4, bytes([0x10, *_AC_COUNTS, 0])),
            _segment(0xDA, b"\x01\x01\0\0\x3f\0"),
            _scan("".join(_bits([value - 128 for row in rows for value in row]))),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _codes() -> tuple[str, ...]:
    """Codes of the magnitudes 0 to 11, shortest first (annex C.2)."""
    codes, code = [], 0
    for length, count in enumerate(_DC_COUNTS, 1):
        for _ in range(count):
            codes.append(f"{code:0{length}b}")
            code += 1
        code <<= 1
    return tuple(codes)


def _bits(levels: Sequence[int]) -> Iterator[str]:
    codes = _codes()
    before = 0
    for level in levels:
        difference = level - before
        before = level
        size = abs(difference).bit_length()
        yield codes[size]
        if size:
            # negative differences are written as their complement (annex F.1.2.1)
            yield f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
        yield _END_OF_BLOCK


def _scan(bits: str) -> bytes:
    padded = bits + "1" * (-len(bits) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0")
