"""Limits of values tell at once where there is no fill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epntap.cdf import CdfFile
from epntap.cdf.fills import is_fill, may_be_missing
from tests.support.cdf_builder import CdfBuilder

_VALUES = {
    "f4": np.array([1.5, -1e31, np.nan, 7.0], "f4"),
    "f8": np.array([1.5, -1e31, np.nan, -2.0]),
    "i2": np.array([4, 9, -32768, 0], "i2"),
}


@pytest.mark.parametrize("dtype", _VALUES)
@pytest.mark.parametrize("fill", [None, "-1e31", np.float32(-1e31), np.nan, np.int16(-32768)], ids=repr)
@pytest.mark.parametrize("chosen", [[0], [0, 3], [1], [0, 1], [0, 2], [0, 1, 2, 3]], ids=str)
def test_where_limits_say_no_no_value_is_missing(tmp_path: Path, dtype: str, fill: object, chosen: list[int]) -> None:
    values = _VALUES[dtype][chosen]
    path = tmp_path / "a.cdf"
    told: dict[str, Any] = {} if fill is None else {"FILLVAL": fill}
    CdfBuilder().variable("x", values, **told).write(path)
    with CdfFile(path) as file:
        variable = file.variables["x"]
    with np.errstate(all="ignore"):
        found = is_fill(variable, values)
    missing = np.zeros(len(values), np.bool_) if found is None else found
    if values.dtype.kind == "f":
        missing = missing | np.isnan(values)
    low, high = np.minimum.reduce(values), np.maximum.reduce(values)
    said = may_be_missing(variable, np.array([[low]]), np.array([[high]]))
    assert said or not missing.any()
    if chosen == [0]:  # one value that is none is not looked at again
        assert said == bool(missing.any())
