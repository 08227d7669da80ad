"""Time series cut from files, as plain values: what is in them is known, values are read when asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cutouts.interval import Interval
from cutouts.joined.columns import ColumnModel
from epntap.cdf import Entry, Variable, as_epochs, to_tt2000

__all__ = ["Axis", "Column", "MixedRows", "Rows", "RunOfRows", "SeriesCut", "StackedRows"]


class Rows(Protocol):
    """Which records of which files make up the rows of an axis, in order."""

    def __len__(self) -> int: ...

    @property
    def files(self) -> AbstractSet[int]:
        """Numbers of the files that have rows."""
        ...

    def read(self, model: ColumnModel, first: int, stop: int) -> npt.NDArray[Any]:
        """Values of a column in these rows, shape (stop - first, *dims)."""
        ...

    def sources(self, first: int, stop: int) -> npt.NDArray[np.intp]:
        """Number of the file of each of these rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RunOfRows:
    """Records of one file, by rising number."""

    number: int
    records: range | npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def files(self) -> AbstractSet[int]:
        """See Rows."""
        return {self.number}

    def read(self, model: ColumnModel, first: int, stop: int) -> npt.NDArray[Any]:
        """See Rows."""
        return model.read(self.number, self.records[first:stop])

    def sources(self, first: int, stop: int) -> npt.NDArray[np.intp]:
        """See Rows."""
        return np.full(len(self.records[first:stop]), self.number, np.intp)


@dataclass(frozen=True, eq=False)
class StackedRows:
    """The rows of several files one after the other."""

    runs: Sequence[RunOfRows]

    def __len__(self) -> int:
        return self._ends[-1] if self.runs else 0

    @cached_property
    def _ends(self) -> list[int]:
        """For each run, one after its last row."""
        return list(accumulate(len(run) for run in self.runs))

    @cached_property
    def files(self) -> AbstractSet[int]:
        """See Rows."""
        return {run.number for run in self.runs}

    def read(self, model: ColumnModel, first: int, stop: int) -> npt.NDArray[Any]:
        """See Rows."""
        pieces = [run.read(model, begin, end) for run, begin, end in self._pieces(first, stop)]
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else model.nothing(0)

    def sources(self, first: int, stop: int) -> npt.NDArray[np.intp]:
        """See Rows."""
        pieces = [run.sources(begin, end) for run, begin, end in self._pieces(first, stop)]
        return np.concatenate(pieces) if pieces else np.empty(0, np.intp)

    def _pieces(self, first: int, stop: int) -> Iterator[tuple[RunOfRows, int, int]]:
        """Yield runs with first and stop of the rows that they give."""
        ends = self._ends
        for number in range(bisect_right(ends, first), len(self.runs)):
            begin = ends[number] - len(self.runs[number])
            if begin >= stop:
                break
            yield self.runs[number], max(first - begin, 0), min(stop, ends[number]) - begin


