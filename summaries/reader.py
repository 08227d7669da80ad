"""Reads summaries: as many bins of an interval as are asked for, its ends exact, the records below the narrowest bins.

A level is read where its bins lie in the interval as a whole; what is left at the ends comes from finer levels, and
from the records where there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cutouts.extract import open_cut
from cutouts.interval import Interval
from cutouts.windows import windows
from epntap.access import ANONYMOUS, Caller, may_now
from epntap.archive.datasets import dataset as dataset_of
from epntap.archive.files import files_overlapping
from epntap.archive.kept.series import Series, SeriesVariable, series_of
from epntap.archive.kept.summaries import HeldYear, digests_now, open_now, years_of
from epntap.archive.model import ArchiveFile
from epntap.connection import Connection
from epntap.db.caller import seen_by
from epntap.errors import ForbiddenError, NotFoundError, ParameterError, ServiceError
from epntap.hints import did_you_mean
from summaries.build import level_name
from summaries.folders import folder_of
from summaries.gather import MOST_COMPONENTS, axis_of, gather, missing_values, summable
from summaries.grid import (
    DAY_NS,
    STORED_NS,
    bins_within,
    days_of_year,
    instants_of,
    levels_from,
    periods_of,
    shown_at,
    width_for,
    year_of,
)
from summaries.levels import read_level
from summaries.run import EDITION
from summaries.statistics import Bins, Described, Statistics, joined

__all__ = ["Asked", "ParameterSeries", "Summaries", "SummarySeries"]

Connect = Callable[[], AbstractContextManager[Connection]]

#: of files that are read for what no summary has yet, or has of other files
_MOST_READ_BYTES = 256_000_000
#: files of this size at most are kept in memory once they are read
_SMALL_BYTES = 200_000


#: of an interval, of which all files are carried: a longer one has bins of more than a day
_MOST_CARRIED_NS = 1_000 * DAY_NS
#: of a longer one, at each end: more than a bin that is made of records
_END_NS = 2 * DAY_NS


@dataclass(frozen=True, slots=True, eq=False)
class ParameterSeries:
    """Statistics of one variable; all arrays have the shape (bins, *dims)."""

    name: str
    #: what the files say of it: units, labels, bins along its dimensions, title
    about: SeriesVariable
    #: values that are neither fill nor NaN
    count: npt.NDArray[np.int64]
    #: in the variable's own type; 0 where there is no value
    minimum: npt.NDArray[Any]
    maximum: npt.NDArray[Any]
    #: NaN where there is no value; the deviation is divided by the count
    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]

    @property
    def units(self) -> tuple[str, ...]:
        """Of all components, or of each; empty: not said."""
        return self.about.units

    @property
    def labels(self) -> tuple[str, ...]:
        """Of all components, or of each; empty: not said."""
        return self.about.labels


@dataclass(frozen=True, slots=True, eq=False)
class SummarySeries:
    """An interval of a dataset in bins, or as records."""

    schema: str
    dataset_id: str
    #: epoch variable
    axis: str
    interval: Interval
    #: nominal width of the bins, nanoseconds of UTC; 0: these are records, each a bin of its own
    width_ns: int
    #: TT2000; only bins that hold records are here, those at the ends cut off by the interval
    starts: npt.NDArray[np.int64]
    #: TT2000 after the last instant of each bin
    stops: npt.NDArray[np.int64]
    #: of the time axis in each bin
    records: npt.NDArray[np.int64]
    parameters: Mapping[str, ParameterSeries]
    #: usual time between two records of the dataset, nanoseconds
    cadence_ns: int | None = None
    #: what else should be known, one sentence each
    remarks: tuple[str, ...] = ()

    @property
    def is_records(self) -> bool:
        """Whether each row is one record."""
        return not self.width_ns


@dataclass(frozen=True, slots=True)
class Summaries:
    """The reader. Build it once in each process."""

    #: lends a connection in the service role
    connect: Connect
    #: folder of all summaries
    root: Path

    def series(
        self,
        schema: str,
        dataset_id: str,
        parameters: Sequence[str] = (),
        *,
        interval: Interval,
        points: int,
        caller: Caller = ANONYMOUS,
    ) -> SummarySeries:
        """Variables of one time axis in `points` to 4 * `points` bins, as far as the interval has records.

        Without `parameters` there are all of the first axis. Below the narrowest bins there are the records themselves,
        or bins made of them where they are more than 4 * `points`. Raises NotFoundError for a dataset without records,
        ForbiddenError for one that the caller may not have, ParameterError for other names and empty intervals.
        """
        if interval.is_empty or points < 1:
            raise ParameterError("A series needs an interval that ends after its start, and at least one point.")
        return self.ask(schema, dataset_id, parameters, interval=interval, caller=caller).read(points)

    def bins(
        self,
        schema: str,
        dataset_id: str,
        parameters: Sequence[str],
        *,
        interval: Interval,
        width_ns: int,
        caller: Caller = ANONYMOUS,
    ) -> SummarySeries:
        """Variables of one time axis in bins of one of the widths of the grid. Raises what `series` raises."""
        return self.ask(schema, dataset_id, parameters, interval=interval, caller=caller).bins(width_ns)

    def ask(
        self,
        schema: str,
        dataset_id: str,
        parameters: Sequence[str] = (),
        *,
        interval: Interval,
        caller: Caller = ANONYMOUS,
    ) -> Asked:
        """What `series` begins with. Raises what it raises."""
        with self.connect() as connection, seen_by(connection, caller):
            known = dataset_of(connection, schema, dataset_id)
            series = series_of(connection, schema, dataset_id)
            if known is None or not series:
                raise NotFoundError(f"There is no dataset {dataset_id!r} with records in {schema}.")
            if not may_now(caller, known.rights):
                raise ForbiddenError(f"The data of {dataset_id} are not public; ask the data centre for access.")
            one, names = _chosen(series, parameters, dataset_id)
            held = _held(connection, schema, dataset_id, one.axis)
            # what a year was made of is held against its files
            spans = {year: _span(year) for year, _ in _by_year(interval)}
            digests = digests_now(connection, schema, dataset_id, spans)
        folder = folder_of(self.root, schema, dataset_id, one.axis)
        return Asked(self.connect, schema, dataset_id, one, names, interval, folder, held, digests)

    def renewed(self, asked: Asked) -> Asked:
        """The same with the summaries that are kept now, when files and rights are as they were."""
        with self.connect() as connection:
            held = _held(connection, asked.schema, asked.dataset_id, asked.series.axis)
        return Asked(
            self.connect,
            asked.schema,
            asked.dataset_id,
            asked.series,
            asked.names,
            asked.interval,
            asked.folder,
            held,
            asked.digests,
        )


def _held(connection: Connection, schema: str, dataset_id: str, axis: str) -> dict[int, HeldYear]:
    """The years of an axis that are summarised."""
    years = years_of(connection, schema, dataset_id, whole=False)
    return {one.year: one for one in years if one.axis == axis}


def _chosen(series: Sequence[Series], parameters: Sequence[str], dataset_id: str) -> tuple[Series, tuple[str, ...]]:
    """The axis and the names on it."""
    if not parameters:
        for one in series:
            if names := tuple(variable.name for variable in one.variables if _has_numbers(variable)):
                return one, names
        return series[0], ()
    by_name = {variable.name: (one, variable) for one in reversed(series) for variable in one.variables}
    for name in parameters:
        if name not in by_name:
            raise ParameterError(f"{dataset_id} has no variable {name!r} along time.{did_you_mean(name, by_name)}")
        if not _has_numbers(by_name[name][1]):
            raise ParameterError(f"{name} of {dataset_id} has no summary: it holds no numbers, or too many.")
    axes = {by_name[name][0].axis: by_name[name][0] for name in parameters}
    if len(axes) > 1:
        raise ParameterError(f"{' and '.join(parameters)} of {dataset_id} go along different axes; ask one by one.")
    return next(iter(axes.values())), tuple(dict.fromkeys(parameters))


def _has_numbers(variable: SeriesVariable) -> bool:
    words = variable.cdf_type
    is_number = not any(kind in words for kind in ("CHAR", "EPOCH", "TT2000"))
    return is_number and int(np.prod(variable.dims, dtype=np.int64)) <= MOST_COMPONENTS


def _year_at(tt2000: int) -> int:
    return year_of(shown_at(tt2000) // DAY_NS)


def _away() -> AbstractContextManager[Connection]:
    raise ServiceError("There is no database in this process.")


@dataclass(slots=True)
class Asked:
    """A series on its way."""

    connect: Connect
    schema: str
    dataset_id: str
    series: Series
    names: tuple[str, ...]
    interval: Interval
    folder: Path
    years: Mapping[int, HeldYear]
    #: of the files of each year that has any
    digests: Mapping[int, str]
    #: what may have to be read, where no database is at hand; None: the database is asked
    files: tuple[ArchiveFile, ...] | None = None
    #: whether records are read, however many, where what is kept is not of the files that there are now
    exactly: bool = False
    remarks: list[str] = field(default_factory=list)
    _known: dict[int, HeldYear | None] = field(default_factory=dict)

    def read(self, points: int) -> SummarySeries:
        """The series in so many bins; see `Summaries.series`."""
        return self.records_or_bins(width_for(self.interval, points), points)

    def carried(self) -> Asked:
        """The same as plain data, with what it may need from the database, to be read in another process."""
        start, stop = self.interval.start_tt2000, self.interval.stop_tt2000
        pieces = [self.interval]
        if stop - start > _MOST_CARRIED_NS:
            # of years that are summarised, only the ends are made of records
            ends = (Interval(start, start + _END_NS), Interval(stop - _END_NS, stop))
            years = [piece for year, piece in _by_year(self.interval) if year in self.digests]
            pieces = [*ends, *(piece for piece in years if self._usable(_year_at(piece.start_tt2000)) is None)]
        else:
            for year in self.digests:
                self._usable(year)
        files = {(one.root, one.path): one for piece in pieces for one in self._reaching(piece)}
        ordered = sorted(files.values(), key=lambda one: (one.tt2000_min or 0, one.path))
        return replace(self, connect=_away, files=tuple(ordered))

    def records_or_bins(self, width: int, points: int) -> SummarySeries:
        """The records where the bins would be narrower than all that is stored, else bins."""
        stored = [year.base_ns for number, year in self.years.items() if number in self.digests]
        if width < max(stored, default=STORED_NS[-1] + 1):
            found = self._records(4 * points)
            if found is not None:
                return found
        return self.bins(width)

    def bins(self, width: int) -> SummarySeries:
        """Bins of this width, whatever there is below them."""
        return self._answer(width, self._joined(self._cover(self.interval, width)))

    def whole(self, interval: Interval) -> Bins:
        """All records of a part of the interval in one bin; no bin where there is none."""
        parts = self._cover(interval, DAY_NS)
        return self._joined([Bins(np.zeros_like(part.numbers), part.records, part.variables) for part in parts])

    # -- bins

    def _cover(self, interval: Interval, width: int) -> list[Bins]:
        """Bins of any width up to this one that make up an interval, all numbered as bins of this width."""
        if interval.is_empty:
            return []
        stored = min(width, DAY_NS)
        parts: list[Bins] = []
        for year, piece in _by_year(interval):
            parts += self._cover_year(year, piece, stored)
        factor = width // stored
        return [Bins(part.numbers // factor, part.records, part.variables) for part in parts]

    def _cover_year(self, number: int, interval: Interval, width: int) -> list[Bins]:
        if number not in self.digests:
            return []
        year = self._usable(number)
        if year is None:
            return self._from_files(interval, width)
        self._say(year.left_out)
        levels = levels_from(year.base_ns)
        if width < year.base_ns:
            return self._from_records(interval, width)
        within = bins_within(interval, width)
        if not within:
            return self._finer(year, interval, width, levels)
        start, stop = instants_of(np.array([within.start, within.stop]) * width).tolist()
        before, after = Interval(interval.start_tt2000, start), Interval(stop, interval.stop_tt2000)
        parts = self._finer(year, before, width, levels) + self._finer(year, after, width, levels)
        try:
            return [*parts, *self._stored(year, within, width)]
        except OSError:
            self.remarks.append(f"The summary of {number} cannot be read; it is made anew by the next run.")
            return parts + self._from_files(Interval(start, stop), width)

    def _finer(self, year: HeldYear, interval: Interval, width: int, levels: Sequence[int]) -> list[Bins]:
        """What is left of a bin, from the next finer level, or from records."""
        if interval.is_empty:
            return []
        place = levels.index(width)
        if not place:
            return self._from_records(interval, width)
        parts = self._cover_year(year.year, interval, levels[place - 1])
        return [Bins(part.numbers // (width // levels[place - 1]), part.records, part.variables) for part in parts]

    def _stored(self, year: HeldYear, within: range, width: int) -> Iterator[Bins]:
        for period, days in periods_of(year.year, year.kinds[width]):
            first = max(within.start, days.start * DAY_NS // width)
            stop = min(within.stop, days.stop * DAY_NS // width)
            path = self.folder / year.folder / level_name(width, period)
            if first >= stop or not (path.exists() or self._has_records(year, days)):
                continue
            if width == DAY_NS and path.stat().st_size <= _SMALL_BYTES:
                yield _days_kept(path, self.names).numbered(first, stop)
            else:
                yield read_level(path, first, stop, self.names)

    def _has_records(self, year: HeldYear, days: range) -> bool:
        """Whether there are records in a period, for which there should be a file then."""
        path = self.folder / year.folder / level_name(DAY_NS, f"{year.year:04}")
        return len(read_level(path, days.start, days.stop, ())) > 0

    def _usable(self, number: int) -> HeldYear | None:
        if number not in self._known:
            self._known[number] = self._look(number)
        return self._known[number]

    def _look(self, number: int) -> HeldYear | None:
        """The year as it is kept, unless one of its files is nobody's to have any more."""
        year = self.years.get(number)
        if year is None or year.edition != EDITION or not (self.folder / year.folder).is_dir():
            return None
        if year.digest == self.digests[number]:
            return year
        if self.exactly:
            return None
        self.remarks.append(f"Files of {number} have changed since they were summarised.")
        with self.connect() as connection:
            whole = years_of(connection, self.schema, self.dataset_id)
        sources = [one for kept in whole if kept.folder == year.folder for one in kept.sources]
        here = {(one.root, one.path) for one in self._reaching(Interval(*_span(number)))}
        return year if all(one[:2] in here for one in sources) else None

    def _from_files(self, interval: Interval, width: int) -> list[Bins]:
        """From records where there is no summary, unless they are too many."""
        if not self.exactly and sum(one.size_bytes for one in self._reaching(interval)) > _MOST_READ_BYTES:
            self.remarks.append(
                f"There is no summary of {_year_at(interval.start_tt2000)} yet, and too much to read for it here."
            )
            return []
        return self._from_records(interval, width)

    def _from_records(self, interval: Interval, width: int) -> list[Bins]:
        found = gather(self._reaching(interval), interval, self.series.axis, width, self.names)
        self._say(found.left_out)
        bins = found.bins()
        return [bins] if len(bins) else []

    def _say(self, left_out: Mapping[str, str]) -> None:
        self.remarks += [f"Not all of {name} is here: {left_out[name]}." for name in self.names if name in left_out]

    def _reaching(self, interval: Interval) -> list[ArchiveFile]:
        if self.files is not None:
            return [one for one in self.files if one.reaches_into(interval.start_tt2000, interval.stop_tt2000)]
        with self.connect() as connection:
            start, stop = interval.start_tt2000, interval.stop_tt2000
            found = files_overlapping(connection, self.schema, self.dataset_id, start, stop)
        return [one for one in found if open_now(one)]

    def _joined(self, parts: Sequence[Bins]) -> Bins:
        try:
            return joined([_only(part, self.names) for part in parts])
        except ValueError as exc:
            raise ParameterError(
                f"{exc} of {self.dataset_id} differs in type, shape or unit between files; ask for a shorter interval."
            ) from exc

    def _answer(self, width: int, bins: Bins) -> SummarySeries:
        starts = np.maximum(instants_of(bins.numbers * width), self.interval.start_tt2000)
        stops = np.minimum(instants_of((bins.numbers + 1) * width), self.interval.stop_tt2000)
        return self._made(width, starts, stops, bins)

    def _made(
        self, width: int, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], bins: Bins
    ) -> SummarySeries:
        about = {one.name: one for one in self.series.variables}
        return SummarySeries(
            schema=self.schema,
            dataset_id=self.dataset_id,
            axis=self.series.axis,
            interval=self.interval,
            width_ns=width,
            starts=starts,
            stops=stops,
            records=bins.records,
            parameters={name: _parameter(about[name], bins.variables.get(name), len(bins)) for name in self.names},
            cadence_ns=self.series.cadence_ns,
            remarks=tuple(dict.fromkeys(self.remarks)),
        )

    # -- records

    def _records(self, most: int) -> SummarySeries | None:
        """The records as they are, in the order of time; None when they are more than so many."""
        instants: list[npt.NDArray[np.int64]] = []
        parts: list[Bins] = []
        count = 0
        files = self._reaching(self.interval)
        # some may be there twice, where files overlap
        if sum(one.records for one in files[1:-1]) > 2 * most:
            return None
        for window in windows(files, self.interval):
            with open_cut(window.files, window.interval) as cut:
                axis = axis_of(cut, self.series.axis)
                count += len(axis or ())
                if count > most:
                    return None
                if axis is None or not len(axis):
                    continue
                times = axis.time.instants()
                columns = [one for one in axis.columns if one.variable.name in self.names and summable(one)]
                variables = {}
                for column in columns:
                    values = column.read()
                    variables[column.variable.name] = _each(
                        Described(column.variable.name, values.dtype.str[1:], values.shape[1:]),
                        values.reshape(len(values), -1),
                        missing_values(column, values, 0, len(values)),
                    )
                instants.append(times)
                # numbered as they come: two may have the same instant
                parts.append(Bins(count - len(times) + np.arange(len(times)), np.ones(len(times), np.int64), variables))
        if not parts:
            return self._made(0, np.empty(0, np.int64), np.empty(0, np.int64), joined([]))
        starts = np.concatenate(instants)
        order = np.argsort(starts, kind="stable")
        return self._made(0, starts[order], starts[order] + 1, self._joined(parts).taken(order))


