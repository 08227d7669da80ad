"""Records of a dataset as HAPI has them, block by block. Nothing is kept that was handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy.typing as npt

from cutouts.records import RecordBlock, read_records
from cutouts.windows import Window
from epntap.archive.model import ArchiveFile
from hapiserver.data.values import hapi_times, hapi_values, missing_values
from hapiserver.datasets import HapiDataset, HapiParameter

__all__ = ["Block", "hapi_records"]

#: one array for each parameter, the first dimension is the record
Block = Sequence[npt.NDArray[Any]]


def hapi_records(
    dataset: HapiDataset,
    parameters: Sequence[HapiParameter],
    pieces: Iterator[Window],
    check: Callable[[Sequence[ArchiveFile]], None],
) -> Iterator[Block]:
    """The records of these parameters, the first of which is the time; `check` is called before files are opened.

    Times rise. Raises our errors.
    """
    names = [one.variable.name for one in parameters if one.variable]
    record_bytes = sum(one.record_bytes for one in parameters)
    for block in read_records(dataset.held.series.axis, names, record_bytes, pieces, check):
        times = hapi_times(block.time, block.epochs, dataset.decimals)
        yield [times, *(_values(one, block) for one in parameters[1:])]


def _values(one: HapiParameter, block: RecordBlock) -> npt.NDArray[Any]:
    """Of a parameter, with fills in the rows of files that do not have the variable."""
    column = block.columns.get(one.variable.name) if one.variable else None
    if column is None:
        return missing_values(one, len(block))
    values = hapi_values(one, column.variable, column.values)
    if column.lacking is not None and column.lacking.any():
        values[column.lacking] = missing_values(one, int(column.lacking.sum()))
    return values
