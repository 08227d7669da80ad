"""Records of an interval, as the cut has them, gathered into bins. Reads files; knows no database.

Which records there are, and what is a fill, is the cut's to say (cutouts/extract.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cutouts.extract import open_cut
from cutouts.interval import Interval
from cutouts.joined.series import Axis, Column, SeriesCut
from cutouts.windows import windows
from epntap.archive.model import ArchiveFile
from epntap.cdf import Variable
from epntap.cdf.fills import is_fill, may_be_missing
from epntap.units.vounit import to_vounit
from summaries.coverage import Coverage
from summaries.grid import DAY_NS, instants_of, labels_of, shown_at
from summaries.statistics import (
    Bins,
    Described,
    Instants,
    Integers,
    Statistics,
    can_join,
    joined,
    limits_of,
    of_values,
    widened,
)

__all__ = ["DIFFERS", "MOST_COMPONENTS", "Gathered", "axis_of", "described", "gather", "missing_values", "summable"]

#: wider variables are left out
MOST_COMPONENTS = 4096
#: why something is left out
DIFFERS = "its type, shape or unit differs between files in what no column can hold"
#: of values, in one reading
_BLOCK_BYTES = 1 << 23
_BLOCK_RECORDS = 1 << 17
#: partial bins that are joined when so many have come together
_MOST_PARTS = 64


@dataclass(slots=True, eq=False)
class Gathered:
    """What the records of an interval are in bins."""

    width: int
    coverage: Coverage
    #: variable -> why it is not here
    left_out: dict[str, str] = field(default_factory=dict)
    _parts: list[Bins] = field(default_factory=list)
    _described: dict[str, Described] = field(default_factory=dict)
    #: variable -> days, first and last instants with a value
    _instants: dict[str, list[npt.NDArray[np.int64]]] = field(default_factory=dict)

    def bins(self) -> Bins:
        """Bins of the width, rising."""
        self._join()
        return self._parts[0] if self._parts else joined([])

    def days(self, bins: Bins) -> Bins:
        """Bins of a day, with the instants of first and last values."""
        variables = {name: self._with_instants(one, bins.numbers) for name, one in bins.variables.items()}
        return Bins(bins.numbers, bins.records, variables)

    def add(self, part: Bins) -> None:
        """Take the bins of some records."""
        kept = {}
        for name, one in part.variables.items():
            known = self._described.setdefault(name, one.described)
            if can_join(known, one.described):
                self._described[name] = widened(known, one.described)
                kept[name] = one
            else:
                self.left_out[name] = DIFFERS
        self._parts.append(Bins(part.numbers, part.records, kept))
        if len(self._parts) >= _MOST_PARTS:
            self._join()

    def add_instants(self, name: str, days: Integers, first: Integers, last: Integers) -> None:
        """Take the first and last instants of some days that have a value."""
        self._instants.setdefault(name, []).append(np.stack([days, first, last]))

    def _join(self) -> None:
        if len(self._parts) > 1:
            self._parts = [joined(self._parts)]

    def _with_instants(self, one: Statistics, numbers: Integers) -> Statistics:
        limits = np.iinfo(np.int64)
        first, last = np.full(len(numbers), limits.max), np.full(len(numbers), limits.min)
        for days, earliest, latest in self._instants.get(one.described.name, ()):
            places = np.searchsorted(numbers, days)
            np.minimum.at(first, places, earliest)
            np.maximum.at(last, places, latest)
        return Statistics(one.described, one.count, one.low, one.high, one.mean, one.squares, Instants(first, last))


def gather(
    files: Sequence[ArchiveFile], interval: Interval, axis: str, width: int, names: Sequence[str] | None = None
) -> Gathered:
    """The records of an interval along one time axis, in bins of this width; of all variables, or of those named.

    Raises UnreadableFileError for a file that cannot be read, or is not the one that was indexed.
    """
    found = Gathered(width, Coverage())
    for window in windows(files, interval):
        with open_cut(window.files, window.interval) as cut:
            part = axis_of(cut, axis)
            if part is None or not len(part):
                continue
            found.left_out |= _said(cut, part)
            columns = [one for one in part.columns if summable(one) and (names is None or one.variable.name in names)]
            for first, stop in _blocks(part.time, columns):
                _take(found, part.time, columns, first, stop)
    return found


def axis_of(cut: SeriesCut, name: str) -> Axis | None:
    """The axis of this name, also in other case; the only one if none has the name."""
    same = [one for one in cut.axes if one.name == name] or [
        one for one in cut.axes if one.name.casefold() == name.casefold()
    ]
    if not same and len(cut.axes) == 1:
        return cut.axes[0]
    return same[0] if same else None


def summable(column: Column) -> bool:
    """Whether a column has numbers of its own in each record, and not too many."""
    variable = column.variable
    return (
        any(member.varies for member in column.model.members.values())
        and not _why_not(variable)
        and not column.units_differ
    )


def _why_not(variable: Variable) -> str:
    """Why there are no statistics of a variable; empty when there are."""
    if variable.cdf_type.is_text:
        return "it is text"
    if variable.cdf_type.is_epoch:
        return "it is a time"
    components = int(np.prod(variable.dims, dtype=np.int64))
    if components > MOST_COMPONENTS:
        return f"it has {components:,} components, more than {MOST_COMPONENTS:,}"
    return "" if components else "it has no components"


def _said(cut: SeriesCut, axis: Axis) -> Mapping[str, str]:
    known = {one.variable.name: _why_not(one.variable) for one in axis.columns if one.variable.name in cut.known}
    differing = {
        one.variable.name: "its units differ between files that overlap" for one in axis.columns if one.units_differ
    }
    return {name: why for name, why in {**cut.left_out, **known, **differing}.items() if why}


def described(variable: Variable, units: str | None = None) -> Described:
    """What statistics keep of the description of a variable."""
    return Described(variable.name, variable.dtype.str[1:], tuple(variable.dims), _units(units))


@lru_cache(maxsize=1024)
def _units(text: str | None) -> str:
    return (to_vounit(text) or text) if text else ""


def _blocks(time: Column, columns: Sequence[Column]) -> Iterator[tuple[int, int]]:
    row_bytes = sum(one.record_bytes for one in (time, *columns))
    rows = min(max(_BLOCK_BYTES // row_bytes, 1), _BLOCK_RECORDS)
    for first in range(0, len(time), rows):
        yield first, min(first + rows, len(time))


def _take(found: Gathered, time: Column, columns: Sequence[Column], first: int, stop: int) -> None:
    instants = time.instants(first, stop)
    order = None if bool((instants[1:] >= instants[:-1]).all()) else np.argsort(instants, kind="stable")
    if order is not None:
        instants = instants[order]
    numbers, starts = _grouped(instants, found.width)
    days, day_starts = _grouped(instants, DAY_NS)
    found.coverage.add(instants, days, day_starts)
    variables = {}
    for column in columns:
        one = described(column.variable, column.units)
        values = column.read(first, stop)
        by_component = _by_component(values, order)
        limits = limits_of(by_component, starts)
        gone = None
        if column.lacking(first, stop) is not None or may_be_missing(column.variable, *limits):
            missing = missing_values(column, values, first, stop)
            gone = None if missing is None else _by_component(missing, order)
        variables[one.name] = of_values(one, by_component, gone, starts, limits)
        found.add_instants(one.name, days, *_ends(instants, gone, day_starts))
    found.add(Bins(numbers, np.diff(starts, append=len(instants)), variables))


def _by_component(values: npt.NDArray[Any], order: npt.NDArray[np.intp] | None) -> npt.NDArray[Any]:
    """Values of records in this order, as (components, n), each component in one piece; scalars are not copied."""
    flat = values.reshape(len(values), -1)
    return np.ascontiguousarray((flat if order is None else flat[order]).T)


def _grouped(instants: Integers, width: int) -> tuple[Integers, npt.NDArray[np.intp]]:
    """Numbers of the bins that instants lie in, which rise, and where each of them begins."""
    first, last = shown_at(int(instants[0])) // width, shown_at(int(instants[-1])) // width
    if last - first < len(instants):
        numbers = np.arange(first, last + 1)
        edges = np.searchsorted(instants, instants_of(numbers * width))
        # the first bin may begin before the first instant
        here = np.flatnonzero(np.diff(edges, append=len(instants)))
        return numbers[here], edges[here]
    each = labels_of(instants) // width
    starts = np.flatnonzero(np.diff(each, prepend=each[0] - 1))
    return each[starts], starts


def _ends(
    instants: Integers, missing: npt.NDArray[np.bool_] | None, starts: npt.NDArray[np.intp]
) -> tuple[Integers, Integers]:
    """First and last instants with a value in groups of instants that rise; `missing` is by component."""
    lasts = np.append(starts[1:], len(instants)) - 1
    gone: npt.NDArray[np.bool_] | None = None if missing is None else np.logical_and.reduce(missing, axis=0)
    if gone is None or not (gone[starts].any() or gone[lasts].any()):
        return instants[starts], instants[lasts]
    there = ~gone
    limits = np.iinfo(np.int64)
    first = np.minimum.reduceat(np.where(there, instants, limits.max), starts)
    return first, np.maximum.reduceat(np.where(there, instants, limits.min), starts)


def missing_values(column: Column, values: npt.NDArray[Any], first: int, stop: int) -> npt.NDArray[np.bool_] | None:
    """Which values of these rows are fill, NaN or of a file without the variable, shape (n, components).

    None: none is.
    """
    missing = is_fill(column.variable, values)
    if missing is not None and not missing.any():
        missing = None
    if values.dtype.kind == "f":
        unknown = np.isnan(values)
        if unknown.any():
            missing = unknown if missing is None else missing | unknown
    if missing is not None:
        missing = missing.reshape(len(values), -1)
    lacking = column.lacking(first, stop)
    if lacking is None:
        return missing
    if missing is None:
        missing = np.zeros((len(values), values.size // max(len(values), 1)), np.bool_)
    return missing | lacking[:, np.newaxis]
