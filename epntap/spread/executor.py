"""Work in batches, and who does it: what every way of spreading it has in common. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

__all__ = ["Done", "Executor", "Lost", "growing_batches", "spread"]

#: pieces of work in a batch: few where there are few, so that everybody has some, and more where there are many,
#: because on a busy machine each hand-over waits for its turn; and how many batches everybody has had before they grow
BATCH = 8
LARGEST_BATCH = 64
_BATCHES_EACH = 50

W = TypeVar("W")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Done(Generic[W, R]):
    """A batch and what came of each of its pieces."""

    work: Sequence[W]
    results: Sequence[R]


@dataclass(frozen=True, slots=True)
class Lost(Generic[W]):
    """A batch that was with a process which died: perhaps because of it, perhaps not."""

    work: Sequence[W]


class Executor(Protocol):
    """A way to have work done elsewhere. Work, results and the callable travel, so all are plain values."""

    @property
    def hands(self) -> int:
        """How many do it at once, as far as that is known."""
        ...

    def run(
        self, call: Callable[[W], R], batches: Iterable[Sequence[W]], *, alone: bool = False
    ) -> Iterator[Done[W, R] | Lost[W]]:
        """Each batch once, done or lost, as they come; the next is only asked for when there is room for it.

        `alone`: no batch is beside another in the same process or waits for it, so that who dies of it is known.
        """
        ...


def spread(
    executor: Executor, call: Callable[[W], R], batches: Iterable[Sequence[W]], refused: Callable[[W], R]
) -> Iterator[tuple[W, R]]:
    """Each piece of work with its result, as they come.

    A process that dies takes along what it had in hand; these pieces are tried once more, each by itself, and what ends
    its process then gets the result that `refused` makes.
    """
    suspects: list[W] = []
    for outcome in executor.run(call, batches):
        match outcome:
            case Done():
                yield from zip(outcome.work, outcome.results, strict=True)
            case Lost():
                suspects += outcome.work
    for outcome in executor.run(call, ((one,) for one in suspects), alone=True) if suspects else ():
        match outcome:
            case Done():
                yield from zip(outcome.work, outcome.results, strict=True)
            case Lost():
                yield from ((one, refused(one)) for one in outcome.work)


def growing_batches(work: Iterable[W], hands: int) -> Iterator[Sequence[W]]:
    """The work in batches that grow with what has gone before."""
    waiting = iter(work)
    gone = 0
    while True:
        size = max(BATCH, min(LARGEST_BATCH, gone // (hands * _BATCHES_EACH)))
        batch = tuple(islice(waiting, size))
        if not batch:
            return
        gone += len(batch)
        yield batch
