"""How variables become FIELDs and cells of a VOTable: numbers, times, texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cutouts.formats.cells import (
    fill_of,
    is_fill_value,
    joined,
    text_values,
    time_bytes,
    time_decimals,
    time_texts,
)
from cutouts.formats.numbers import Spelling, number_rows
from cutouts.joined.series import Column
from epntap.xml import xml_legal, xml_text

__all__ = ["Cells", "cells_of"]

#: VOTable has no signed byte and no unsigned number of more than one
_DATATYPES = {
    "i1": ("short", ">i2"),
    "i2": ("short", ">i2"),
    "i4": ("int", ">i4"),
    "i8": ("long", ">i8"),
    "u1": ("unsignedByte", "u1"),
    "u2": ("int", ">i4"),
    "u4": ("long", ">i8"),
    "f4": ("float", ">f4"),
    "f8": ("double", ">f8"),
}
# astropy cannot read arrays of strings: several texts of one record are one text, with what none of them has between
_BETWEEN = ";"
_SPELLING = Spelling(lead=">", between=" ", fill="NaN")
_OTHERS_BETWEEN = ("|", "~", "^", "\u241f")
_BLOCK_BYTES = 1 << 20
_CONTROL = re.compile(rb"[\x00-\x1f]")


class Cells(Protocol):
    """The cells of one variable."""

    @property
    def column(self) -> Column:
        """Where the values come from."""
        ...

    @property
    def attributes(self) -> tuple[tuple[str, str | None], ...]:
        """datatype, arraysize and xtype of the FIELD; None for one that is not said."""
        ...

    @property
    def null(self) -> str | None:
        """The number that stands for no value, for VALUES."""
        ...

    @property
    def about(self) -> str | None:
        """What a reader has to know of the cells besides."""
        ...

    @property
    def binary_type(self) -> tuple[np.dtype[Any], tuple[int, ...]]:
        """Type and shape of a cell in BINARY2."""
        ...

    def binary(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return n cells for BINARY2."""
        ...

    def contents(self, values: npt.NDArray[Any]) -> Sequence[pa.StringArray | str]:
        """Return the content of n TD elements, escaped for XML, from the end of their start tag."""
        ...


def cells_of(column: Column) -> Cells:
    """Return how a variable is said. Looks through all its values if they are times or texts."""
    variable = column.variable
    if variable.cdf_type.is_epoch:
        return _Times(column, time_decimals(column))
    if variable.cdf_type.is_text:
        return _texts_of(column)
    return _Numbers(column)


def _texts_of(column: Column) -> _Texts:
    is_ascii, between = True, [_BETWEEN, *_OTHERS_BETWEEN]
    for first, stop in column.blocks(_BLOCK_BYTES):
        values = column.read(first, stop)
        content = values.tobytes()
        is_ascii = is_ascii and content.isascii() and (_CONTROL.search(content) is None or _told_in_ascii(values))
        if prod(column.variable.dims) > 1:
            between = [one for one in between if one.encode() not in content]
    chosen = between[0] if between else _BETWEEN
    return _Texts(column, is_ascii and chosen.isascii(), chosen)


