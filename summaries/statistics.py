"""Count, least, greatest, mean and deviation of values in bins: from values, and of bins joined to wider ones.

Pure: arrays in, arrays out. Components lie in one dimension: a record of shape (3, 4) has 12. Least and greatest have
the type of the values and are 0 where there is none; the mean is NaN there only when it is given to somebody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Bins", "Described", "Instants", "Statistics", "can_join", "joined", "limits_of", "of_values", "widened"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: values that are worked on at a time: they stay near the processor
_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True)
class Described:
    """What the values of a variable are."""

    name: str
    #: of one value, such as f4
    dtype: str
    #: shape of one record
    dims: tuple[int, ...]
    #: as a VOUnit, or as the files spell it; empty: not said
    units: str = ""

    @property
    def components(self) -> int:
        """Values of one record."""
        return prod(self.dims)

    @property
    def bin_bytes(self) -> int:
        """About what one bin takes in memory."""
        return self.components * (2 * np.dtype(self.dtype).itemsize + 24)


@dataclass(frozen=True, slots=True, eq=False)
class Instants:
    """First and last instant with a value, TT2000, shape (n,); only bins with any have meaning."""

    first: Integers
    last: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Of one variable, all of shape (bins, components)."""

    described: Described
    count: Integers
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    mean: Floats
    #: sum of the squares of what values differ from the mean by
    squares: Floats
    #: only of bins of a day
    instants: Instants | None = None

    @property
    def deviation(self) -> Floats:
        """The standard deviation of all values of a bin (divided by their number), NaN without any."""
        with np.errstate(all="ignore"):
            found: Floats = np.sqrt(self.squares / np.where(self.count > 0, self.count, np.nan))
        return found

    def taken(self, rows: Any) -> Statistics:  # whatever numpy takes as an index of rows
        """Some of the bins."""
        instants = self.instants and Instants(self.instants.first[rows], self.instants.last[rows])
        return Statistics(
            self.described,
            self.count[rows],
            self.low[rows],
            self.high[rows],
            self.mean[rows],
            self.squares[rows],
            instants,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Bins of one width along one time axis, each number once and rising unless it is said otherwise."""

    numbers: Integers
    #: of the time axis, whether they have values or not
    records: Integers
    variables: Mapping[str, Statistics] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def taken(self, rows: Any) -> Bins:  # whatever numpy takes as an index of rows
        """Some of the bins."""
        variables = {name: one.taken(rows) for name, one in self.variables.items()}
        return Bins(self.numbers[rows], self.records[rows], variables)

    def numbered(self, first: int, stop: int) -> Bins:
        """The bins with the numbers from `first` up to, not including, `stop`."""
        return self.taken(slice(*np.searchsorted(self.numbers, [first, stop])))

    def coarser(self, factor: int) -> Bins:
        """Joined to bins that are so many times as wide."""
        return joined([replace(self, numbers=self.numbers // factor)])


Limits = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def limits_of(values: npt.NDArray[Any], starts: npt.NDArray[np.intp]) -> Limits:
    """Least and greatest of all values (components, n), missing or not, in groups of columns that begin at `starts`.

    NaN where one is among them; shape (components, groups).
    """
    shape = len(values), len(starts)
    edges = _edges(starts, *values.shape)
    flat = values.reshape(-1)
    return np.minimum.reduceat(flat, edges).reshape(shape), np.maximum.reduceat(flat, edges).reshape(shape)


def of_values(
    described: Described,
    values: npt.NDArray[Any],
    missing: npt.NDArray[np.bool_] | None,
    starts: npt.NDArray[np.intp],
    limits: Limits | None = None,
) -> Statistics:
    """Statistics of values (components, n) in groups of columns that begin at `starts`, the first of them at 0.

    `missing` says which values do not count, and are overwritten; None: all do. `limits` are those of all values,
    where they are known.
    """
    components, rows = values.shape
    sizes = np.diff(starts, append=rows)
    shape = components, len(starts)
    low, high = limits or limits_of(values, starts)
    if missing is not None:
        low, high = low.copy(), high.copy()
    count = np.empty(shape, np.int64)
    mean, squares = np.empty(shape), np.empty(shape)
    together = max(_AT_ONCE // max(rows, 1), 1)
    for first in range(0, components, together):
        place = slice(first, min(first + together, components))
        here = values[place]
        edges = _edges(starts, *here.shape)
        gone = None if missing is None else np.flatnonzero(missing[place])
        if gone is not None and len(gone):
            count[place] = sizes - _counted(gone, edges).reshape(-1, len(starts))
            low[place], high[place] = _limits_without(here, gone, edges, count[place])
        else:
            gone = None
            count[place] = sizes
        mean[place], squares[place] = _moments(here, gone, edges, count[place])
    return Statistics(described, count.T, low.T, high.T, mean.T, squares.T)


def _edges(starts: npt.NDArray[np.intp], components: int, rows: int) -> npt.NDArray[np.intp]:
    """Where groups begin in all components one after the other."""
    return (starts + np.arange(components)[:, np.newaxis] * rows).reshape(-1)


def _counted(gone: npt.NDArray[np.intp], edges: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """How many of these places each group has."""
    return np.bincount(np.searchsorted(edges, gone, side="right") - 1, minlength=len(edges))


def _limits_without(
    values: npt.NDArray[Any], gone: npt.NDArray[np.intp], edges: npt.NDArray[np.intp], count: Integers
) -> Limits:
    """Least and greatest but for some places, which are overwritten; 0 where nothing is left."""
    least, greatest = _limits(values.dtype)
    flat = values.reshape(-1)
    flat[gone] = greatest
    low = np.minimum.reduceat(flat, edges).reshape(count.shape)
    flat[gone] = least
    high = np.maximum.reduceat(flat, edges).reshape(count.shape)
    empty = count == 0
    low[empty] = high[empty] = 0
    return low, high


def _moments(
    values: npt.NDArray[Any], gone: npt.NDArray[np.intp] | None, edges: npt.NDArray[np.intp], count: Integers
) -> tuple[Floats, Floats]:
    """Mean and sum of squares of deviations but for some places, which are overwritten.

    Every line over all values is a pass over memory, so there are as few as there can be.
    """
    flat = values.reshape(-1)
    if gone is not None:
        flat[gone] = 0
    with np.errstate(all="ignore"):
        # reduceat adds each group in pairs, as numpy's sum does
        mean = np.add.reduceat(flat, edges, dtype=np.float64) / np.maximum(count, 1).reshape(-1)
        apart = np.repeat(mean, np.diff(edges, append=len(flat)))
        np.subtract(flat, apart, out=apart)
        if gone is not None:
            apart[gone] = 0
        np.multiply(apart, apart, out=apart)
        squares = np.add.reduceat(apart, edges)
    return mean.reshape(count.shape), squares.reshape(count.shape)


def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if dtype.kind == "f":
        return dtype.type(-np.inf), dtype.type(np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.min), dtype.type(limits.max)


def _nothing(described: Described, bins: int) -> Statistics:
    shape = (bins, described.components)
    return Statistics(
        described,
        np.zeros(shape, np.int64),
        np.zeros(shape, described.dtype),
        np.zeros(shape, described.dtype),
        np.zeros(shape),
        np.zeros(shape),
    )


# -- bins joined ------------------------------------------------------------------------------------------------------


def joined(parts: Sequence[Bins]) -> Bins:
    """Bins of one width, in any order and with numbers that repeat, as bins whose numbers rise.

    A variable that a part lacks has no value there; its type and shape become those that hold all. Raises ValueError,
    with the name of the variable, where none do.
    """
    numbers = np.concatenate([part.numbers for part in parts]) if parts else np.empty(0, np.int64)
    records = np.concatenate([part.records for part in parts]) if parts else np.empty(0, np.int64)
    order = None if bool((np.diff(numbers) > 0).all()) else np.argsort(numbers, kind="stable")
    if order is not None:
        numbers, records = numbers[order], records[order]
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1)) if len(numbers) else np.empty(0, np.intp)
    is_each_once = len(starts) == len(numbers)
    variables = {}
    for name in dict.fromkeys(name for part in parts for name in part.variables):
        one = _stacked(name, parts)
        if order is not None:
            one = one.taken(order)
        variables[name] = one if is_each_once else _grouped(one, starts)
    if is_each_once:
        return Bins(numbers, records, variables)
    return Bins(numbers[starts], np.add.reduceat(records, starts), variables)


def can_join(one: Described, other: Described) -> bool:
    """Whether there is a type and a shape that holds what both are, in the same units."""
    return _common(one, other) is not None


def widened(one: Described, other: Described) -> Described:
    """What holds both. Raises ValueError where nothing does."""
    common = _common(one, other)
    if common is None:
        raise ValueError(one.name)
    return common


def _common(one: Described, other: Described) -> Described | None:
    if one == other:
        return one
    if one.units and other.units and one.units != other.units:
        return None
    dtype = np.result_type(np.dtype(one.dtype), np.dtype(other.dtype))
    for source in (np.dtype(one.dtype), np.dtype(other.dtype)):
        # a double does not hold all integers of 64 bits
        if source.kind in "iu" and source.itemsize == 8 and dtype.kind == "f":
            return None
    if one.dims == other.dims:
        dims = one.dims
    elif len(one.dims) == len(other.dims):
        dims = tuple(map(max, one.dims, other.dims))
    elif one.components == other.components:
        dims = max(one.dims, other.dims, key=len)
    else:
        return None
    return Described(one.name, dtype.str[1:], dims, one.units or other.units)


def _stacked(name: str, parts: Sequence[Bins]) -> Statistics:
    """The statistics of one variable in all parts, one after the other."""
    here = [part.variables[name].described for part in parts if name in part.variables]
    common = here[0]
    for one in here[1:]:
        common = widened(common, one)
    pieces = [
        _as(part.variables[name], common) if name in part.variables else _nothing(common, len(part)) for part in parts
    ]
    if len(pieces) == 1:
        return pieces[0]
    instants = [piece.instants or _no_instants(len(piece.count)) for piece in pieces]
    return Statistics(
        common,
        np.concatenate([piece.count for piece in pieces]),
        np.concatenate([piece.low for piece in pieces]),
        np.concatenate([piece.high for piece in pieces]),
        np.concatenate([piece.mean for piece in pieces]),
        np.concatenate([piece.squares for piece in pieces]),
        Instants(np.concatenate([one.first for one in instants]), np.concatenate([one.last for one in instants]))
        if any(piece.instants for piece in pieces)
        else None,
    )


def _no_instants(bins: int) -> Instants:
    limits = np.iinfo(np.int64)
    return Instants(np.full(bins, limits.max), np.full(bins, limits.min))


def _as(one: Statistics, wanted: Described) -> Statistics:
    """With another type and shape."""
    if one.described == wanted:
        return one
    bins = len(one.count)

    def placed(values: npt.NDArray[Any], dtype: Any) -> npt.NDArray[Any]:  # whatever numpy takes as a type
        if one.described.components == wanted.components:
            return values.astype(dtype)
        whole = np.zeros((bins, *wanted.dims), dtype)
        whole[(slice(None), *(slice(size) for size in one.described.dims))] = values.reshape(bins, *one.described.dims)
        return whole.reshape(bins, wanted.components)

    return Statistics(
        wanted,
        placed(one.count, np.int64),
        placed(one.low, wanted.dtype),
        placed(one.high, wanted.dtype),
        placed(one.mean, np.float64),
        placed(one.squares, np.float64),
        one.instants,
    )


def _grouped(one: Statistics, starts: npt.NDArray[np.intp]) -> Statistics:
    """Groups of bins that begin at `starts` as one bin each."""
    least, greatest = _limits(one.low.dtype)
    sizes = np.diff(starts, append=len(one.count))
    empty = one.count == 0
    count = np.add.reduceat(one.count, starts, axis=0)
    low = np.minimum.reduceat(np.where(empty, greatest, one.low), starts, axis=0)
    high = np.maximum.reduceat(np.where(empty, least, one.high), starts, axis=0)
    low[count == 0] = high[count == 0] = 0
    with np.errstate(all="ignore"):
        total = np.maximum(np.repeat(count, sizes, axis=0), 1)
        # shares first: a sum of all values may be more than a double holds
        mean = np.add.reduceat(np.where(empty, 0, one.mean) * (one.count / total), starts, axis=0)
        apart = np.where(empty, 0, one.mean - np.repeat(mean, sizes, axis=0))
        squares = np.add.reduceat(one.squares + one.count * apart * apart, starts, axis=0)
    instants = one.instants and Instants(
        np.minimum.reduceat(one.instants.first, starts), np.maximum.reduceat(one.instants.last, starts)
    )
    return Statistics(one.described, count, low, high, mean, squares, instants)
