"""Records of a dataset, file by file and block by block, in the order of time. Nothing is kept that was handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cutouts.extract import open_cut
from cutouts.series import Axis, Column, SeriesCut
from cutouts.windows import Window
from epntap.archive.model import ArchiveFile
from epntap.cdf import CdfFile
from epntap.errors import ParameterError, UnreadableFileError
from hapiserver.datasets import HapiDataset, HapiParameter
from hapiserver.values import hapi_times, hapi_values, missing_values

__all__ = ["Block", "read_records"]

#: of values in one block: large enough to be worth a round, small enough to come soon
_BLOCK_BYTES = 1 << 19

#: one array for each parameter, the first dimension is the record
Block = Sequence[npt.NDArray[Any]]


def read_records(
    dataset: HapiDataset,
    parameters: Sequence[HapiParameter],
    pieces: Iterator[Window],
    check: Callable[[Sequence[ArchiveFile]], None],
) -> Iterator[Block]:
    """The records of these parameters, the first of which is the time; `check` is called before files are opened.

    Times rise. Raises our errors.
    """
    names = [one.variable.name for one in parameters if one.variable]
    for piece in pieces:
        check(piece.files)
        with _opened(piece, dataset.held.series.axis, names) as cut:
            yield from _blocks_of(dataset, parameters, cut)


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


def _blocks_of(dataset: HapiDataset, parameters: Sequence[HapiParameter], cut: SeriesCut | None) -> Iterator[Block]:
    axis = next((one for one in cut.axes if one.name == dataset.held.series.axis), None) if cut else None
    if axis is None or not len(axis) or cut is None:
        return
    columns = {column.variable.name: column for column in axis.columns}
    fixed = {column.variable.name: column for column in cut.fixed if len(column)}
    order = _order(axis)
    row_bytes = sum(one.record_bytes for one in parameters)
    rows = max(_BLOCK_BYTES // row_bytes, 1)
    for first in range(0, len(axis), rows):
        stop = min(first + rows, len(axis))
        block: list[npt.NDArray[Any]] = [hapi_times(axis.time, _read(axis.time, first, stop, order), dataset.decimals)]
        for one in parameters[1:]:
            assert one.variable is not None
            name = one.variable.name
            if name in columns:
                column = columns[name]
                values = hapi_values(one, column.variable, _read(column, first, stop, order))
                block.append(_without_lacking(one, column, values, first, stop, order))
            elif name in fixed:
                values = hapi_values(one, fixed[name].variable, fixed[name].read(0, 1))
                block.append(np.repeat(values, stop - first, axis=0))
            else:
                block.append(missing_values(one, stop - first))
        yield block


def _without_lacking(
    one: HapiParameter,
    column: Column,
    values: npt.NDArray[Any],
    first: int,
    stop: int,
    order: npt.NDArray[np.intp] | None,
) -> npt.NDArray[Any]:
    """The values with fills in the rows of files that do not have the variable."""
    if order is None:
        lacking = column.lacking(first, stop)
    else:
        everywhere = column.lacking(0, len(column))
        lacking = None if everywhere is None else everywhere[order[first:stop]]
    if lacking is not None and lacking.any():
        values[lacking] = missing_values(one, int(lacking.sum()))
    return values


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