def _told_in_ascii(values: npt.NDArray[Any]) -> bool:
    """Whether nothing in texts has to be replaced that no reader could read."""
    return all(xml_legal(word).isascii() for word in text_values(values).reshape(-1).tolist())


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """Fills of floating-point numbers become NaN; those of integers stay and are declared."""

    column: Column

    @property
    def attributes(self) -> tuple[tuple[str, str | None], ...]:
        variable = self.column.variable
        # the first index varies fastest in VOTable, the last one in our arrays
        sizes = "x".join(map(str, reversed(variable.dims)))
        # a single value has none (VOTable 1.4 §2.2, erratum 3 of 1.3)
        return ("datatype", _DATATYPES[variable.dtype.str[1:]][0]), (
            "arraysize",
            sizes if prod(variable.dims) > 1 else None,
        )

    @property
    def null(self) -> str | None:
        fill = fill_of(self.column.variable)
        return None if fill is None or self.column.variable.dtype.kind == "f" else str(fill)

    @property
    def about(self) -> str | None:
        return None

    @property
    def binary_type(self) -> tuple[np.dtype[Any], tuple[int, ...]]:
        variable = self.column.variable
        return np.dtype(_DATATYPES[variable.dtype.str[1:]][1]), variable.dims

    def binary(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        stored = values.astype(self.binary_type[0])
        fills = self._fills(values)
        if fills is not None:
            stored[fills] = np.nan
        return stored

    def contents(self, values: npt.NDArray[Any]) -> Sequence[pa.StringArray | str]:
        return (number_rows(values, _SPELLING, self._fills(values)),)

    def _fills(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
        return is_fill_value(self.column.variable, values) if values.dtype.kind == "f" else None


@dataclass(frozen=True, slots=True, eq=False)
class _Times:
    """ISO times in UTC; fills are empty."""

    column: Column
    #: of a second
    decimals: int

    @property
    def attributes(self) -> tuple[tuple[str, str | None], ...]:
        xtype = None if self._count > 1 else "timestamp"
        return ("datatype", "char"), ("arraysize", str(self._width)), ("xtype", xtype)

    @property
    def null(self) -> str | None:
        return None

    @property
    def about(self) -> str | None:
        return None

    @property
    def binary_type(self) -> tuple[np.dtype[Any], tuple[int, ...]]:
        return np.dtype(f"S{self._width}"), ()

    def binary(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        texts = time_bytes(self.column.variable, values, self.decimals)
        if self._count == 1:
            return texts
        rows = texts.reshape(len(values), -1).tolist()
        return np.array([_BETWEEN.encode().join(row) for row in rows], self.binary_type[0])

    def contents(self, values: npt.NDArray[Any]) -> Sequence[pa.StringArray | str]:
        return ">", joined(time_texts(self.column.variable, values, self.decimals), len(values), _BETWEEN)

    @property
    def _count(self) -> int:
        return prod(self.column.variable.dims)

    @property
    def _width(self) -> int:
        return self._count * (len("YYYY-MM-DDThh:mm:ss.;") + self.decimals) - 1


@dataclass(frozen=True, slots=True, eq=False)
class _Texts:
    """Texts without their padding; several of one record with semicolons between, or with what none of them has."""

    column: Column
    is_ascii: bool
    between: str = _BETWEEN

    @property
    def attributes(self) -> tuple[tuple[str, str | None], ...]:
        return ("datatype", "char" if self.is_ascii else "unicodeChar"), ("arraysize", str(self._width))

    @property
    def null(self) -> str | None:
        return None

    @property
    def about(self) -> str | None:
        return None if self.between == _BETWEEN else f"several texts with {self.between} between"

    @property
    def binary_type(self) -> tuple[np.dtype[Any], tuple[int, ...]]:
        return np.dtype(f"S{self._width}" if self.is_ascii else f"V{2 * self._width}"), ()

    def binary(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        words = np.array(self._words(values), f"U{self._width}")
        if self.is_ascii:
            return words.astype(self.binary_type[0])
        points = words.view(np.uint32).reshape(-1, self._width)
        # UCS-2 has no more than 65 536 characters
        narrow = np.where(points > 0xFFFF, 0xFFFD, points).astype(">u2")
        return np.ascontiguousarray(narrow).view(self.binary_type[0]).reshape(-1)

    def contents(self, values: npt.NDArray[Any]) -> Sequence[pa.StringArray | str]:
        return ">", pa.array([xml_text(words) for words in self._words(values)], pa.string())

    def _words(self, values: npt.NDArray[Any]) -> list[str]:
        return [self.between.join(row) for row in text_values(values).reshape(len(values), -1).tolist()]

    @property
    def _width(self) -> int:
        variable = self.column.variable
        width = prod(variable.dims) * (variable.dtype.itemsize + len(_BETWEEN)) - len(_BETWEEN)
        # STILTS warns of an arraysize of 1 and astropy of none
        return max(width, 2)
