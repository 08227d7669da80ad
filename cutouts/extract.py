"""Cuts time series out of files: which records of which variables, joined in time. Values are read later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cutouts.interval import Interval
from cutouts.series import Axis, Column, MixedRows, Rows, RunOfRows, SeriesCut, StackedRows
from epntap.archive.model import ArchiveFile
from epntap.cdf import FILL_TT2000, CdfFile, Variable, as_epochs, select, to_tt2000
from epntap.errors import ParameterError, UnreadableFileError
from epntap.hints import nearest

__all__ = ["cut_files", "open_cut"]

# the operating system lends about a thousand files to a process
_MOST_OPEN_FILES = 32
# eight megabytes of epochs
_BLOCK_RECORDS = 1 << 20
# what a variable needs to be understood (ISTP guidelines, "Variable attributes")
_NEEDED = re.compile(r"(DEPEND|LABL_PTR|REPRESENTATION)_\d+|DELTA_(PLUS|MINUS)_VAR|(UNIT|FORM|SCAL)_PTR")


@contextmanager
def open_cut(files: Iterable[ArchiveFile], interval: Interval, parameters: Sequence[str] = ()) -> Iterator[SeriesCut]:
    """Lend the records of indexed files that lie in an interval; see `cut_files`.

    A file that is not the one that was indexed any more is an UnreadableFileError.
    """
    ordered = sorted(files, key=lambda file: (file.tt2000_min is None, file.tt2000_min or 0, file.path))
    versions = [(file.size_bytes, file.mtime_ns) for file in ordered]
    with cut_files([Path(file.root, file.path) for file in ordered], interval, parameters, versions) as cut:
        yield cut


@contextmanager
def cut_files(
    paths: Sequence[Path],
    interval: Interval,
    parameters: Sequence[str] = (),
    versions: Sequence[tuple[int, int]] = (),
) -> Iterator[SeriesCut]:
    """Lend the records of files, given in the order of time, that lie in an interval.

    Every variable is cut along its own time axis. Records keep the order of their file, also where time runs
    backwards, and files follow each other; where files overlap, an instant that an earlier file gave is not
    taken again, and if they interleave, the rows of the axis are sorted by time.

    Without `parameters` there is every variable that can be cut and all that do not vary with the record; what
    cannot be cut is left out and named. With them there are these variables, their axes and what they point to
    (DEPEND_1, LABL_PTR_1, …); a name that is not known or cannot be cut is a ParameterError. A file that cannot be
    read, or that does not have its size and time of change in `versions`, is an UnreadableFileError.
    """
    opened: list[CdfFile] = []
    try:
        for number, path in enumerate(paths):
            opened.append(CdfFile(path))
            if versions and opened[-1].version != versions[number]:
                raise UnreadableFileError(f"{path.name} was changed since it was indexed; it has to be ingested again")
            if number >= _MOST_OPEN_FILES:
                opened[-1].read_descriptions()
                opened[-1].suspend()
        yield _Joint(opened).cut(interval, parameters)
    finally:
        for file in opened:
            file.close()


class _Joint:
    """Several files of one dataset taken as one."""

    def __init__(self, files: Sequence[CdfFile]) -> None:
        self._files = files
        self.remarks: list[str] = []
        #: as the first file describes them
        self.variables: dict[str, Variable] = {}
        self.axis_of: dict[str, str] = {}
        self.unavailable: dict[str, str] = {}
        for file in files:
            self._add(file)

    def cut(self, interval: Interval, parameters: Sequence[str]) -> SeriesCut:
        """Return what lies in the interval."""
        chosen = self._choose(parameters)
        wanted = {self.axis_of.get(one) for one in chosen}
        axis_names = [name for name in self.variables if name in wanted]
        used: set[int] = set()
        axes = []
        for name in axis_names:
            rows = self._find_rows(name, interval, used)
            members = [one for one in chosen if self.axis_of.get(one) == name and one != name]
            columns = [Column(self.variables[one], rows, self._units_of(one)) for one in members]
            self._remark_missing(members, used)
            axes.append(Axis(Column(self.variables[name], rows), columns))
        return SeriesCut(
            interval=interval,
            sources=[self._files[number].path.name for number in sorted(used)],
            attributes=self._files[min(used, default=0)].attributes if self._files else {},
            axes=axes,
            fixed=[self._fixed(one, used) for one in chosen if not self.variables[one].record_varying],
            known=frozenset(self.variables),
            left_out={} if parameters else dict(self.unavailable),
            remarks=tuple(self.remarks),
        )

    def _add(self, file: CdfFile) -> None:
        for name, reason in file.uncuttable().items():
            self.unavailable.setdefault(name, reason)
        for name, variable in file.variables.items():
            known = self.variables.setdefault(name, variable)
            if known is not variable and not _is_alike(known, variable):
                self.unavailable.setdefault(name, f"{name} has another type or shape in {file.path.name} than before")
            axis = file.axis_of(name) if variable.record_varying else None
            if axis is not None and self.axis_of.setdefault(name, axis.name) != axis.name:
                self.unavailable.setdefault(name, f"{name} has different time axes in the files")

    def _choose(self, parameters: Sequence[str]) -> list[str]:
        self._spoil_by_axis()
        available = [name for name in self.variables if name not in self.unavailable]
        if not parameters:
            return available
        chosen = {self._resolve(name) for name in parameters}
        if not any(self.variables[name].record_varying for name in chosen):
            raise ParameterError(
                f"PARAMETERS: expected at least one variable that varies with time, found {_enumerate(chosen)}"
            )
        waiting = list(chosen)
        while waiting:
            for needed in self._needs(self.variables[waiting.pop()]):
                if needed not in chosen and needed not in self.unavailable:
                    chosen.add(needed)
                    waiting.append(needed)
        return [name for name in available if name in chosen]

    def _spoil_by_axis(self) -> None:
        """What depends on an axis that cannot be had cannot be had either."""
        for name, axis in self.axis_of.items():
            if axis in self.unavailable and name != axis:
                self.unavailable.setdefault(name, f"{name} depends on {axis}: {self.unavailable[axis]}")

    def _resolve(self, name: str) -> str:
        wanted = name.strip()
        same = [known for known in self.variables if known.casefold() == wanted.casefold()]
        found = wanted if wanted in self.variables else same[0] if len(same) == 1 else None
        if found is None:
            near = nearest(wanted, self.variables, most=3, likeness=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {_enumerate(self.variables)}"
            raise ParameterError(f"PARAMETERS: expected names of variables of this dataset, found '{wanted}'; {hint}")
        if found in self.unavailable:
            raise ParameterError(f"PARAMETERS: {found} cannot be cut out: {self.unavailable[found]}")
        return found

    def _needs(self, variable: Variable) -> Iterator[str]:
        """Yield the variables that a variable points to, as far as they can accompany it."""
        axis = self.axis_of.get(variable.name)
        if axis is not None:
            yield axis
        for attribute, entry in variable.attributes.items():
            target = self.variables.get(entry.text) if _NEEDED.fullmatch(attribute) else None
            if target is not None and (not target.record_varying or self.axis_of.get(target.name) == axis):
                yield target.name

    def _fixed(self, name: str, used: set[int]) -> Column:
        """Return a variable that does not vary as the first file has it that gave records."""
        holders = [number for number, file in enumerate(self._files) if name in file.variables]
        holders = [number for number in holders if number in used] or holders[:1]
        rows = [self._only_row(name, number) for number in holders]
        variable = self.variables[name]
        if len({one.read(variable, 0, len(one)).tobytes() for one in rows}) > 1:
            first = self._files[holders[0]].path.name
            self.remarks.append(f"{name} is not the same in all files; it is given as in {first}")
        return Column(variable, rows[0], self._units_of(name))

    def _only_row(self, name: str, number: int) -> RunOfRows:
        file = self._files[number]
        return RunOfRows(file, range(file.variables[name].records), keep_open=number < _MOST_OPEN_FILES)

    def _units_of(self, name: str) -> str | None:
        return next(file.units_of(name) for file in self._files if name in file.variables)

    def _remark_missing(self, names: Sequence[str], used: set[int]) -> None:
        for name in names:
            lacking = [self._files[one].path.name for one in sorted(used) if name not in self._files[one].variables]
            if lacking:
                self.remarks.append(f"{name} has fill values for the records of {_enumerate(lacking)}, which lacks it")

    def _find_rows(self, axis: str, interval: Interval, used: set[int]) -> Rows:
        runs: list[_Run] = []
        interleaved = False
        for number, file in enumerate(self._files):
            if axis not in file.variables:
                continue
            run = _records_in(file, axis, interval, number)
            before = [one for one in runs if run is not None and one.last >= run.first]
            if run is not None and before:
                run = _without(run, before, axis)
                interleaved |= run is not None and any(one.last > run.first for one in before)
            if run is not None:
                runs.append(run)
            for touched in (number, *(one.number for one in before)):
                if touched >= _MOST_OPEN_FILES:
                    self._files[touched].suspend()
        used.update(run.number for run in runs)
        if interleaved:
            return self._mix(runs, axis)
        rows = [RunOfRows(run.file, run.records, keep_open=run.number < _MOST_OPEN_FILES) for run in runs]
        return rows[0] if len(rows) == 1 else StackedRows(rows)

    def _mix(self, runs: Sequence[_Run], axis: str) -> MixedRows:
        order = np.argsort(np.concatenate([run.instants(axis) for run in runs]), kind="stable")
        sources = np.repeat(np.arange(len(runs)), [len(run.records) for run in runs])
        keep_open = len(self._files) <= _MOST_OPEN_FILES
        if not keep_open:
            for run in runs:
                run.file.suspend()
        records = np.concatenate([np.asarray(run.records, np.intp) for run in runs])
        return MixedRows([run.file for run in runs], sources[order], records[order], keep_open)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Records of one file that lie in the interval, at least one. Their instants are read again when needed."""

    number: int
    file: CdfFile
    #: by rising number
    records: range | npt.NDArray[np.intp]
    #: earliest and latest instant
    first: int
    last: int

    def instants(self, axis: str) -> npt.NDArray[np.int64]:
        variable = self.file.variables[axis]
        if isinstance(self.records, range):
            epochs = self.file.epochs(axis, self.records.start, self.records.stop)
        else:
            epochs = as_epochs(self.file.read_at(axis, self.records), variable.cdf_type)
        return to_tt2000(epochs, variable.cdf_type, variable.fill)


