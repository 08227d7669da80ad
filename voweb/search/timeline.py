"""Coverage over time as a picture: how many granules there are when, and when each dataset has some. Numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from epntap.archive.kept.groups import LAST_MONTH, month_of_jd
from voweb.search.find import Found
from voweb.search.shelf import Whole

__all__ = ["Bar", "Timeline", "timeline_of"]

#: columns of the picture at most
_MOST_COLUMNS = 120
#: months that a column stands for: the least of these that does
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
#: of what spans more only the part with most granules is drawn: one year 0001 must not press all others into a line
_LONGEST_YEARS = 150
_HEIGHT = 100
#: months from which on years are enough below the picture
_YEARS_FROM = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A column: from which month to which, and how many granules have something of it."""

    place: int
    first: int
    last: int
    granules: int
    #: of `Timeline.height`
    height: float

    @property
    def label(self) -> str:
        """The months, or the years where these are whole."""
        if self.first == self.last:
            return _word(self.first)
        if self.first % 12 == 0 and self.last % 12 == 11:
            years = (self.first // 12, self.last // 12)
            return f"{years[0]:04}" if years[0] == years[1] else f"{years[0]:04} to {years[1]:04}"
        return f"{_word(self.first)} to {_word(self.last)}"

    @property
    def begins(self) -> str:
        """The first month, as a search takes it."""
        return _word(self.first)

    @property
    def ends(self) -> str:
        """The last month."""
        return _word(self.last)


@dataclass(frozen=True, slots=True)
class Run:
    """Columns, one beside the other, in which a dataset has granules."""

    place: int
    width: int


@dataclass(frozen=True)
class Timeline:
    """The picture of what a search finds."""

    #: first month, months of a column, number of columns
    start: int
    step: int
    columns: int
    bars: Sequence[Bar]
    #: granules before and after what is drawn
    before: int
    after: int
    _first: Whole
    _last: Whole
    _dataset: Whole
    height: int = _HEIGHT

    @cached_property
    def marks(self) -> Sequence[str]:
        """What is written below: the first month, the one in the middle, the last."""
        last = min(self.start + self.step * self.columns - 1, LAST_MONTH)
        are_months = last - self.start < _YEARS_FROM
        places = (self.start, (self.start + last) // 2, last)
        return [_word(place) if are_months else f"{place // 12:04}" for place in places]

    def runs(self, dataset: int) -> Sequence[Run]:
        """When a dataset has granules."""
        mine = self._dataset == dataset
        filled = _spread(self._first[mine], self._last[mine], None, self.start, self.step, self.columns) > 0
        edges = np.flatnonzero(np.diff(np.concatenate([[0], filled.astype(np.int8), [0]])))
        return [Run(int(low), int(high - low)) for low, high in zip(edges[::2], edges[1::2], strict=True)]


def timeline_of(found: Found) -> Timeline | None:
    """The picture; None where nothing that is found has a time."""
    shelf, period = found.shelf, found.search.period
    chosen = found.groups[shelf.owner]
    if period.start is not None:
        chosen &= shelf.last >= month_of_jd(period.start)
    if period.stop is not None:
        # a period that ends as a month begins has nothing of it
        chosen &= shelf.first <= month_of_jd(period.stop - 1e-9)
    first, last, rows = shelf.first[chosen], shelf.last[chosen], shelf.rows[chosen]
    if not len(first):
        return None
    low, high = int(first.min()), int(last.max())
    if period.start is not None:
        low = max(low, month_of_jd(period.start))
    if period.stop is not None:
        high = max(low, min(high, month_of_jd(period.stop - 1e-9)))
    low, high = _densest(low, high, first, last, rows)
    months = high - low + 1
    step = next((step for step in _STEPS if months <= step * _MOST_COLUMNS), _STEPS[-1])
    start = low - low % step if step > 1 else low
    columns = -(-(high + 1 - start) // step)
    sums = _spread(first, last, rows, start, step, columns)
    most = max(int(sums.max()), 1)
    bars = [
        Bar(
            place,
            max(start + place * step, 12),
            min(start + (place + 1) * step - 1, LAST_MONTH),
            int(many),
            max(round(_HEIGHT * int(many) / most, 1), 4),
        )
        for place, many in enumerate(sums)
        if many
    ]
    return Timeline(
        start,
        step,
        columns,
        bars,
        int(rows[last < start].sum()),
        int(rows[first >= start + step * columns].sum()),
        first,
        last,
        shelf.dataset_of[shelf.owner[chosen]],
    )


def _densest(low: int, high: int, first: Whole, last: Whole, rows: Whole) -> tuple[int, int]:
    """The period itself, or so many years of it as hold most."""
    most = _LONGEST_YEARS * 12
    if high - low < most:
        return low, high
    begun = np.bincount(np.clip(first, low, high) - low, weights=rows, minlength=high - low + 1)
    sums = np.concatenate([[0.0], np.cumsum(begun)])
    start = low + int(np.argmax(sums[most:] - sums[:-most]))
    inside = (first < start + most) & (last >= start)
    if not inside.any():
        return start, start + most - 1
    return max(start, int(first[inside].min())), min(start + most - 1, int(last[inside].max()))


def _spread(first: Whole, last: Whole, rows: Whole | None, start: int, step: int, columns: int) -> Whole:
    """Of each column how many granules have something of it."""
    inside = (last >= start) & (first < start + step * columns)
    low = np.clip((first[inside] - start) // step, 0, columns - 1)
    high = np.clip((last[inside] - start) // step, 0, columns - 1)
    many = np.ones(len(low)) if rows is None else rows[inside]
    steps = np.bincount(low, weights=many, minlength=columns + 1) - np.bincount(
        high + 1, weights=many, minlength=columns + 1
    )
    return np.cumsum(steps)[:columns].round().astype(np.int64)


def _word(month: int) -> str:
    return f"{month // 12:04}-{month % 12 + 1:02}"
