"""What is long, in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["in_pieces"]

T = TypeVar("T")


def in_pieces(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items, so many at a time; the next piece is only asked for when the one before has been dealt with."""
    waiting = iter(items)
    while piece := tuple(islice(waiting, size)):
        yield piece
