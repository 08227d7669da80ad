"""Turns what damaged bytes make readers stumble over into a refusal of the file."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from types import TracebackType

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


class refusing(NamedTuple):  # noqa: N801  # it is used as a verb
    """Raises an UnreadableFileError that names the file for whatever its bytes make fail.

    The reader checks what it reads and says what is wrong; this is for what it did not think of.
    """

    #: of the file
    name: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, exc: BaseException | None, _at: TracebackType | None) -> None:
        if isinstance(exc, _STUMBLES):
            said = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
            raise UnreadableFileError(f"{self.name} is damaged: it cannot be read ({said})") from exc
