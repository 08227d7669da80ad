"""Bins of one width and period as a Parquet file (zstd): written once, never changed.

Columns: `bin` (number of the bin), `records`, and for the variable with index i in the metadata `i_count`, `i_min`,
`i_max`, `i_mean`, `i_std`; several components as lists of fixed size. Bins of a day have `i_first` and `i_last`
(TT2000).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from summaries.statistics import Bins, Described, Instants, Statistics

__all__ = ["arrow_of", "read_described", "read_level", "write_level"]

_METADATA = b"epntap.summary"
_ROW_GROUP = 1 << 13
_LEVEL = 1


def write_level(path: Path, bins: Bins, width: int) -> int:
    """Write the bins; the size of the file. Raises OSError when that is not possible."""
    arrays: dict[str, pa.Array] = {"bin": arrow_of(bins.numbers), "records": arrow_of(bins.records.astype(np.uint32))}
    for number, one in enumerate(bins.variables.values()):
        arrays |= {f"{number}_{name}": array for name, array in _arrays(one)}
    about = [
        {
            "name": one.described.name,
            "dtype": one.described.dtype,
            "dims": one.described.dims,
            "units": one.described.units,
        }
        for one in bins.variables.values()
    ]
    schema = pa.schema(
        [pa.field(name, array.type, nullable=False) for name, array in arrays.items()],
        metadata={_METADATA: json.dumps({"width": width, "variables": about}).encode()},
    )
    table = pa.Table.from_arrays(list(arrays.values()), schema=schema)
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=False,
        use_byte_stream_split=list(_leaves(schema)),
        write_statistics=["bin"],
        row_group_size=_ROW_GROUP,
        store_schema=True,
    )
    return path.stat().st_size


def _leaves(schema: pa.Schema) -> Iterator[str]:
    """Columns of floating point as Parquet names them."""
    for one in schema:
        kind = one.type.value_type if pa.types.is_fixed_size_list(one.type) else one.type
        if pa.types.is_floating(kind):
            yield f"{one.name}.list.element" if kind is not one.type else one.name


def _arrays(one: Statistics) -> Iterator[tuple[str, pa.Array]]:
    with np.errstate(all="ignore"):
        deviation = np.sqrt(one.squares / np.maximum(one.count, 1))
    for name, values in (
        ("count", one.count.astype(np.uint32)),
        ("min", one.low),
        ("max", one.high),
        ("mean", one.mean),
        ("std", deviation),
    ):
        yield name, _array(values)
    if one.instants is not None:
        yield "first", arrow_of(one.instants.first)
        yield "last", arrow_of(one.instants.last)


def _array(values: npt.NDArray[Any]) -> pa.Array:
    flat = arrow_of(np.ascontiguousarray(values).reshape(-1))
    if values.shape[1] == 1:
        return flat
    kind = pa.list_(pa.field("element", flat.type, nullable=False), values.shape[1])
    return pa.FixedSizeListArray.from_arrays(flat, type=kind)


def arrow_of(values: npt.NDArray[Any]) -> pa.Array:
    """Numbers, shape (n,), as Arrow has them, without a copy where they lie together.

    pa.array would do, but imports all of pandas where that is installed: most of the time of a short run.
    """
    together = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(together.dtype), len(together), [None, pa.py_buffer(together)])


def read_described(path: Path) -> tuple[Described, ...]:
    """The variables of a file. Raises OSError when it is not there or cannot be read."""
    return _described(pq.read_schema(path))


def _described(schema: pa.Schema) -> tuple[Described, ...]:
    about = json.loads(schema.metadata[_METADATA])["variables"]
    return tuple(Described(one["name"], one["dtype"], tuple(one["dims"]), one["units"]) for one in about)


def read_level(path: Path, first: int, stop: int, names: Collection[str] | None = None) -> Bins:
    """The bins with numbers from `first` up to, not including, `stop`, of all variables or of those named.

    Raises OSError when the file is not there or cannot be read.
    """
    with pq.ParquetFile(path, memory_map=True) as file:
        schema = file.schema_arrow
        wanted = {number: one for number, one in enumerate(_described(schema)) if names is None or one.name in names}
        columns = ["bin", "records"]
        columns += [name for name in schema.names if name.partition("_")[0] in {str(number) for number in wanted}]
        groups = _groups(file, first, stop)
        table = file.read_row_groups(groups, columns=columns, use_threads=False)
    numbers = table.column("bin").to_numpy()
    records = table.column("records").to_numpy().astype(np.int64)
    variables = {one.name: _statistics(table, number, one) for number, one in wanted.items()}
    return Bins(numbers, records, variables).numbered(first, stop)


def _groups(file: pq.ParquetFile, first: int, stop: int) -> list[int]:
    found = []
    for number in range(file.num_row_groups):
        column = file.metadata.row_group(number).column(0)
        known = column.statistics
        if known is None or not known.has_min_max or (known.min < stop and known.max >= first):
            found.append(number)
    return found


def _statistics(table: pa.Table, number: int, one: Described) -> Statistics:
    def values(name: str) -> npt.NDArray[Any]:
        column = table.column(f"{number}_{name}")
        if pa.types.is_fixed_size_list(column.type):
            pieces = [np.asarray(chunk.flatten()) for chunk in column.chunks]
            flat = np.concatenate(pieces) if len(pieces) != 1 else pieces[0]
        else:
            flat = column.to_numpy()
        return flat.reshape(-1, one.components)

    count = values("count").astype(np.int64)
    deviation = values("std")
    has_instants = f"{number}_first" in table.column_names
    with np.errstate(all="ignore"):
        squares = deviation * deviation * count
    return Statistics(
        one,
        count,
        values("min"),
        values("max"),
        values("mean"),
        squares,
        Instants(table.column(f"{number}_first").to_numpy(), table.column(f"{number}_last").to_numpy())
        if has_instants
        else None,
    )
