"""An answer: blocks of bytes, and what is known of it before the first. No HTTP here.

Whoever answers begins one of these; epntap/http/response.py sends it. What is done to an answer on its way (a part of
it, compressed, put aside) is another one around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Self

from epntap.answer.model import Outcome
from epntap.answer.watch import Watch

__all__ = ["Blocks", "Version", "file_blocks", "part_of"]

_FILE_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one state of an answer from another, for caches."""

    #: the same for the same bytes only
    etag: str
    #: when what it was made of was changed, UTC without tzinfo; None where nobody knows
    changed: datetime | None = None
    #: the same also for other bytes that say the same
    is_weak: bool = False


class Blocks:
    """The bytes of one answer. Iterate once; `close` in any case: it ends what makes them and frees what they hold.

    An object and not a generator: closing a generator that never started would skip its cleaning up.
    """

    def __init__(
        self,
        blocks: Iterable[bytes],
        media_type: str,
        *,
        file_name: str = "",
        length: int | None = None,
        version: Version | None = None,
        resources: ExitStack | None = None,
    ) -> None:
        """`resources` are closed with the answer."""
        self.media_type = media_type
        #: under which it is saved; empty when it has no name
        self.file_name = file_name
        #: in bytes; None while it is not known
        self.length = length
        #: None for an answer that nobody should keep
        self.version = version
        #: of the blocks, whatever the client accepts
        self.content_encoding: str | None = None
        #: whether gzip makes it much smaller
        self.compressible = False
        #: whether it is counted already among what lasts
        self.has_place = False
        #: what ends it when its client is gone or does not read; None where nobody watches yet
        self.watch: Watch | None = None
        #: lets it begin at another byte, before the first block is taken; None where all has to be made
        self.begin_at: Callable[[int], object] | None = None
        #: rows at most, where there is such a limit
        self.most_rows: int | None = None
        #: whether it is known beforehand that there are more
        self.is_cut = False
        #: what its reader should know and its bytes may have no place for, a sentence each
        self.remarks: tuple[str, ...] = ()
        #: services and datasets whose data it has
        self.datasets: tuple[tuple[str, str], ...] = ()
        self.bytes_sent = 0
        self._blocks: Iterator[bytes] = iter(blocks)
        self._resources = resources or ExitStack()

    @property
    def outcome(self) -> Outcome | None:
        """Whether it was cut short, once that is known; None for what is always whole."""
        return None

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are here already, so that nothing has to be waited for."""
        return False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """The next block, never empty. What is raised here cuts the connection: nobody takes a part for the whole."""
        if self.watch is not None:
            self.watch.reading()
        while not (block := next(self._blocks)):
            pass
        self.bytes_sent += len(block)
        if self.watch is not None:
            self.watch.sending()
        return block

    def on_close(self, callback: Callable[[], object]) -> None:
        """Have something called when the answer is closed."""
        self._resources.callback(callback)

    def close(self) -> None:
        """End it. Safe to call again."""
        self._resources.close()

    def replaced(self, blocks: Iterable[bytes], length: int | None = None) -> Blocks:
        """The same answer in other bytes, which are made of these: closing it closes this one."""
        other = Blocks(blocks, self.media_type, file_name=self.file_name, length=length, version=self.version)
        other.content_encoding = self.content_encoding
        other.has_place = self.has_place
        other.most_rows, other.is_cut = self.most_rows, self.is_cut
        other.remarks = self.remarks
        other.on_close(self.close)
        return other


def part_of(whole: Blocks, first: int, stop: int) -> Blocks:
    """Bytes `first` up to, not including, `stop`; what is before them is made and not sent, where it has to be."""

    def part() -> Iterator[bytes]:
        place = 0
        if whole.begin_at is not None:
            whole.begin_at(first)
            place = first
        for block in whole:
            piece = block[max(first - place, 0) : stop - place]
            place += len(block)
            if piece:
                yield piece
            if place >= stop:
                return

    return whole.replaced(part(), stop - first)


def file_blocks(
    file: BinaryIO, media_type: str, *, file_name: str = "", length: int, version: Version | None = None
) -> Blocks:
    """The bytes of a file that is open; it is closed with the answer."""
    blocks = iter(lambda: file.read(_FILE_BLOCK), b"")
    answer = Blocks(blocks, media_type, file_name=file_name, length=length, version=version)
    answer.begin_at = file.seek
    answer.on_close(file.close)
    return answer
