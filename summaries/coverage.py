"""When there are records: stretches within which they follow each other, and the gaps between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["GAP_CADENCES", "Coverage", "gaps_between", "stretches_of"]

#: a gap is longer than so many usual times between two records
GAP_CADENCES: Final = 5
#: of one day; where there are more, those with the least between them become one
_MOST_A_DAY: Final = 1000
#: steps between records of which the usual one is taken
_SAMPLE: Final = 1000

Integers = npt.NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Coverage:
    """Stretches of records, collected block by block."""

    _found: list[Integers] = field(default_factory=list)

    def add(self, instants: Integers, days: Integers, starts: npt.NDArray[np.intp]) -> None:
        """Take instants that rise, with their days and where each of these begins."""
        self._found.append(stretches_of(instants, days, starts))

    def stretches(self) -> Integers:
        """First instant, last instant, usual step, day: shape (n, 4), by first instant."""
        if not self._found:
            return np.empty((0, 4), np.int64)
        found = np.concatenate(self._found)
        return found[np.argsort(found[:, 0], kind="stable")]


def stretches_of(instants: Integers, days: Integers, starts: npt.NDArray[np.intp]) -> Integers:
    """The stretches of instants that rise: first, last, usual step, day. Each day begins at its start."""
    steps = np.diff(instants)
    sample = steps[:: max(len(steps) // _SAMPLE, 1)]
    positive = sample[sample > 0]
    usual = int(np.median(positive)) if len(positive) else 0
    found = []
    for day, start, stop in zip(days.tolist(), starts.tolist(), [*starts[1:].tolist(), len(instants)], strict=True):
        here = steps[start : stop - 1]
        breaks = np.flatnonzero(here > GAP_CADENCES * usual)
        if len(breaks) > _MOST_A_DAY:
            breaks = np.sort(breaks[np.argsort(here[breaks], kind="stable")[-_MOST_A_DAY:]])
        firsts = instants[start:stop][np.append(0, breaks + 1)]
        lasts = instants[start:stop][np.append(breaks, stop - start - 1)]
        found.append(np.stack([firsts, lasts, np.full(len(firsts), usual), np.full(len(firsts), day)], axis=1))
    return np.concatenate(found)


def gaps_between(stretches: Integers, cadence_ns: int | None) -> Integers:
    """Last instant before and first instant after each gap, shape (n, 2).

    `stretches` are ordered by their first instant; `cadence_ns` is that of the dataset, for records that stand alone.
    """
    if len(stretches) < 2:
        return np.empty((0, 2), np.int64)
    reach = np.maximum.accumulate(stretches[:, 1])
    usual = np.maximum(stretches[:-1, 2], stretches[1:, 2])
    usual = np.maximum(usual, cadence_ns or 0)
    apart = stretches[1:, 0] - reach[:-1]
    # without any usual step nothing is a gap
    found = np.flatnonzero((apart > GAP_CADENCES * usual) & (usual > 0))
    return np.stack([reach[found], stretches[found + 1, 0]], axis=1)