@lru_cache(maxsize=128)
def _days_kept(path: Path, names: tuple[str, ...]) -> Bins:
    """The days of a year, which every overview of decades reads; a file is never changed."""
    limits = np.iinfo(np.int64)
    return read_level(path, limits.min, limits.max, names)


def _each(described: Described, values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None) -> Statistics:
    """Each record as a bin of its own."""
    there = np.ones(values.shape, np.bool_) if missing is None else ~missing
    kept = np.where(there, values, np.zeros((), values.dtype))
    numbers = kept.astype(np.float64)
    return Statistics(described, there.astype(np.int64), kept, kept, numbers, np.zeros(values.shape))


def _only(part: Bins, names: Sequence[str]) -> Bins:
    return Bins(part.numbers, part.records, {name: part.variables[name] for name in names if name in part.variables})


def _by_year(interval: Interval) -> Iterator[tuple[int, Interval]]:
    for year in range(_year_at(interval.start_tt2000), _year_at(interval.stop_tt2000 - 1) + 1):
        piece = interval.intersect(Interval(*_span(year)))
        if not piece.is_empty:
            yield year, piece


def _span(year: int) -> tuple[int, int]:
    days = days_of_year(year)
    start, stop = instants_of(np.array([days.start, days.stop]) * DAY_NS).tolist()
    return start, stop


def _parameter(about: SeriesVariable, one: Statistics | None, bins: int) -> ParameterSeries:
    if one is None:
        zeros = np.zeros((bins, *about.dims))
        nothing = np.full(zeros.shape, np.nan)
        return ParameterSeries(about.name, about, zeros.astype(np.int64), zeros, zeros, nothing, nothing)
    shape = (bins, *one.described.dims)
    return ParameterSeries(
        name=about.name,
        about=about,
        count=one.count.reshape(shape),
        minimum=one.low.reshape(shape),
        maximum=one.high.reshape(shape),
        mean=np.where(one.count > 0, one.mean, np.nan).reshape(shape),
        std=one.deviation.reshape(shape),
    )
