"""Summaries of real mission files: each bin against the records as another reader has them."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pytest

from cutouts.request import EVERYTHING
from epntap.archive.model import ArchiveFile
from epntap.cdf import CdfFile, Kind
from epntap.cdf.facts import index_file
from epntap.errors import UnreadableFileError
from summaries.gather import gather
from summaries.grid import DAY_NS
from summaries.run import base_for
from tests.support.real_files import REAL
from tests.support.summary_truth import check_one

pytestmark = pytest.mark.shared

#: bins of a component that are compared one by one; of wide variables some components are taken
_MOST_COMPONENTS = 8
_MOST_BINS = 24


def archived(path: Path) -> ArchiveFile:
    facts, about = index_file(path), path.stat()
    return ArchiveFile(
        "d",
        str(path.parent),
        path.name,
        about.st_size,
        about.st_mtime_ns,
        facts.tt2000_min,
        facts.tt2000_max,
        facts.records,
    )


def judged(file: cdflib.CDF, name: str) -> tuple[Any, Any]:
    """Values (n, components) and which of them count, as cdflib reads them."""
    values = np.asarray(file.varget(name))
    fill = file.varattsget(name).get("FILLVAL")
    values = values.reshape(len(values), -1)
    valid = np.ones(values.shape, bool)
    if fill is not None and not isinstance(fill, str):
        valid &= values != np.asarray(fill).reshape(-1)[0].astype(values.dtype)
    if values.dtype.kind == "f":
        valid &= ~np.isnan(values)
    return values, valid


def instants(file: cdflib.CDF, name: str) -> Any:
    """TT2000 by cdflib."""
    epochs = np.asarray(file.varget(name)).reshape(-1)
    if file.varinq(name).Data_Type == 33:
        return epochs
    parts = cdflib.cdfepoch.breakdown(epochs)
    return np.asarray(cdflib.cdfepoch.compute_tt2000(np.atleast_2d(parts))).reshape(-1)


def labels(times: Any) -> Any:
    """Nanoseconds since 2000-01-01 by the clock, from cdflib's own breakdown; a leap second is before its midnight."""
    parts = np.atleast_2d(cdflib.cdfepoch.breakdown_tt2000(np.asarray(times))).astype(np.int64)
    number = {
        day: date(*day).toordinal() - date(2000, 1, 1).toordinal() for day in set(map(tuple, parts[:, :3].tolist()))
    }
    days = np.array([number[day] for day in map(tuple, parts[:, :3].tolist())], np.int64)
    clock = ((parts[:, 3] * 60 + parts[:, 4]) * 60 + parts[:, 5]) * 10**9
    clock += parts[:, 6] * 10**6 + parts[:, 7] * 1000 + parts[:, 8]
    return days * DAY_NS + np.minimum(clock, DAY_NS - 1)


def sampled(count: int, most: int) -> list[int]:
    return sorted({int(one) for one in np.linspace(0, count - 1, min(count, most))})


def test_bins_of_mission_files_hold_the_records_that_others_read() -> None:
    """All files, all numeric variables, base and day; count, least and greatest exact."""
    began = time.process_time()
    compared = files = 0
    for path in REAL:
        try:
            about = archived(path)
        except UnreadableFileError:
            continue
        with CdfFile(path) as opened:
            axes = {
                one.name: [name for name in opened.variables if opened.roles[name].axis == one and name != one.name]
                for one in opened.time_axes()
            }
            kinds = {name: opened.roles[name].kind for name in opened.variables}
            virtual = {name for name, one in opened.variables.items() if one.virtual or one.sparse}
        other = cdflib.CDF(path, string_encoding="latin-1")
        for axis, names in axes.items():
            if about.tt2000_min is None or axis in virtual:
                continue
            times = instants(other, axis)
            steps = np.diff(np.sort(times))
            base = base_for(int(np.median(steps[steps > 0])) if (steps > 0).any() else None)
            found = gather([about], EVERYTHING, axis, base)
            fine = found.bins()
            series = [name for name in names if name not in virtual and kinds[name] is Kind.SERIES]
            for width in (base, DAY_NS):
                compared += _compare(path, other, fine.coarser(width // base), width, times, series)
        files += 1
    print(f"{files} files, {compared} bins compared")
    assert files >= 20
    assert compared > 5_000
    assert time.process_time() - began < 60


def _compare(path: Path, other: cdflib.CDF, bins: Any, width: int, times: Any, names: list[str]) -> int:
    here = labels(times) // width
    compared = 0
    assert int(bins.records.sum()) <= len(times)
    for name in names:
        if name not in bins.variables:
            continue
        one = bins.variables[name]
        values, valid = judged(other, name)
        assert np.dtype(one.described.dtype) == values.dtype, f"{path.name}: {name}"
        for row in sampled(len(bins), _MOST_BINS):
            rows = here == bins.numbers[row]
            for component in sampled(values.shape[1], _MOST_COMPONENTS):
                some = values[rows, component][valid[rows, component]]
                mean = one.mean[row, component] if one.count[row, component] else float("nan")
                statistics = (one.count, one.low, one.high)
                check_one([*(each[row, component] for each in statistics), mean, one.deviation[row, component]], some)
                compared += 1
    return compared
