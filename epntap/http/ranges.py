"""A part of an answer, for downloads that are resumed. No HTTP here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

__all__ = ["Part"]


class Whole(Protocol):
    """Blocks of bytes that let go of what they hold."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Let go."""
        ...


class Part:
    """Bytes `first` up to, not including, `stop` of an answer; what is before them is made and not sent."""

    def __init__(self, whole: Whole, first: int, stop: int) -> None:
        self._whole = whole
        self._first = first
        self._stop = stop

    def __iter__(self) -> Iterator[bytes]:
        place = 0
        for block in self._whole:
            piece = block[max(self._first - place, 0) : self._stop - place]
            place += len(block)
            if piece:
                yield piece
            if place >= self._stop:
                return

    def close(self) -> None:
        """Let go of the answer."""
        self._whole.close()
