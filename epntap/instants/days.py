"""Which days of UTC hold instants, as runs of days that follow each other.

A day is a number as `date.toordinal` counts; a leap second belongs to the day that it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from epntap.instants.leapseconds import DAY_NS, offsets

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MOST_RUNS", "Days", "day_of", "days_of"]

#: every second day of 27 years; where there are more runs, those with the fewest days between them become one
MOST_RUNS: Final = 5000

_DAY_ZERO: Final = date(2000, 1, 1).toordinal()


def day_of(tt2000: int) -> int:
    """Return the day that holds an instant."""
    label = offsets().to_label(tt2000)
    return label.ns // DAY_NS - (label.leap_ns is not None) + _DAY_ZERO


def days_of(instants: npt.NDArray[np.int64], earliest: int, latest: int) -> npt.NDArray[np.int64]:
    """Return the days that hold any of these instants, each once and rising; shape (n,) gives (m,)."""
    first, last = day_of(earliest), day_of(latest)
    if last - first < 2:
        return np.arange(first, last + 1)
    labels, leap = offsets().to_labels(instants)
    days = labels // DAY_NS - (leap >= 0) + _DAY_ZERO
    # most series are in order: the days to be sorted are few then
    return np.unique(days[np.flatnonzero(np.diff(days, prepend=days[0] - 1))])


@dataclass(frozen=True, slots=True)
class Days:
    """A set of days."""

    #: first and last day of each run, rising, with days between them that do not belong
    runs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, days: npt.NDArray[np.int64]) -> Self:
        """These days, each once and rising as `days_of` gives them."""
        if not len(days):
            return cls()
        first, last = int(days[0]), int(days[-1])
        if last - first == len(days) - 1:
            return cls(((first, last),))
        breaks = np.flatnonzero(np.diff(days) > 1)
        if len(breaks) >= MOST_RUNS:
            widest = np.argsort(np.diff(days)[breaks], kind="stable")[len(breaks) - MOST_RUNS + 1 :]
            breaks = np.sort(breaks[widest])
        firsts, lasts = days[[0, *(breaks + 1)]], days[[*breaks, -1]]
        return cls(tuple(zip(firsts.tolist(), lasts.tolist(), strict=True)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The days that `str` has written."""
        runs = (run.partition("/") for run in text.split())
        return cls(tuple((_ordinal(first), _ordinal(last or first)) for first, _, last in runs))

    def __str__(self) -> str:
        """As `2020-03-01 2020-03-05/2020-03-07`."""
        return " ".join(_text(first) if first == last else f"{_text(first)}/{_text(last)}" for first, last in self.runs)

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(first, last + 1) for first, last in self.runs)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.runs)

    def meets(self, first: int, last: int) -> bool:
        """Whether any of the days from `first` to `last` belongs."""
        return any(start <= last and stop >= first for start, stop in self.runs)


def _ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def _text(day: int) -> str:
    return date.fromordinal(day).isoformat()
