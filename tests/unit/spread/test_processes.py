"""Work that is spread over processes: who dies of a piece takes nothing else along."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from epntap.spread.executor import Done, Lost, growing_batches, spread
from epntap.spread.processes import BATCHES_IN_FLIGHT, Processes

DEADLY = frozenset({7, 55})


def squared(number: int) -> int:
    """Stands in for a reader: some pieces end the process, as a crash in a library would."""
    if number in DEADLY:
        os._exit(3)
    return number * number


class Watched(Processes):
    """Notes what was asked for with nothing beside it."""

    def __init__(self, hands: int) -> None:
        super().__init__(hands)
        self.alone: list[int] = []

    def run(self, call, batches, *, alone=False):  # type: ignore[no-untyped-def]  # as of Processes
        def noted() -> Iterator[Sequence[int]]:
            for batch in batches:
                if alone:
                    self.alone += batch
                yield batch

        return super().run(call, noted(), alone=alone)


def test_a_piece_that_ends_its_process_is_refused_and_its_neighbours_are_not() -> None:
    with Watched(2) as processes:
        batches = [tuple(range(first, first + 8)) for first in range(0, 400, 8)]
        found = dict(spread(processes, squared, batches, lambda number: -number))
    assert found == {n: -n if n in DEADLY else n * n for n in range(400)}
    assert len(processes.alone) <= len(DEADLY) * 2 * 8 * BATCHES_IN_FLIGHT  # those in hand, and no others


def test_each_batch_comes_back_once_done_or_lost() -> None:
    with Processes(1) as processes:
        outcomes = list(processes.run(squared, [(1, 2), (7,), (3,)], alone=True))
    assert [type(one) for one in outcomes] == [Done, Lost, Done]
    assert [tuple(one.work) for one in outcomes] == [(1, 2), (7,), (3,)]


def test_batches_grow_with_the_work() -> None:
    sizes = [len(batch) for batch in growing_batches(range(30_000), 2)]
    assert sum(sizes) == 30_000
    assert sizes[0] == 8
    assert max(sizes) == 64
    assert sizes[:-1] == sorted(sizes[:-1])
