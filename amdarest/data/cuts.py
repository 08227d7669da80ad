"""Cuts as AMDA's clients want them: variables under the names that were asked for, components, averages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from amdarest.products import Chosen
from cutouts.joined.columns import ColumnModel, Records
from cutouts.joined.series import Axis, Column, RunOfRows, SeriesCut
from epntap.cdf import FILL_TT2000, CdfType, Entry, Sparse, Variable
from epntap.cdf.binary.compression import Compression
from epntap.cdf.binary.datatypes import element_type
from epntap.cdf.fills import is_fill
from epntap.errors import ParameterError
from summaries.grid import instants_of, labels_of

__all__ = ["averaged", "named", "split"]

_BLOCK_BYTES = 1 << 20
#: attributes that describe dimensions, which a component does not have
_OF_DIMENSIONS = ("DEPEND_1", "DEPEND_2", "DEPEND_3", "LABL_PTR_1", "LABL_PTR_2", "LABL_PTR_3", "SIZES")


def named(cut: SeriesCut, chosen: Sequence[Chosen]) -> SeriesCut:
    """The cut with what was chosen under its public identifiers, as data along its axis."""
    axis = _axis(cut, chosen)
    names = {one.parameter.variable.name: one.id for one in chosen}
    for column in cut.columns():
        own = column.variable.name
        if own not in names and own.casefold() in {one.casefold() for one in names.values()}:
            names[own] = f"{own}_of_file"
    picked = {one.parameter.variable.name: one.index for one in chosen}
    columns = []
    for column in axis.columns:
        own = column.variable.name
        if own not in picked:
            columns.append(_renamed(column, names, {"VAR_TYPE": "support_data"}))
            continue
        facts = {"VAR_TYPE": "data", "DEPEND_0": names.get(axis.name, axis.name), "FIELDNAM": names[own]}
        index = picked[own]
        columns.append(_renamed(column if index is None else _component(column, index), names, facts))
    time = _renamed(axis.time, names, {"VAR_TYPE": "support_data"})
    fixed = [_renamed(column, names, {}) for column in cut.fixed]
    known = frozenset({*cut.known, *names.values()})
    return replace(cut, axes=[Axis(time, columns)], fixed=fixed, known=known)


def split(cut: SeriesCut, chosen: Sequence[Chosen]) -> SeriesCut:
    """The cut with a column for each component of what was chosen, and nothing else; called `imf[0]`, `imf[1]`."""
    axis = _axis(cut, chosen)
    held = {column.variable.name: column for column in axis.columns}
    columns = []
    for one in chosen:
        column = held[one.parameter.variable.name]
        dims = column.variable.dims
        places = list(np.ndindex(*dims)) if one.index is None else [one.index]
        for place in places:
            name = one.parameter.id + "".join(f"[{number}]" for number in place)
            found = column if not dims else _component(column, place)
            columns.append(_renamed(found, {found.variable.name: name}, {}))
    return replace(cut, axes=[Axis(axis.time, columns)], fixed=[])


def averaged(cut: SeriesCut, chosen: Sequence[Chosen], width_ns: int, check: Callable[[], None]) -> SeriesCut:
    """The cut with the mean of each bin of UTC that holds values, fills left out, at the middle of the bin."""
    axis = _axis(cut, chosen)
    columns = [column for column in axis.columns if column.variable.name in {c.parameter.variable.name for c in chosen}]
    numbers: list[npt.NDArray[np.int64]] = []
    sums: list[list[npt.NDArray[np.float64]]] = [[] for _ in columns]
    counts: list[list[npt.NDArray[np.float64]]] = [[] for _ in columns]
    for first, stop in axis.blocks(_BLOCK_BYTES):
        check()
        instants = axis.time.instants(first, stop)
        dated = instants != FILL_TT2000
        found, place = np.unique(labels_of(instants[dated]) // width_ns, return_inverse=True)
        numbers.append(found)
        for kept, counted, column in zip(sums, counts, columns, strict=True):
            values = _doubles(column, first, stop)[dated].reshape(len(place), prod(column.variable.dims))
            there = ~np.isnan(values)
            kept.append(_added(place, len(found), np.where(there, values, 0)))
            counted.append(_added(place, len(found), there.astype(np.float64)))
    bins, place = np.unique(np.concatenate(numbers or [np.empty(0, np.int64)]), return_inverse=True)
    means = []
    for kept, counted, column in zip(sums, counts, columns, strict=True):
        width = prod(column.variable.dims)
        total = _added(place, len(bins), np.concatenate(kept or [np.empty((0, width))]))
        count = _added(place, len(bins), np.concatenate(counted or [np.empty((0, width))]))
        with np.errstate(invalid="ignore"):
            mean = (total / count).reshape(len(bins), *column.variable.dims)
        means.append(_stored(_of_means(column.variable), mean, column.units))
    middle = instants_of(bins * width_ns + width_ns // 2)
    time = _stored(_of_times(axis.time.variable), middle, None)
    remark = f"Means of bins of {width_ns / 1e9:g} s, without fills; times are the middles of bins."
    return replace(cut, axes=[Axis(time, means)], fixed=cut.fixed, remarks=[*cut.remarks, remark])


def _axis(cut: SeriesCut, chosen: Sequence[Chosen]) -> Axis:
    wanted = {one.parameter.variable.name for one in chosen}
    for axis in cut.axes:
        if wanted <= {column.variable.name for column in axis.columns}:
            return axis
    raise ParameterError("The parameters do not vary along one time axis in the files of this interval.")


def _renamed(column: Column, names: Mapping[str, str], facts: Mapping[str, str]) -> Column:
    """Under another name, what it points to as well, with these attributes."""
    variable = column.variable
    folded = {own.casefold(): name for own, name in names.items()}
    attributes = {
        key: replace(entry, value=folded[entry.text.casefold()])
        if isinstance(entry.value, str) and key != "FIELDNAM" and entry.text.casefold() in folded
        else entry
        for key, entry in variable.attributes.items()
    }
    attributes |= {key: Entry(0, CdfType.CDF_CHAR, text) for key, text in facts.items()}
    name = names.get(variable.name, variable.name)
    described = replace(variable, name=name, attributes=MappingProxyType(attributes))
    return replace(column, model=replace(column.model, variable=described))


@dataclass(frozen=True, slots=True, eq=False)
class _Component(ColumnModel):
    """One place of the arrays of a column."""

    whole: ColumnModel
    index: tuple[int, ...]

    def read(self, number: int, records: Records) -> npt.NDArray[Any]:
        return _picked(self.whole.read(number, records), self.index)

    def nothing(self, count: int) -> npt.NDArray[Any]:
        return _picked(self.whole.nothing(count), self.index)


def _picked(values: npt.NDArray[Any], index: tuple[int, ...]) -> npt.NDArray[Any]:
    for place in index:
        values = values[:, place]
    return values


def _component(column: Column, index: tuple[int, ...]) -> Column:
    model = column.model
    kept = {key: entry for key, entry in model.variable.attributes.items() if key.upper() not in _OF_DIMENSIONS}
    variable = replace(model.variable, dims=(), attributes=MappingProxyType(kept))
    return replace(column, model=_Component(variable, model.members, model.plain, model, index))


def _doubles(column: Column, first: int, stop: int) -> npt.NDArray[np.float64]:
    """Values in these rows, NaN for fills."""
    values = column.read(first, stop)
    missing = is_fill(column.variable, values)
    found = values.astype(np.float64)
    if missing is not None:
        found[missing] = np.nan
    lacking = column.lacking(first, stop)
    if lacking is not None:
        found[lacking] = np.nan
    return found


def _added(place: npt.NDArray[np.intp], bins: int, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sums of the rows of each bin, shape (bins, n)."""
    found = np.zeros((bins, values.shape[1] if values.ndim > 1 else 1))
    np.add.at(found, place.reshape(-1), values)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Values that are in memory."""

    variable: Variable
    values: npt.NDArray[Any]
    varies: bool = True

    def read(self, records: Records) -> npt.NDArray[Any]:
        return self.values[records.start : records.stop] if isinstance(records, range) else self.values[records]


def _stored(variable: Variable, values: npt.NDArray[Any], units: str | None) -> Column:
    model = ColumnModel(variable, {0: _Kept(variable, values)}, frozenset({0}))
    return Column(model, RunOfRows(0, range(len(values))), units)


def _of_means(variable: Variable) -> Variable:
    return _as(variable, CdfType.CDF_DOUBLE, np.array(np.nan), variable.dims)


def _of_times(variable: Variable) -> Variable:
    return _as(variable, CdfType.CDF_TIME_TT2000, np.array(FILL_TT2000), ())


def _as(variable: Variable, cdf_type: CdfType, fill: npt.NDArray[Any], dims: tuple[int, ...]) -> Variable:
    """A variable of another type with the words that hold for it."""
    dtype = element_type(cdf_type, 1)
    typed = {"FILLVAL", "VALIDMIN", "VALIDMAX", "SCALEMIN", "SCALEMAX", "MONOTON"}
    attributes = {key: entry for key, entry in variable.attributes.items() if key not in typed}
    attributes["FILLVAL"] = Entry(0, cdf_type, fill.astype(dtype).reshape(1))
    return replace(
        variable,
        cdf_type=cdf_type,
        dtype=dtype,
        dims=dims,
        record_varying=True,
        virtual=False,
        sparse=Sparse.NO,
        pad=fill.astype(dtype),
        compression=Compression.NONE,
        attributes=MappingProxyType(attributes),
    )
