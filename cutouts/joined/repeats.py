"""Records that files of one dataset have twice: told by all their values, not by their instant alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.cdf import FILL_TT2000, CdfFile, Variable, as_epochs, to_tt2000
from epntap.cdf.fills import is_fill
from epntap.errors import UnreadableFileError

__all__ = ["Shared", "repeated"]

#: values that are looked at together
_BLOCK_BYTES = 1 << 23
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Records of one file at instants that others have too."""

    file: CdfFile
    #: what is measured along the axis: name in all files -> as this file spells it
    names: Mapping[str, str]
    #: by rising number, and their instants
    records: npt.NDArray[np.intp]
    instants: npt.NDArray[np.int64]


def repeated(one: Shared, others: Sequence[Shared]) -> npt.NDArray[np.bool_]:
    """Which records of a file say nothing that a record of another file does not say at the same instant.

    Fills are equal to fills, whatever each file writes for them, and numbers to numbers; what only the others measure
    does not matter, and what only this file measures must be missing. Where values cannot be read on either side,
    those that can decide.
    """
    found = np.zeros(len(one.records), np.bool_)
    for other in others:
        columns = _columns(one, other)
        known = {digest for block in _digests(other, [pair[1] for pair in columns]) for digest in block}
        told = [digest in known for block in _digests(one, [pair[0] for pair in columns]) for digest in block]
        found |= np.array(told, np.bool_)
    return found


@dataclass(frozen=True, slots=True)
class _Column:
    """How the values of a variable are made comparable."""

    #: None: the file does not have it, which is as if all values were missing
    variable: Variable | None
    #: what both sides are turned into; None for instants
    dtype: np.dtype[Any] | None
    dims: tuple[int, ...]
    #: mixed in where the two sides cannot be equal
    unlike: bytes = b""

    @property
    def width(self) -> int:
        """Bytes of a record that are compared."""
        return (8 if self.dtype is None else self.dtype.itemsize) * prod(self.dims) + prod(self.dims)


def _columns(one: Shared, other: Shared) -> list[tuple[_Column, _Column]]:
    """The two sides of every variable that this file has and can give."""
    pairs = []
    for name, spelled in one.names.items():
        here = one.file.variables[spelled]
        if not _can_be_read(one, spelled):
            continue
        there_name = other.names.get(name)
        there = other.file.variables[there_name] if there_name and _can_be_read(other, there_name) else None
        if there is None:
            dtype = None if here.cdf_type.is_epoch else here.dtype
            pairs.append((_Column(here, dtype, here.dims), _Column(None, dtype, here.dims)))
            continue
        is_time = here.cdf_type.is_epoch and there.cdf_type.is_epoch
        dtype = None if is_time else _common(here, there)
        same_unit = one.file.units_of(spelled) == other.file.units_of(there.name)
        alike = here.dims == there.dims and (is_time or dtype is not None) and same_unit
        sides = (b"", b"") if alike else (b"1", b"2")
        pairs.append(
            (
                _Column(here, dtype or (None if is_time else here.dtype), here.dims, sides[0]),
                _Column(there, dtype or (None if is_time else there.dtype), there.dims, sides[1]),
            )
        )
    return pairs


def _common(here: Variable, there: Variable) -> np.dtype[Any] | None:
    """The type that holds the values of both exactly; None where there is none."""
    one, other = here.dtype, there.dtype
    if one == other:
        return one
    kinds = {one.kind, other.kind}
    if here.cdf_type.is_epoch or there.cdf_type.is_epoch or ("S" in kinds and kinds != {"S"}):
        return None
    common = np.result_type(one, other)
    # numpy takes float64 for a type that holds int64
    is_exact = common.kind != "f" or all(dtype.kind == "f" or dtype.itemsize <= 4 for dtype in (one, other))
    return common if is_exact else None


def _can_be_read(side: Shared, name: str) -> bool:
    first, stop = int(side.records[0]), int(side.records[-1]) + 1
    if side.file.variables[name].records < stop:
        return False
    try:
        side.file.check(name, first, stop)
    except UnreadableFileError:
        return False
    return True


def _digests(side: Shared, columns: Sequence[_Column]) -> Iterator[list[bytes]]:
    """Of instant and values of each record, a block at a time."""
    step = max(1, _BLOCK_BYTES // (8 + sum(column.width for column in columns)))
    mark = b"|".join(column.unlike for column in columns)
    for first in range(0, len(side.records), step):
        records = side.records[first : first + step]
        parts = [side.instants[first : first + step].reshape(-1, 1).view(np.uint8)]
        for column in columns:
            parts += _comparable(side.file, column, records)
        rows = np.concatenate([part.reshape(len(records), -1) for part in parts], axis=1)
        yield [hashlib.blake2b(row.tobytes() + mark, digest_size=_DIGEST_BYTES).digest() for row in rows]


def _comparable(file: CdfFile, column: _Column, records: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.uint8]]:
    """Bytes that are equal where values are, and which of the values are missing."""
    shape = (len(records), *column.dims)
    variable = column.variable
    if variable is None:
        width = 8 if column.dtype is None else column.dtype.itemsize
        yield np.zeros((len(records), width * prod(column.dims)), np.uint8)
        yield np.ones((len(records), prod(column.dims)), np.uint8)
        return
    values = file.read_at(variable.name, records)
    if column.dtype is None:
        epochs = as_epochs(values, variable.cdf_type)
        instants = to_tt2000(epochs, variable.cdf_type, variable.fill).reshape(shape)
        missing = instants == FILL_TT2000
        values = instants
    else:
        found = is_fill(variable, values)
        missing = np.zeros(shape, np.bool_) if found is None else found
        if values.dtype.kind == "S":
            values = np.char.rstrip(values, b" \0")
            missing = values == b""
        elif values.dtype.kind == "f":
            missing = missing | np.isnan(values)
        values = values.astype(column.dtype)
        if values.dtype.kind == "f":
            values = values + 0.0  # one zero
    values = np.where(missing, np.zeros((), values.dtype), values)
    yield np.ascontiguousarray(values).reshape(len(records), -1).view(np.uint8)
    yield missing.reshape(len(records), -1).astype(np.uint8)
