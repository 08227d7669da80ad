"""An answer kept aside until it is whole: for clients that could not tell a broken one from a short one."""

from __future__ import annotations

import tempfile

from epntap.answer.blocks import Blocks
from epntap.errors import UnavailableError

__all__ = ["SpoolFile", "spooled"]

_IN_MEMORY_BYTES = 8 * 1024 * 1024
_COPY_BYTES = 256 * 1024
_NO_ROOM_S = 600


class SpoolFile:
    """Bytes in memory or, when they are many, in a file without a name, which no end of the process leaves behind."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # close() closes it

    def write(self, block: bytes) -> None:
        """Append. Raises UnavailableError when there is no room."""
        try:
            self._file.write(block)
        except OSError as exc:
            raise _no_room() from exc

    def rewind(self) -> int:
        """Turn to reading from the start; return the size in bytes. Raises UnavailableError when there is no room."""
        try:
            size = self._file.tell()
            self._file.seek(0)  # writes what is left
        except OSError as exc:
            raise _no_room() from exc
        return size

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        return self._file.read(size)

    def close(self) -> None:
        """Remove the file. Safe to call again."""
        try:
            self._file.close()
        except OSError:
            # what could not be written before cannot be written now either; the handle is closed all the same
            self._file.close()


def _no_room() -> UnavailableError:
    return UnavailableError(
        "The server has no room left to prepare this answer; please try again later, or ask for less at once.",
        _NO_ROOM_S,
    )


def spooled(answer: Blocks) -> Blocks:
    """The whole answer, in memory or in a file that is gone when it is closed; its length is known.

    HTTP/1.0 has no chunks: there an early end of the connection looks like the end of the answer. Whatever goes wrong
    while the answer is made is raised here, before a byte has been sent.
    """
    file = SpoolFile()
    try:
        for block in answer:
            file.write(block)
        length = file.rewind()
    except BaseException:
        file.close()
        raise
    finally:
        answer.close()
    aside = answer.replaced(iter(lambda: file.read(_COPY_BYTES), b""), length)
    aside.has_place = False  # it was given back with what made the answer
    aside.on_close(file.close)
    return aside
