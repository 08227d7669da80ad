"""An answer kept aside until it is whole: for clients that could not tell a broken one from a short one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Protocol

__all__ = ["Spool"]

_IN_MEMORY_BYTES = 8 * 1024 * 1024
_COPY_BYTES = 256 * 1024


class Blocks(Protocol):
    """What is spooled: blocks of bytes that let go of what they hold."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Let go."""
        ...


class Spool:
    """A whole answer, in memory or in a file that is gone when it is closed; `length` in bytes.

    HTTP/1.0 has no chunks: there an early end of the connection looks like the end of the answer. Whatever goes wrong
    while the answer is made is raised here, before a byte has been sent.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # close() closes it
        try:
            for block in blocks:
                self._file.write(block)
        except BaseException:
            self._file.close()
            raise
        finally:
            blocks.close()
        self.length = self._file.tell()
        self._file.seek(0)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(_COPY_BYTES), b"")

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