def _records_in(file: CdfFile, axis: str, interval: Interval, number: int) -> _Run | None:
    """Return what a file has within the interval, looking at a block of its epochs at a time."""
    variable = file.variables[axis]
    pieces: list[npt.NDArray[np.intp]] = []
    extremes: list[int] = []
    for begin in range(0, 0 if interval.is_empty else variable.records, _BLOCK_RECORDS):
        epochs = file.epochs(axis, begin, begin + _BLOCK_RECORDS)
        found = np.flatnonzero(select(epochs, variable.cdf_type, interval.start_tt2000, interval.stop_tt2000))
        instants = to_tt2000(epochs[found], variable.cdf_type, variable.fill)
        known = instants != FILL_TT2000
        if not known.all():
            found, instants = found[known], instants[known]
        if len(found):
            pieces.append(found + begin)
            extremes += (int(instants.min()), int(instants.max()))
    if not pieces:
        return None
    records = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return _Run(number, file, _as_range(records), min(extremes), max(extremes))


def _without(run: _Run, before: Sequence[_Run], axis: str) -> _Run | None:
    """Return the records of a run whose instants the runs before it do not have."""
    instants = run.instants(axis)
    fresh = ~np.isin(instants, np.concatenate([one.instants(axis) for one in before]))
    if not fresh.any():
        return None
    left = instants[fresh]
    records = np.asarray(run.records, np.intp)[fresh]
    return replace(run, records=_as_range(records), first=int(left.min()), last=int(left.max()))


def _as_range(records: npt.NDArray[np.intp]) -> range | npt.NDArray[np.intp]:
    first, last = int(records[0]), int(records[-1])
    return range(first, last + 1) if last - first + 1 == len(records) else records


def _is_alike(one: Variable, other: Variable) -> bool:
    return (one.cdf_type, one.dtype, one.dims, one.record_varying) == (
        other.cdf_type,
        other.dtype,
        other.dims,
        other.record_varying,
    )


def _enumerate(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:12]) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")
