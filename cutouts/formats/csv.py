"""Cut-outs as comma-separated text: one line a record, one column a number, one time axis."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from cutouts.formats.base import Provenance, Rendering, only_axis, statements
from cutouts.formats.cells import (
    is_fill_value,
    joined,
    lines,
    number_texts,
    text_values,
    time_decimals,
    time_texts,
    with_text,
)
from cutouts.series import Axis, Column, SeriesCut

__all__ = ["Csv", "Text"]

_BLOCK_BYTES = 1 << 20
_SPECIAL = (",", '"', "\n", "\r")


class Csv:
    """One line of names, then the records. Fills are empty, numbers read back exactly, times are cut at nanoseconds."""

    names = ("csv", "ascii", "text/csv", "text/csv;header=present")
    media_type = "text/csv;header=present"
    extension = "csv"

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:  # noqa: ARG002  # CSV has no place for it
        """See SeriesFormat."""
        return Rendering(_lines(only_axis(cut, "a text table")))


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
    said += [line for column in (axis.time, *axis.columns) for line in (_describe(column), *_dimensions(column, cut))]
    # a line break within a text would end the comment
    yield "".join(f"# {' '.join(line.split())}\n" for line in said).encode()
    yield from _lines(axis)


def _describe(column: Column) -> str:
    variable = column.variable
    about = variable.text("CATDESC") or variable.text("FIELDNAM") or ""
    units = "" if variable.cdf_type.is_epoch else column.units or ""
    return f"Column {variable.name}" + (f" [{units}]" if units else "") + (f": {about}" if about else "")


def _dimensions(column: Column, cut: SeriesCut) -> Iterator[str]:
    """Say what the components of an array are: labels and, where they do not vary, energies and their like."""
    fixed = {one.variable.name: one for one in cut.fixed if len(one)}
    variable = column.variable
    for number, names in enumerate(zip(variable.labels, variable.depends, strict=True), 1):
        for along in (fixed[name] for name in dict.fromkeys(names) if name in fixed):
            values = along.read(0, 1)
            units = f" [{along.units}]" if along.units else ""
            texts = _texts(along, values, time_decimals(along) if along.variable.cdf_type.is_epoch else 0)
            yield f"Dimension {number} of {variable.name}, {along.variable.name}{units}: {', '.join(texts.to_pylist())}"


def _lines(axis: Axis) -> Iterator[bytes]:
    columns = (axis.time, *axis.columns)
    digits = [time_decimals(column) if column.variable.cdf_type.is_epoch else 0 for column in columns]
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow([name for column in columns for name in _names(column)])
    yield header.getvalue().encode()
    for first, stop in axis.blocks(_BLOCK_BYTES):
        pieces: list[pa.StringArray | str] = []
        for column, decimals in zip(columns, digits, strict=True):
            pieces += [",", joined(_texts(column, column.read(first, stop), decimals), stop - first, ",")]
        yield lines([*pieces[1:], "\n"])


def _names(column: Column) -> Sequence[str]:
    """The name of a variable, with indices from 0 if it has dimensions: `B[0]`, `flux[3][1]`."""
    indices = product(*(range(size) for size in column.variable.dims))
    return [column.variable.name + "".join(f"[{one}]" for one in index) for index in indices]


def _texts(column: Column, values: npt.NDArray[Any], decimals: int) -> pa.StringArray:
    """Return the texts of all components, record by record."""
    variable = column.variable
    if variable.cdf_type.is_epoch:
        return time_texts(variable, values, decimals)
    if variable.cdf_type.is_text:
        return pa.array([_quoted(text) for text in text_values(values).reshape(-1).tolist()], pa.string())
    return with_text(number_texts(values), is_fill_value(variable, values), "")


def _quoted(text: str) -> str:
    if any(special in text for special in _SPECIAL):
        return '"' + text.replace('"', '""') + '"'
    return text
