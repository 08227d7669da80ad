"""Small CDF files made with cdflib, so that our reader meets another writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from cdflib.cdfwrite import CDF

from epntap.cdf import CdfType

_ATTRIBUTE_TYPES = {"f4": "CDF_FLOAT", "f8": "CDF_DOUBLE", "i2": "CDF_INT2", "i4": "CDF_INT4", "i8": "CDF_INT8"}
_VARIABLE_TYPES = {
    "f4": CdfType.CDF_FLOAT,
    "f8": CdfType.CDF_DOUBLE,
    "i1": CdfType.CDF_INT1,
    "i2": CdfType.CDF_INT2,
    "i4": CdfType.CDF_INT4,
    "i8": CdfType.CDF_INT8,
    "u1": CdfType.CDF_UINT1,
    "u2": CdfType.CDF_UINT2,
    "u4": CdfType.CDF_UINT4,
}


class CdfBuilder:
    """Collects variables and attributes, then writes a file."""

    def __init__(self) -> None:
        self._attributes: dict[str, dict[int, str]] = {}
        self._variables: list[tuple[dict[str, Any], dict[str, Any], Any]] = []

    def attribute(self, name: str, *entries: str) -> Self:
        """Add a global attribute."""
        self._attributes[name] = dict(enumerate(entries))
        return self

    def axis(self, name: str, epochs: Any, kind: str = "tt2000", **attributes: Any) -> Self:
        """Add an epoch variable of stored values. (cdflib writes EPOCH16 wrongly: every picosecond becomes 0.)"""
        if kind == "tt2000":
            return self._add(name, CdfType.CDF_TIME_TT2000, np.array(epochs, np.int64), attributes)
        return self._add(name, CdfType.CDF_EPOCH, np.array(epochs, np.float64), attributes)

    def variable(self, name: str, values: Any, *, fixed: bool = False, compress: int = 0, **attributes: Any) -> Self:
        """Add a variable; the first dimension of `values` is the record, also if it is fixed (length 1)."""
        array = np.asarray(values)
        cdf_type = CdfType.CDF_CHAR if array.dtype.kind == "S" else _VARIABLE_TYPES[array.dtype.str[1:]]
        return self._add(name, cdf_type, array, attributes, fixed=fixed, compress=compress)

    def write(self, path: Path) -> Path:
        """Write the file and return its path."""
        with CDF(path, {"Majority": "row_major"}) as file:
            file.write_globalattrs(self._attributes)
            for specification, attributes, values in self._variables:
                file.write_var(specification, attributes, values)
        return path

    def _add(
        self,
        name: str,
        cdf_type: CdfType,
        values: Any,
        attributes: dict[str, Any],
        *,
        fixed: bool = False,
        compress: int = 0,
    ) -> Self:
        specification = {
            "Variable": name,
            "Data_Type": int(cdf_type),
            "Num_Elements": values.dtype.itemsize if cdf_type.is_text else 1,
            "Rec_Vary": not fixed,
            "Dim_Sizes": list(values.shape[1:]),
            "Compress": compress,
        }
        content = values[0] if fixed and len(values) else values
        if cdf_type.is_text:
            content = content.astype(str).tolist()
        self._variables.append((specification, _typed(attributes), content if len(values) else None))
        return self


def _typed(attributes: dict[str, Any]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(value, str):
            typed[name] = value
        else:
            array = np.atleast_1d(value)
            typed[name] = [array.tolist(), _ATTRIBUTE_TYPES[array.dtype.str[1:]]]
    return typed
