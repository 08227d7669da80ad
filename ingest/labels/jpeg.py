"""Size of a JPEG image from its header (ISO/IEC 10918-1, annex B)."""

from __future__ import annotations

import struct
from pathlib import Path

from epntap.errors import UnreadableFileError

__all__ = ["jpeg_size"]

_START_OF_IMAGE = b"\xff\xd8"
#: start of frame of any coding but DHT (C4), JPG (C8) and DAC (CC)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: markers without a length
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})


def jpeg_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels. Raises UnreadableFileError when the file is no JPEG or ends before its frame."""
    try:
        with path.open("rb") as file:
            if file.read(2) != _START_OF_IMAGE:
                raise UnreadableFileError(f"{path.name} is not a JPEG image, although its name says so")
            while True:
                marker = file.read(2)
                while marker[1:] == b"\xff":
                    marker = marker[1:] + file.read(1)
                if len(marker) < 2 or marker[0] != 0xFF:
                    raise UnreadableFileError(f"{path.name} is a damaged JPEG image: its frame header is missing")
                if marker[1] in _BARE:
                    continue
                length = int.from_bytes(file.read(2), "big")
                if marker[1] in _FRAMES:
                    return _frame_size(file.read(5), path)
                if marker[1] in {0xD9, 0xDA} or length < 2:
                    raise UnreadableFileError(f"{path.name} is a damaged JPEG image: its frame header is missing")
                file.seek(length - 2, 1)
    except OSError as exc:
        reason = (exc.strerror or type(exc).__name__).lower()
        raise UnreadableFileError(f"{path.name} cannot be opened: {reason}") from exc


def _frame_size(header: bytes, path: Path) -> tuple[int, int]:
    if len(header) < 5:
        raise UnreadableFileError(f"{path.name} is a damaged JPEG image: its frame header is cut short")
    _, height, width = struct.unpack(">BHH", header)
    if not height or not width:
        raise UnreadableFileError(f"{path.name} is a damaged JPEG image: {width} x {height} pixels")
    return width, height
