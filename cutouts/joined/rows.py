"""Which records of which files lie in an interval, along one time axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cutouts.interval import Interval
from cutouts.joined.columns import Records
from cutouts.joined.repeats import Shared, repeated
from cutouts.joined.series import MixedRows, Rows, RunOfRows, StackedRows
from epntap.cdf import CdfFile, as_epochs, select, to_tt2000

__all__ = ["Found", "find_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The rows of an axis, and by number of the file the records that make them."""

    rows: Rows
    records: dict[int, Records]
    #: by number of the file, its latest instant within the interval
    last: dict[int, int]
    #: by number of the file, how many of its rows are at instants of an earlier file and say something else
    contested: dict[int, int]


def find_rows(
    files: Sequence[CdfFile],
    axes: dict[int, str],
    along: Callable[[], Mapping[int, Mapping[str, str]]],
    interval: Interval,
    most_open: int,
) -> Found:
    """Return the rows of an axis that some files have under these names, by number.

    Records keep the order of their file and files follow each other; a record that an earlier file has with the same
    values is not taken again, and if files interleave, the rows are sorted by time. `along`, which is asked if files
    overlap, gives by number of the file the names of what is measured along the axis, as all files and as this one
    spell them: all of it, so that the rows do not depend on what is asked for. Files from `most_open` on are not left
    open.
    """
    runs: list[_Run] = []
    contested: dict[int, int] = {}
    interleaved = False
    reach: int | None = None
    for number, axis in sorted(axes.items()):
        run = _records_in(files[number], axis, interval, number)
        overlaps = run is not None and reach is not None and reach >= run.first
        before = [one for one in runs if run is not None and one.last >= run.first] if overlaps else []
        if run is not None and before:
            run, differing = _without(run, before, along())
            if differing:
                contested[number] = differing
            interleaved |= run is not None and any(one.last > run.first for one in before)
        if run is not None:
            runs.append(run)
            reach = run.last if reach is None else max(reach, run.last)
        for touched in (number, *(one.number for one in before)):
            if touched >= most_open:
                files[touched].suspend()
    return Found(
        _mixed(runs, most_open) if interleaved else _stacked(runs),
        {run.number: run.records for run in runs},
        {run.number: run.last for run in runs},
        contested,
    )


def _stacked(runs: Sequence[_Run]) -> Rows:
    rows = [RunOfRows(run.number, run.records) for run in runs]
    return rows[0] if len(rows) == 1 else StackedRows(rows)


def _mixed(runs: Sequence[_Run], most_open: int) -> MixedRows:
    order = np.argsort(np.concatenate([run.instants() for run in runs]), kind="stable")
    sources = np.repeat([run.number for run in runs], [len(run.records) for run in runs])
    for run in runs:
        if run.number >= most_open:
            run.file.suspend()
    records = np.concatenate([np.asarray(run.records, np.intp) for run in runs])
    return MixedRows(sources[order], records[order])


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Records of one file that lie in the interval, at least one. Their instants are read again when needed."""

    number: int
    file: CdfFile
    axis: str
    #: by rising number
    records: Records
    #: earliest and latest instant
    first: int
    last: int

    def instants(self) -> npt.NDArray[np.int64]:
        variable = self.file.variables[self.axis]
        if isinstance(self.records, range):
            epochs = self.file.epochs(self.axis, self.records.start, self.records.stop)
        else:
            epochs = as_epochs(self.file.read_at(self.axis, self.records), variable.cdf_type)
        return to_tt2000(epochs, variable.cdf_type, variable.fill)


def _records_in(file: CdfFile, axis: str, interval: Interval, number: int) -> _Run | None:
    """Return what a file has within the interval, looking at a block of its epochs at a time."""
    variable = file.variables[axis]
    pieces: list[Records] = []
    extremes: list[int] = []
    for begin, epochs in () if interval.is_empty else file.epoch_blocks(axis):
        wanted = select(epochs, variable.cdf_type, interval.start_tt2000, interval.stop_tt2000, fill=variable.fill)
        if interval.pieces and wanted.any():
            places = np.flatnonzero(wanted)
            wanted[places] = interval.holds(to_tt2000(epochs[places], variable.cdf_type))
        count = int(np.count_nonzero(wanted))
        if count:
            first = int(wanted.argmax())
            if count == len(epochs) or wanted[first : first + count].all():
                chosen = epochs[first : first + count]
                pieces.append(range(begin + first, begin + first + count))
            else:
                chosen = epochs[wanted]
                pieces.append(np.flatnonzero(wanted) + begin)
            instants = to_tt2000(chosen, variable.cdf_type)
            extremes += (int(instants.min()), int(instants.max()))
    if not pieces:
        return None
    records = pieces[0] if len(pieces) == 1 else _as_range(np.concatenate([np.asarray(one) for one in pieces]))
    return _Run(number, file, axis, records, min(extremes), max(extremes))


def _without(run: _Run, before: Sequence[_Run], along: Mapping[int, Mapping[str, str]]) -> tuple[_Run | None, int]:
    """Return the records of a run that the runs before it do not have, and how many of them share an instant."""
    instants = run.instants()
    theirs = [one.instants() for one in before]
    at_theirs = _are_in(instants, np.concatenate(theirs))
    if not at_theirs.any():
        return run, 0
    ours = _shared(run, along, instants, at_theirs)
    others = [
        _shared(one, along, known, _are_in(known, ours.instants)) for one, known in zip(before, theirs, strict=True)
    ]
    again = np.zeros(len(instants), np.bool_)
    again[at_theirs] = repeated(ours, [other for other in others if len(other.records)])
    differing = int(at_theirs.sum() - again.sum())
    if again.all():
        return None, 0
    left = instants[~again]
    records = np.asarray(run.records, np.intp)[~again]
    return replace(run, records=_as_range(records), first=int(left.min()), last=int(left.max())), differing


def _are_in(instants: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which instants are among others, of which there is one at least."""
    # times rise, mostly: looking them up in order is faster than the hashes or sorting of np.isin
    rising = others if bool((others[1:] >= others[:-1]).all()) else np.sort(others)
    places = np.minimum(np.searchsorted(rising, instants), len(rising) - 1)
    found: npt.NDArray[np.bool_] = rising[places] == instants
    return found


def _shared(
    run: _Run, along: Mapping[int, Mapping[str, str]], instants: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]
) -> Shared:
    records = np.asarray(run.records, np.intp)[chosen]
    return Shared(run.file, along.get(run.number, {}), records, instants[chosen])


def _as_range(records: npt.NDArray[np.intp]) -> Records:
    first, last = int(records[0]), int(records[-1])
    return range(first, last + 1) if last - first + 1 == len(records) else records
