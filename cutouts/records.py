"""Records of a dataset by window and block, in the order of time. Nothing is kept that was handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cutouts.extract import open_cut
from cutouts.joined.series import Axis, Column, SeriesCut
from cutouts.windows import Window
from epntap.archive.model import ArchiveFile
from epntap.cdf import CdfFile, Variable
from epntap.errors import ParameterError, UnreadableFileError

__all__ = ["RecordBlock", "RecordColumn", "read_records"]

#: of values in one block: large enough to be worth a round, small enough to come soon
_BLOCK_BYTES = 1 << 19


@dataclass(frozen=True, slots=True, eq=False)
class RecordColumn:
    """One variable in some records."""

    variable: Variable
    #: shape (n, *dims) of the files
    values: npt.NDArray[Any]
    #: which of the records are of files without the variable; None: none is
    lacking: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RecordBlock:
    """Some records that follow each other."""

    time: Column
    #: values of the epoch variable
    epochs: npt.NDArray[Any]
    #: by name of the CDF variable; those that no file of the window has are not here
    columns: Mapping[str, RecordColumn]

    def __len__(self) -> int:
        return len(self.epochs)

    def instants(self) -> npt.NDArray[np.int64]:
        """TT2000 of each record."""
        return self.time.instants_of(self.epochs)


def read_records(
    axis: str,
    names: Sequence[str],
    record_bytes: int,
    pieces: Iterator[Window],
    check: Callable[[Sequence[ArchiveFile]], None],
) -> Iterator[RecordBlock]:
    """The records along an axis with these variables, about so large each; `check` is called before files are opened.

    Times rise. Raises our errors.
    """
    rows = max(_BLOCK_BYTES // record_bytes, 1)
    for piece in pieces:
        check(piece.files)
        with _opened(piece, axis, names) as cut:
            if cut is not None:
                yield from _blocks_of(axis, names, rows, cut)


@contextmanager
def _opened(piece: Window, axis: str, names: Sequence[str]) -> Iterator[SeriesCut | None]:
    """The cut with those of the variables that the files hold; None when they do not hold the axis."""
    try:
        manager = open_cut(piece.files, piece.interval, names or (axis,))
        cut = manager.__enter__()
    except ParameterError:
        held = _held(piece.files)
        kept = [name for name in names if name in held]
        if axis not in held:
            yield None
            return
        manager = open_cut(piece.files, piece.interval, kept or (axis,))
        cut = manager.__enter__()
    try:
        yield cut
    finally:
        manager.__exit__(None, None, None)


def _held(files: Sequence[ArchiveFile]) -> set[str]:
    """Names of all variables that some of the files can give."""
    found: set[str] = set()
    for file in files:
        with CdfFile(Path(file.root, file.path)) as opened:
            if opened.version != (file.size_bytes, file.mtime_ns):
                raise UnreadableFileError(f"{file.path} was changed since it was indexed; it has to be ingested again")
            found |= opened.variables.keys() - opened.uncuttable().keys()
    return found


def _blocks_of(name: str, names: Sequence[str], rows: int, cut: SeriesCut) -> Iterator[RecordBlock]:
    axis = next((one for one in cut.axes if one.name == name), None)
    if axis is None or not len(axis):
        return
    columns = {column.variable.name: column for column in axis.columns if column.variable.name in names}
    fixed = {column.variable.name: column for column in cut.fixed if len(column) and column.variable.name in names}
    order = _order(axis)
    for first in range(0, len(axis), rows):
        stop = min(first + rows, len(axis))
        found = {
            key: RecordColumn(one.variable, np.repeat(one.read(0, 1), stop - first, axis=0))
            for key, one in fixed.items()
        }
        for key, one in columns.items():
            values = _read(one, first, stop, order)
            found[key] = RecordColumn(one.variable, values, _lacking(one, first, stop, order))
        yield RecordBlock(axis.time, _read(axis.time, first, stop, order), found)


def _lacking(column: Column, first: int, stop: int, order: npt.NDArray[np.intp] | None) -> npt.NDArray[np.bool_] | None:
    if order is None:
        return column.lacking(first, stop)
    everywhere = column.lacking(0, len(column))
    return None if everywhere is None else everywhere[order[first:stop]]


def _order(axis: Axis) -> npt.NDArray[np.intp] | None:
    """The rows in the order of time; None when they have it."""
    last: int | None = None
    rises = True
    for first, stop in axis.time.blocks(_BLOCK_BYTES):
        instants = axis.time.instants(first, stop)
        rises = bool((np.diff(instants) >= 0).all()) and (last is None or int(instants[0]) >= last)
        last = int(instants[-1])
        if not rises:
            return np.argsort(axis.time.instants(), kind="stable")
    return None


def _read(column: Column, first: int, stop: int, order: npt.NDArray[np.intp] | None) -> npt.NDArray[Any]:
    if order is None:
        return column.read(first, stop)
    wanted = order[first:stop]
    rising = np.sort(wanted)
    runs = np.split(rising, np.flatnonzero(np.diff(rising) != 1) + 1)
    values = np.concatenate([column.read(int(run[0]), int(run[-1]) + 1) for run in runs])
    return values[np.searchsorted(rising, wanted)]
