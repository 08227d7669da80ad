"""One year of one time axis of a dataset, from files to levels in a folder of its own. Plain data in and out: it can be
done in any process on any machine that sees files and folder; the database is somebody else's.

A folder gets its name when all of it is there. What did not change is taken over from the folder before, day by day.
"""  # noqa: D205  # one sentence

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cutouts.interval import Interval
from cutouts.request import EVERYTHING
from epntap.archive.model import ArchiveFile
from epntap.errors import UnreadableFileError
from summaries.gather import DIFFERS, gather
from summaries.grid import DAY_NS, instants_of, levels_from, periods_of
from summaries.levels import arrow_of, read_level, write_level
from summaries.statistics import Bins, Described, joined

__all__ = ["COVERAGE", "YearMade", "YearPlan", "build_year", "kinds_of", "level_name", "read_coverage"]

COVERAGE = "coverage.parquet"
#: bins of one file take about so much memory at most
_MOST_BYTES = 12_000_000
#: what is kept of a stretch of records
_STRETCH = ("first", "last", "step", "day")
#: days for which one file is opened without looking first which of them it has records for
_DAYS_A_FILE = 2
_DAYS = {"year": 366, "month": 31, "day": 1}
#: of remarks and reasons that are kept for a year
_MOST_SAID = 200

Days = tuple[int, int]


@dataclass(frozen=True, slots=True)
class YearPlan:
    """All that has to be known to build a year."""

    #: of the time axis; the folder of the year becomes one of it
    folder: Path
    name: str
    axis: str
    year: int
    base_ns: int
    #: width -> period that one file holds
    kinds: Mapping[int, str]
    #: all that hold records of the year
    files: tuple[ArchiveFile, ...]
    #: first and last day, inclusive, of each run of days that are to be made anew
    days: tuple[Days, ...]
    #: folder that holds the other days
    old: str | None = None


@dataclass(frozen=True, slots=True)
class YearMade:
    """What became of it."""

    year: int
    name: str
    size_bytes: int = 0
    #: of the time axis
    records: int = 0
    #: variable -> what is said of it for the catalogue: texts that read back exactly
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: variable -> why it is not there
    left_out: Mapping[str, str] = field(default_factory=dict)
    #: why the year could not be made, or not from all files; empty when it was
    failure: str = ""
    #: root and path of files that it could not be made from, though from the others
    without: frozenset[tuple[str, str]] = frozenset()


