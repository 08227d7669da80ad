"""Bytes of a CDF, from the file or from memory (a file that was compressed as a whole)."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple, Protocol

from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ByteSource", "FileSource", "Identity", "MemorySource", "open_source"]

# Descriptor records lie close together: one read of this size serves a few hundred of them.
_CHUNK_BYTES = 1 << 16


class Identity(NamedTuple):
    """What tells a file from another one of the same name, and from itself before it was changed."""

    device: int
    number: int
    size: int
    changed_ns: int
    #: when anything of it was changed, be it a name; nobody can set this back, as tools that copy do with `changed_ns`
    touched_ns: int

    def has_contents_of(self, other: Identity) -> bool:
        """Whether it is the same file and was not written to, as far as its time of change tells."""
        return self[:-1] == other[:-1]


class ByteSource(Protocol):
    """Random access to the bytes of one CDF. Reads past the end raise UnreadableFileError."""

    #: file name without its folder, for messages
    name: str
    #: bytes available
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes; meant for the many small descriptor records."""

    def window(self, offset: int, count: int) -> tuple[bytes, int]:
        """Return bytes that hold `count` bytes from `offset`, and where in them these start; as `read`, uncopied."""

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset`; meant for values."""

    def suspend(self) -> None:
        """Let go of the operating system's file until the next read, where there is one."""

    def close(self) -> None:
        """Give the file back for good; harmless when repeated."""


class FileSource:
    """The bytes of a plain file. Positioned reads, not a memory map: a file that shrinks is an error, not a crash.

    A file that is written to after it was opened is refused at the next read, so that what was read is of one version.
    A file that is put in its place under the same name is another one: the open one is read to its end.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._closed = False
        self._chunks: dict[int, bytes] = {}
        self._descriptor: int | None = _open_regular(path)
        #: when it was opened
        self.identity = _identity(self._descriptor)
        self.size = self.identity.size

    def read(self, offset: int, count: int) -> bytes:
        """See ByteSource."""
        held, start = self.window(offset, count)
        return held[start : start + count]

    def window(self, offset: int, count: int) -> tuple[bytes, int]:
        """See ByteSource."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise _past_end(self, offset, count)
        number, start = divmod(offset, _CHUNK_BYTES)
        if start + count > _CHUNK_BYTES:
            target = bytearray(count)
            self._fill(memoryview(target), offset)
            return bytes(target), 0
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = self._chunk(number * _CHUNK_BYTES)
        return chunk, start

    def read_into(self, offset: int, target: memoryview) -> None:
        """See ByteSource."""
        _check_range(self, offset, len(target))
        self._fill(target, offset)

    def suspend(self) -> None:
        """See ByteSource."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._chunks.clear()

    def close(self) -> None:
        """See ByteSource."""
        self.suspend()
        self._closed = True

    def _chunk(self, offset: int) -> bytes:
        descriptor = self._open()
        try:
            chunk = os.pread(descriptor, _CHUNK_BYTES, offset)
        except OSError as exc:
            raise _failed(self.name, exc, offset) from exc
        if len(chunk) < min(_CHUNK_BYTES, self.size - offset) or self._was_changed(descriptor):
            raise _changed(self.name)
        return chunk

    def _fill(self, target: memoryview, offset: int) -> None:
        descriptor = self._open()
        done, got = 0, 1
        try:
            while done < len(target) and got:
                got = os.preadv(descriptor, [target[done:]], offset + done)
                done += got
        except OSError as exc:
            raise _failed(self.name, exc, offset + done) from exc
        # looked at after the bytes were taken: whoever wrote before that has left a mark
        if done < len(target) or self._was_changed(descriptor):
            raise _changed(self.name)

    def _was_changed(self, descriptor: int) -> bool:
        return not self.identity.has_contents_of(_identity(descriptor))

    def _open(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        if self._closed:
            raise ValueError(f"{self.name} is closed")
        descriptor = _open_regular(self._path)
        if self._was_changed(descriptor):
            os.close(descriptor)
            raise _changed(self.name)
        self._descriptor = descriptor
        return descriptor


class MemorySource:
    """The bytes of a CDF held in memory."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        self.size = len(content)
        self._content = content

    def read(self, offset: int, count: int) -> bytes:
        """See ByteSource."""
        _check_range(self, offset, count)
        return self._content[offset : offset + count]

    def window(self, offset: int, count: int) -> tuple[bytes, int]:
        """See ByteSource."""
        _check_range(self, offset, count)
        return self._content, offset

    def read_into(self, offset: int, target: memoryview) -> None:
        """See ByteSource."""
        _check_range(self, offset, len(target))
        target[:] = memoryview(self._content)[offset : offset + len(target)]

    def suspend(self) -> None:
        """See ByteSource: memory is kept."""

    def close(self) -> None:
        """See ByteSource."""
        self._content = b""


def open_source(path: Path) -> FileSource:
    """Open a file for reading; missing, unreadable or not a file is an UnreadableFileError."""
    return FileSource(path)


def _open_regular(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise UnreadableFileError(f"{path.name} cannot be opened: {reason.lower()}") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFileError(f"{path.name} is not a file: expected a CDF file, found a folder or a device")
    return descriptor


def _identity(descriptor: int) -> Identity:
    status = os.fstat(descriptor)
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _failed(name: str, error: OSError, offset: int) -> UnreadableFileError:
    reason = (error.strerror or type(error).__name__).lower()
    return UnreadableFileError(f"{name} cannot be read: {reason} at byte {offset}")


def _changed(name: str) -> UnreadableFileError:
    return UnreadableFileError(f"{name} was changed while it was being read; ask again")


def _check_range(source: ByteSource, offset: int, count: int) -> None:
    if offset < 0 or count < 0 or offset + count > source.size:
        raise _past_end(source, offset, count)


def _past_end(source: ByteSource, offset: int, count: int) -> UnreadableFileError:
    return UnreadableFileError(
        f"{source.name} is damaged: {count} bytes are expected at byte {offset}, the file has {source.size} bytes"
    )
