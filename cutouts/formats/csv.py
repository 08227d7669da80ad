"""Cut-outs as comma-separated text: one line a record, one column a number, one time axis."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cutouts.formats.base import Provenance, Rendering, is_short, only_axis, repeated_in, statements, too_long
from cutouts.formats.cells import (
    free_name,
    is_fill_value,
    joined,
    lines,
    text_values,
    time_decimals,
    time_texts,
)
from cutouts.formats.numbers import Spelling, number_rows
from cutouts.joined.series import Axis, Column, SeriesCut

__all__ = ["Csv", "Text"]

_BLOCK_BYTES = 1 << 20
_SPELLING = Spelling()
_SPECIAL = (",", '"', "\n", "\r")


class Csv:
    """One line of names, then the records. Fills are empty, numbers read back exactly, times are cut at nanoseconds."""

    names = ("csv", "ascii", "text/csv", "text/csv;header=present")
    media_type = "text/csv;header=present"
    extension = "csv"

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:  # noqa: ARG002  # CSV has no place for it
        """See SeriesFormat."""
        return Rendering(_lines(only_axis(cut, "a text table"), cut))


class Text:
    """As Csv, after lines that start with `#` and say where the records come from and in which units they are."""

    names = ("txt", "text", "text/plain")
    media_type = "text/plain;charset=utf-8"
    extension = "txt"

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:
        """See SeriesFormat."""
        axis = only_axis(cut, "a text table")
        return Rendering(_commented(axis, cut, provenance))


def _commented(axis: Axis, cut: SeriesCut, provenance: Provenance) -> Iterator[bytes]:
    said = [f"{name}: {text}" for name, texts in statements(cut, provenance) for text in texts]
    columns = (axis.time, *axis.columns)
    told = {name for column in columns for name in (*column.variable.labels, *column.variable.depends)}
    said += [line for column in columns for line in (_describe(column), *_dimensions(column, cut))]
    for column in cut.fixed:
        if column in repeated_in(cut):
            said.append(_describe(column))
        elif column.variable.name not in told and len(column):
            said.append(_constant(column))
    # a line break within a text would end the comment
    yield "".join(f"# {' '.join(line.split())}\n" for line in said).encode()
    yield from _lines(axis, cut)


def _describe(column: Column) -> str:
    variable = column.variable
    about = variable.about or ""
    units = "" if variable.cdf_type.is_epoch else column.units or ""
    return f"Column {variable.name}" + (f" [{units}]" if units else "") + (f": {about}" if about else "")


def _constant(column: Column) -> str:
    """Say what does not vary; of what is too long for a line, that it is there."""
    units = f" [{column.units}]" if column.units else ""
    if not is_short(column):
        return f"Constant {column.variable.name}{units}: {too_long(column)}"
    return f"Constant {column.variable.name}{units}: {', '.join(_constant_texts(column).to_pylist())}"


def _constant_texts(column: Column) -> pa.StringArray:
    decimals = time_decimals(column) if column.variable.cdf_type.is_epoch else 0
    return _texts(column, column.read(0, 1), decimals)


def _dimensions(column: Column, cut: SeriesCut) -> Iterator[str]:
    """Say what the components of an array are: labels and, where they do not vary, energies and their like."""
    fixed = {one.variable.name: one for one in cut.fixed if len(one)}
    variable = column.variable
    for number, names in enumerate(zip(variable.labels, variable.depends, strict=True), 1):
        for along in (fixed[name] for name in dict.fromkeys(names) if name in fixed):
            units = f" [{along.units}]" if along.units else ""
            said = ", ".join(_constant_texts(along).to_pylist())
            yield f"Dimension {number} of {variable.name}, {along.variable.name}{units}: {said}"


def _lines(axis: Axis, cut: SeriesCut) -> Iterator[bytes]:
    columns = (axis.time, *axis.columns)
    constants = repeated_in(cut)
    digits = [time_decimals(column) if column.variable.cdf_type.is_epoch else 0 for column in columns]
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(_names((*columns, *constants)))
    yield header.getvalue().encode()
    same = "".join(f",{text}" for column in constants for text in _constant_texts(column).to_pylist())
    for first, stop in axis.blocks(_BLOCK_BYTES):
        pieces: list[pa.StringArray | str] = []
        for column, decimals in zip(columns, digits, strict=True):
            pieces += _pieces(column, column.read(first, stop), decimals)
        yield lines([*pieces[1:], f"{same}\n"])


def _pieces(column: Column, values: npt.NDArray[Any], decimals: int) -> list[pa.StringArray | str]:
    """What a column adds to each line, with the comma before it."""
    variable = column.variable
    if variable.cdf_type.is_epoch or variable.cdf_type.is_text:
        return [",", joined(_texts(column, values, decimals), len(values), ",")]
    return [number_rows(values, _SPELLING, is_fill_value(variable, values))]


def _names(columns: Sequence[Column]) -> list[str]:
    """The names of variables, with indices from 0 where they have dimensions: `B[0]`, `flux[3][1]`.

    An index that would be the name of another variable gets a number more: `B[0]_2`.
    """
    scalars = [column.variable.name for column in columns if not column.variable.dims]
    taken = set(scalars)
    names: list[str] = []
    for column in columns:
        own = column.variable.name
        if not column.variable.dims:
            names.append(own)
            continue
        indices = product(*(range(size) for size in column.variable.dims))
        names += [free_name(own + "".join(f"[{one}]" for one in index), taken) for index in indices]
    return names


def _texts(column: Column, values: npt.NDArray[Any], decimals: int) -> pa.StringArray:
    """Return the texts of all components, record by record."""
    variable = column.variable
    if variable.cdf_type.is_epoch:
        return time_texts(variable, values, decimals)
    if variable.cdf_type.is_text:
        return pa.array([_quoted(text) for text in text_values(values).reshape(-1).tolist()], pa.string())
    fills = is_fill_value(variable, values)
    singly = number_rows(values.reshape(-1), _SPELLING, None if fills is None else fills.reshape(-1))
    return pc.utf8_slice_codeunits(singly, len(_SPELLING.lead))


def _quoted(text: str) -> str:
    if any(special in text for special in _SPECIAL):
        return '"' + text.replace('"', '""') + '"'
    return text
