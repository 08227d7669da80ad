"""What CDF files say of the records of their dataset: variables, types, fills, units, labels and bins of each axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.archive.kept.series import Bins, Series, SeriesVariable
from epntap.cdf import FILL_TT2000, CdfFile, CdfType, Variable, to_tt2000
from epntap.errors import UnreadableFileError
from epntap.units.vounit import to_vounit
from ingest.files.digest import code_digest

__all__ = ["describe_series", "joined_series", "series_edition"]

#: records of a sample
_SAMPLE = 100
#: integers that a double holds exactly
_MOST_EXACT = 2**53
#: values of a wide integer that are looked at
_LOOKED_AT = 1 << 20
_DECIMALS, _PICOSECOND_DECIMALS = 9, 12
#: labels, units and bins of longer dimensions are not told
_LONGEST = 4096


def series_edition() -> str:
    """Of the code that describes series."""
    return code_digest(Path(__file__))


def describe_series(path: Path) -> tuple[Series, ...]:
    """The series of a file that have records. Raises UnreadableFileError."""
    with CdfFile(path) as file:
        return tuple(one for axis in file.time_axes() if (one := _series(file, axis)) is not None)


def joined_series(files: Iterable[Sequence[Series]]) -> list[Series]:
    """The series of several files of a dataset, the newest file first; that with most variables comes first.

    A variable is as the first file has it, a text as long as the longest.
    """
    found: dict[str, Series] = {}
    for series in files:
        for one in series:
            known = found.get(one.axis)
            found[one.axis] = one if known is None else _joined(known, one)
    return sorted(found.values(), key=lambda one: -len(one.variables))


def _joined(known: Series, other: Series) -> Series:
    variables = {variable.name: variable for variable in known.variables}
    for variable in other.variables:
        first = variables.setdefault(variable.name, variable)
        variables[variable.name] = _joined_variable(first, variable)
    return replace(known, variables=tuple(variables.values()), decimals=max(known.decimals, other.decimals))


def _joined_variable(first: SeriesVariable, other: SeriesVariable) -> SeriesVariable:
    """The first, as far as the other one agrees: units and frames that are not those of all are not said."""
    differ = first.units_differ or [to_vounit(one) or one for one in first.units] != [
        to_vounit(one) or one for one in other.units
    ]
    return replace(
        first,
        length=max(first.length, other.length),
        is_wide=first.is_wide or other.is_wide,
        units=() if differ else first.units,
        units_differ=differ,
        coordinate_system=first.coordinate_system if first.coordinate_system == other.coordinate_system else None,
    )


def _series(file: CdfFile, axis: Variable) -> Series | None:
    instants = np.sort(to_tt2000(file.epochs(axis.name), axis.cdf_type, axis.fill))
    instants = instants[instants != FILL_TT2000]
    if not len(instants):
        return None
    steps = np.diff(instants)
    steps = steps[steps > 0]
    cadence = int(np.median(steps)) if len(steps) else None
    last = min(len(instants) - 1, _SAMPLE)
    stop = int(instants[last]) if instants[last] > instants[0] else int(instants[0]) + (cadence or 1_000_000)
    refused = file.uncuttable()
    variables = [
        _variable(file, variable)
        for variable in file.variables.values()
        if variable.record_varying
        and variable.name not in refused
        and variable.name != axis.name
        and file.axis_of(variable.name) == axis
        and 0 not in variable.dims
    ]
    return Series(
        axis=axis.name,
        cdf_type=axis.cdf_type.name,
        decimals=_decimals(axis, file.epochs(axis.name)),
        variables=tuple(variables),
        cadence_ns=cadence,
        sample_start=int(instants[0]),
        sample_stop=stop,
    )


def _decimals(variable: Variable, epochs: npt.NDArray[Any]) -> int:
    if variable.cdf_type is CdfType.CDF_EPOCH16 and (epochs[:, 1] % 1000 != 0).any():
        return _PICOSECOND_DECIMALS
    return _DECIMALS


def _variable(file: CdfFile, variable: Variable) -> SeriesVariable:
    components = prod(variable.dims)
    return SeriesVariable(
        name=variable.name,
        cdf_type=variable.cdf_type.name,
        dims=variable.dims,
        length=_length(file, variable),
        fill=_fill(variable),
        units=_units(file, variable, components),
        labels=_labels(file, variable, components),
        title=_line(variable.text("FIELDNAM") or variable.text("LABLAXIS")),
        description=_line(variable.text("CATDESC") or variable.text("VAR_NOTES")),
        coordinate_system=_line(variable.text("COORDINATE_SYSTEM")),
        representation=_words(file, variable.text("REPRESENTATION_1"), components),
        bins=_bins(file, variable),
        is_wide=_is_wide(file, variable),
    )


def _length(file: CdfFile, variable: Variable) -> int:
    if variable.cdf_type.is_epoch:
        return _decimals(variable, file.epochs(variable.name))
    if not variable.cdf_type.is_text:
        return 0
    # what is not UTF-8 is read as Latin-1, and takes two bytes a letter then
    values = file.read(variable.name, 0, _LOOKED_AT)
    odd = bool((np.frombuffer(values.tobytes(), np.uint8) > 127).any())
    return variable.dtype.itemsize * (2 if odd else 1)


def _fill(variable: Variable) -> str | None:
    fill = variable.fill
    if fill is None or variable.cdf_type.is_epoch:
        return None
    if isinstance(fill, bytes):
        return fill.decode("latin-1").strip() or None
    if variable.dtype.kind in "iu":
        with np.errstate(over="ignore", invalid="ignore"):
            value = np.asarray(fill).astype(variable.dtype)[()]
        return str(int(value)) if value == fill else None
    if variable.dtype.kind != "f":
        return None
    # as the values are: a fill of another type is compared in theirs
    return repr(float(np.asarray(fill).astype(variable.dtype)))


def _is_wide(file: CdfFile, variable: Variable) -> bool:
    if variable.dtype != np.dtype(np.int64) or variable.cdf_type.is_epoch:
        return False
    values = file.read(variable.name, 0, max(_LOOKED_AT // max(prod(variable.dims), 1), 1))
    if variable.fill is not None:
        values = values[values != variable.fill]
    return bool(((values > _MOST_EXACT) | (values < -_MOST_EXACT)).any())


def _units(file: CdfFile, variable: Variable, components: int) -> tuple[str, ...]:
    if variable.units is None and len(variable.dims) == 1 and 1 < components <= _LONGEST:
        words = _words(file, variable.text("UNIT_PTR"), components)
        if words:
            return words[:1] if len(set(words)) == 1 else words
    units = _line(file.units_of(variable.name))
    return (units,) if units else ()


def _labels(file: CdfFile, variable: Variable, components: int) -> tuple[str, ...]:
    if len(variable.dims) == 1 and components <= _LONGEST:
        words = _words(file, variable.labels[0], components)
        if words and all(words):
            return words
    label = _line(variable.text("LABLAXIS"))
    return (label,) if label else ()


def _words(file: CdfFile, name: str | None, count: int) -> tuple[str, ...]:
    """The texts of a variable that does not vary with time, if it has so many."""
    target = file.resolve(name) if name else None
    if target is None or not target.cdf_type.is_text or target.record_varying or not target.records:
        return ()
    words = [_line(word.decode("latin-1")) or "" for word in _read(file, target).reshape(-1).tolist()]
    return tuple(words) if len(words) == count else ()


def _bins(file: CdfFile, variable: Variable) -> tuple[Bins, ...]:
    found = [
        _bins_along(file, variable, name, size) for name, size in zip(variable.depends, variable.dims, strict=True)
    ]
    return tuple(found) if any(one.centers or one.variable for one in found) else ()


def _bins_along(file: CdfFile, variable: Variable, name: str | None, size: int) -> Bins:
    target = file.resolve(name) if name else None
    if target is None:
        return Bins(name or f"dimension of {variable.name}")
    units = _line(file.units_of(target.name))
    if target.cdf_type.is_text or target.cdf_type.is_epoch or target.dims != (size,):
        return Bins(target.name, units)
    if target.record_varying:
        along = file.axis_of(target.name) == file.axis_of(variable.name) and target.name not in file.uncuttable()
        return Bins(target.name, units, variable=target.name if along else None)
    values = _read(file, target).reshape(-1) if target.records and size <= _LONGEST else np.empty(0)
    if len(values) != size or not np.isfinite(values).all() or (target.fill is not None and target.fill in values):
        return Bins(target.name, units)
    # the text of a float is that of the value: 0.1 and not 0.10000000149011612
    return Bins(target.name, units, centers=tuple(float(str(one)) for one in values))


def _read(file: CdfFile, variable: Variable) -> npt.NDArray[Any]:
    try:
        return file.read(variable.name)
    except UnreadableFileError:
        return np.empty(0, variable.dtype)


def _line(text: str | None) -> str | None:
    return (" ".join(text.replace("\0", " ").split()) or None) if text else None
