"""Turns what damaged bytes make readers stumble over into a refusal of the file."""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["refusing"]

_STUMBLES = (
    ArithmeticError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Raise an UnreadableFileError that names the file for whatever its bytes make fail.

    The reader checks what it reads and says what is wrong; this is for what it did not think of.
    """
    try:
        yield
    except _STUMBLES as exc:
        said = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
        raise UnreadableFileError(f"{name} is damaged: it cannot be read ({said})") from exc