def kinds_of(variables: Sequence[Described], base_ns: int) -> dict[int, str]:
    """The period that one file of each level holds, so that none is large."""
    day_bytes = 16 + sum(one.bin_bytes for one in variables)
    found = {}
    for width in levels_from(base_ns):
        size = day_bytes * (DAY_NS // width)
        found[width] = next((kind for kind, days in _DAYS.items() if size * days <= _MOST_BYTES), "day")
    # one file of days a year, whatever there is
    return {**found, DAY_NS: "year"}


def level_name(width: int, period: str) -> str:
    """Name of the file of a level and period."""
    return f"{width}-{period}.parquet"


def read_coverage(folder: Path) -> npt.NDArray[np.int64]:
    """The stretches of a year. Raises OSError when the folder is not there."""
    table = pq.read_table(folder / COVERAGE, use_threads=False)
    return np.stack([table.column(name).to_numpy() for name in _STRETCH], axis=1)


def build_year(plan: YearPlan) -> YearMade:
    """Make the folder of the year. What fails is said in the answer, and leaves nothing behind.

    A file that cannot be read is left out of a year that is made for the first time; later it leaves the year as it is.
    """
    made = _build(plan)
    if not made.failure or plan.old is not None:
        return made
    without = [one for one in plan.files if not _is_readable(plan, one)]
    if not without or len(without) == len(plan.files):
        return made
    rest = replace(plan, files=tuple(one for one in plan.files if one not in without))
    again = _build(rest)
    return (
        again
        if again.failure
        else replace(again, failure=made.failure, without=frozenset((one.root, one.path) for one in without))
    )


def _is_readable(plan: YearPlan, file: ArchiveFile) -> bool:
    try:
        gather([file], EVERYTHING, plan.axis, DAY_NS)
    except UnreadableFileError:
        return False
    return True


def _build(plan: YearPlan) -> YearMade:
    unfinished = plan.folder / f".{plan.name}.unfinished"
    try:
        unfinished.mkdir(parents=True)
        made = _Year(plan, unfinished).make()
        unfinished.rename(plan.folder / plan.name)
    except UnreadableFileError as exc:
        return YearMade(plan.year, plan.name, failure=exc.message)
    except OSError as exc:
        # Arrow has a sentence of its own around the system's
        why = os.strerror(exc.errno) if exc.errno else exc
        return YearMade(plan.year, plan.name, failure=f"the summary cannot be written: {why}")
    else:
        return made
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


class _Year:
    """A year in the making."""

    def __init__(self, plan: YearPlan, target: Path) -> None:
        self._plan = plan
        self._target = target
        self._old = None if plan.old is None else plan.folder / plan.old
        self._levels = levels_from(plan.base_ns)
        #: width -> bins that no file holds yet
        self._pending: dict[int, list[Bins]] = {width: [] for width in self._levels}
        self._stretches: list[npt.NDArray[np.int64]] = []
        self._left_out: dict[str, str] = {}
        self._size_bytes = 0
        self._days: Bins | None = None
        #: days that have records, once they were looked for
        self._recorded: npt.NDArray[np.int64] | None = None

    def make(self) -> YearMade:
        """Write all levels."""
        ends = {
            width: {days.stop: (name, days) for name, days in periods_of(self._plan.year, self._plan.kinds[width])}
            for width in self._levels
        }
        for _, days in periods_of(self._plan.year, self._plan.kinds[self._plan.base_ns]):
            for run in _within(self._plan.days, days):
                if self._may_have_records(run):
                    self._gather(run)
            for width in self._levels:
                if days.stop in ends[width]:
                    self._write(width, *ends[width][days.stop])
        self._write_coverage()
        days_made = self._days or joined([])
        return YearMade(
            year=self._plan.year,
            name=self._plan.name,
            size_bytes=self._size_bytes,
            records=int(days_made.records.sum()),
            facts={name: _facts(days_made, name) for name in days_made.variables},
            left_out=dict(list(self._left_out.items())[:_MOST_SAID]),
        )

    def _may_have_records(self, run: Days) -> bool:
        """Whether days are worth opening files for: a hundred variables cost milliseconds, records or not.

        Known without looking where there is about a file for each day; else the time axis is read once before.
        """
        plan = self._plan
        if sum(last - first + 1 for first, last in plan.days) <= _DAYS_A_FILE * len(plan.files):
            return True
        if self._recorded is None:
            found = [gather(plan.files, _interval(one), plan.axis, DAY_NS, names=()).bins() for one in plan.days]
            self._recorded = np.concatenate([one.numbers for one in found])
        return bool(((self._recorded >= run[0]) & (self._recorded <= run[1])).any())

    def _gather(self, run: Days) -> None:
        found = gather(self._plan.files, _interval(run), self._plan.axis, self._plan.base_ns)
        self._left_out |= found.left_out
        self._stretches.append(found.coverage.stretches())
        bins = found.bins()
        before = self._plan.base_ns
        for width in self._levels:
            if width != before:
                bins = bins.coarser(width // before)
                before = width
            self._pending[width].append(found.days(bins) if width == DAY_NS else bins)

    def _write(self, width: int, period: str, days: range) -> None:
        name = level_name(width, period)
        old = None if self._old is None else self._old / name
        touched = list(_within(self._plan.days, days))
        if old is not None and not old.exists():
            old = None
        if not touched and width != DAY_NS:
            if old is not None:
                _take_over(old, self._target / name)
                self._size_bytes += old.stat().st_size
            return
        parts = self._pending[width]
        self._pending[width] = []
        if old is not None:
            known = read_level(old, *_numbers(days, width))
            parts.append(known.taken(~_is_in(known.numbers * width // DAY_NS, touched)))
        bins = self._joined(parts)
        if width == DAY_NS:
            self._days = bins
        if len(bins):
            self._size_bytes += write_level(self._target / name, bins, width)

    def _joined(self, parts: Sequence[Bins]) -> Bins:
        while True:
            try:
                return joined(parts)
            except ValueError as exc:
                name = str(exc)
                self._left_out[name] = DIFFERS
                parts = [
                    Bins(one.numbers, one.records, {key: each for key, each in one.variables.items() if key != name})
                    for one in parts
                ]

    def _write_coverage(self) -> None:
        found = list(self._stretches)
        if self._old is not None:
            known = read_coverage(self._old)
            found.append(known[~_is_in(known[:, 3], self._plan.days)])
        rows = np.concatenate(found) if found else np.empty((0, 4), np.int64)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        table = pa.table({name: arrow_of(rows[:, place]) for place, name in enumerate(_STRETCH)})
        pq.write_table(table, self._target / COVERAGE, compression="zstd")
        self._size_bytes += (self._target / COVERAGE).stat().st_size


def _interval(run: Days) -> Interval:
    first, stop = (int(one) for one in instants_of(np.array([run[0], run[1] + 1]) * DAY_NS))
    return Interval(first, stop)


def _within(runs: Sequence[Days], days: range) -> list[Days]:
    """The runs as far as they lie in a period."""
    cut = ((max(first, days.start), min(last, days.stop - 1)) for first, last in runs)
    return [(first, last) for first, last in cut if first <= last]


def _is_in(days: npt.NDArray[np.int64], runs: Sequence[Days]) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(days), np.bool_)
    for first, last in runs:
        found |= (days >= first) & (days <= last)
    return found


def _numbers(days: range, width: int) -> tuple[int, int]:
    return days.start * DAY_NS // width, days.stop * DAY_NS // width


def _take_over(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:  # not every file system has links
        shutil.copyfile(old, new)


def _facts(days: Bins, name: str) -> dict[str, str]:
    """Of a variable: its values in all, those that are there, their range and their instants."""
    one = days.variables[name]
    there = one.count > 0
    some = there.any(axis=1)
    facts: dict[str, Any] = {
        "values": int(days.records.sum()) * one.described.components,
        "count": int(one.count.sum()),
    }
    if some.any() and one.instants is not None:
        facts |= {
            "min": one.low[there].min().item(),
            "max": one.high[there].max().item(),
            "first": int(one.instants.first[some].min()),
            "last": int(one.instants.last[some].max()),
        }
    return {key: repr(value) for key, value in facts.items()}