@dataclass(frozen=True, eq=False)
class MixedRows:
    """Rows of files that interleave."""

    #: for each row the number of its file and of its record
    numbers: npt.NDArray[np.intp]
    records: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def files(self) -> AbstractSet[int]:
        """See Rows."""
        return set(np.flatnonzero(np.bincount(self.numbers)).tolist())

    def read(self, model: ColumnModel, first: int, stop: int) -> npt.NDArray[Any]:
        """See Rows."""
        numbers, records = self.numbers[first:stop], self.records[first:stop]
        values = np.empty((len(records), *model.variable.dims), model.variable.dtype)
        for number in np.unique(numbers).tolist():
            rows = np.flatnonzero(numbers == number)
            rows = rows[np.argsort(records[rows], kind="stable")]
            values[rows] = model.read(number, records[rows])
        return values

    def sources(self, first: int, stop: int) -> npt.NDArray[np.intp]:
        """See Rows."""
        return self.numbers[first:stop]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One variable of a cut."""

    model: ColumnModel
    rows: Rows
    #: as the file spells them, from UNITS or UNIT_PTR; None where the files do not agree
    units: str | None = None
    #: whether the files do not agree, so that nobody else can say them either
    units_differ: bool = False

    @property
    def variable(self) -> Variable:
        """How it is described."""
        return self.model.variable

    def lacking(self, first: int, stop: int) -> npt.NDArray[np.bool_] | None:
        """Return which of these rows come from files that do not have the variable; None if none does."""
        if self.rows.files <= self.model.members.keys():
            return None
        found = ~np.isin(self.rows.sources(first, stop), list(self.model.members))
        return found if found.any() else None

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, first: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Return rows `first` up to, not including, `stop` (default: all), shape (n, *dims)."""
        return self.rows.read(self.model, first, len(self.rows) if stop is None else min(stop, len(self.rows)))

    def instants(self, first: int = 0, stop: int | None = None) -> npt.NDArray[np.int64]:
        """Return the TT2000 of each value of an epoch variable in these rows, shape (n,)."""
        return self.instants_of(self.read(first, stop))

    def instants_of(self, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the TT2000 of values of this epoch variable, one after the other."""
        variable = self.variable
        return to_tt2000(as_epochs(values, variable.cdf_type), variable.cdf_type, variable.fill)

    def blocks(self, size_bytes: int) -> Iterator[tuple[int, int]]:
        """Yield first and stop of consecutive blocks of rows, each of about this size."""
        return _blocks(len(self), self.record_bytes, size_bytes)

    @property
    def record_bytes(self) -> int:
        """Size of one row."""
        return self.variable.dtype.itemsize * prod(self.variable.dims)

    @property
    def size_bytes(self) -> int:
        """Of all values."""
        return len(self.rows) * self.record_bytes


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """A time axis of a cut with everything that was measured along it."""

    #: the epochs themselves
    time: Column
    #: variables with one record for each epoch, in the order of the file
    columns: Sequence[Column]

    def __len__(self) -> int:
        return len(self.time)

    @property
    def name(self) -> str:
        """Name of the epoch variable."""
        return self.time.variable.name

    def blocks(self, size_bytes: int) -> Iterator[tuple[int, int]]:
        """Yield first and stop of consecutive blocks of rows, each of about this size with all variables."""
        row_bytes = sum(column.record_bytes for column in (self.time, *self.columns))
        return _blocks(len(self), row_bytes, size_bytes)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesCut:
    """What a cut-out holds, whatever the format it will leave in."""

    interval: Interval
    #: names of the files that gave records, in order, without folders
    sources: Sequence[str]
    #: global attributes of the first file that gave records
    attributes: Mapping[str, tuple[Entry, ...]]
    axes: Sequence[Axis]
    #: variables that do not vary with the record: one row, or none if it was never written
    fixed: Sequence[Column]
    #: all variables of the files, here or not
    known: frozenset[str] = frozenset()
    #: name of each variable that is not here, and why
    left_out: Mapping[str, str] = field(default_factory=dict)
    #: what else the reader should know, one sentence each
    remarks: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no record in the interval."""
        return not any(len(axis) for axis in self.axes)

    @property
    def size_bytes(self) -> int:
        """Of all values, as stored without compression."""
        columns = [column for axis in self.axes for column in (axis.time, *axis.columns)]
        return sum(column.size_bytes for column in (*columns, *self.fixed))

    def columns(self) -> Iterator[Column]:
        """Yield all variables: by axis, the epochs first, then what is fixed."""
        for axis in self.axes:
            yield axis.time
            yield from axis.columns
        yield from self.fixed


def _blocks(count: int, row_bytes: int, size_bytes: int) -> Iterator[tuple[int, int]]:
    rows = max(size_bytes // max(row_bytes, 1), 1)
    for first in range(0, count, rows):
        yield first, min(first + rows, count)
