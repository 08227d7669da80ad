"""Time searches and values against expectations made with another reader (pycdfpp)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epntap.cdf import CdfFile, CdfType, format_utc, parse_utc, select, to_tt2000
from tests.support.places import SHARED

ORACLES = sorted(path for path in (SHARED / "data" / "oracle").glob("*.json") if "file" in json.loads(path.read_text()))

pytestmark = pytest.mark.shared


def _raw(stored: Any) -> Any:
    return list(stored) if isinstance(stored, np.ndarray) else stored


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda path: path.stem)
def test_each_interval_selects_the_expected_records_and_values(oracle: Path) -> None:
    expected_file = json.loads(oracle.read_text())
    with CdfFile(SHARED / "data" / expected_file["file"]) as file:
        axes = {axis.name: axis for axis in file.time_axes()}
        for expected in expected_file["time_axes"]:
            axis = axes[expected["time_variable"].strip()]
            epochs = file.epochs(axis.name)
            instants = to_tt2000(epochs, axis.cdf_type, axis.fill)
            assert axis.cdf_type.name == expected["cdf_type"]
            assert axis.records == len(epochs) == expected["records"]
            assert [_raw(epochs[0]), _raw(epochs[-1])] == [expected["first_raw"], expected["last_raw"]]
            on_axis = {v for v in file.variables if file.axis_of(v) is axis} - {axis.name}
            assert {name.strip() for name in expected["variables_on_axis"]} <= on_axis
            for interval in expected["intervals"]:
                _check_interval(file, epochs, instants, axis.cdf_type, interval)


def _check_interval(
    file: CdfFile, epochs: np.ndarray, instants: np.ndarray, cdf_type: CdfType, interval: dict[str, Any]
) -> None:
    start, stop = parse_utc(interval["start"]), parse_utc(interval["stop"])
    records = np.flatnonzero(select(epochs, cdf_type, start, stop))
    assert len(records) == interval["half_open"]
    assert np.count_nonzero(select(epochs, cdf_type, start, stop, closed=True)) == interval["closed"]
    if not len(records):
        return
    assert (records[0], records[-1]) == (interval["first_record_index"], interval["last_record_index"])
    assert [_raw(epochs[records[0]]), _raw(epochs[records[-1]])] == [interval["first_raw"], interval["last_raw"]]
    assert format_utc(int(instants[records[0]])) + "Z" == interval["first"]
    assert format_utc(int(instants[records[-1]])) + "Z" == interval["last"]
    for expected in interval["variables"]:
        variable = file.variables[expected["name"].strip()]
        values = file.read_at(variable.name, records)
        assert variable.cdf_type.name == expected["cdf_type"]
        assert values.shape[0] == len(records)
        if "sha256" not in expected:
            assert str(values[0]) == expected["sample_first"]
            continue
        assert values.dtype == np.dtype(expected["dtype"])
        content = values.astype(values.dtype.newbyteorder("<")).tobytes()
        assert hashlib.sha256(content).hexdigest() == expected["sha256"]
