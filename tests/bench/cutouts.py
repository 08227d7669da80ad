"""An hour out of a day of one million records: the server's time beside cdflib's own read and write."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import cdflib
import numpy as np
from cdflib import cdfwrite

from datalink.cut import cut_files
from datalink.reformat import Provenance, choose_format
from datalink.series import Interval
from epntap.cdf import format_utc, parse_utc

RECORDS = 1_000_000
DAY_NS = 86_400_000_000_000
_EPOCH = {"Num_Elements": 1, "Data_Type": 33, "Rec_Vary": True, "Dim_Sizes": []}


def write_day(path: Path) -> None:
    """One UTC day of a three-component vector, float32, CDF_TIME_TT2000."""
    start = parse_utc("2020-06-01T00:00:00")
    epochs = start + np.arange(RECORDS, dtype=np.int64) * (DAY_NS // RECORDS)
    phase = np.linspace(0, 200, RECORDS, dtype=np.float32)
    field = np.stack([np.sin(phase), np.cos(phase), phase], axis=1)
    file = cdfwrite.CDF(str(path), cdf_spec={"Compressed": 0})
    file.write_globalattrs({"Logical_source": {0: "bench_mag"}, "TITLE": {0: "SYNTHETIC"}})
    file.write_var(
        {"Variable": "Epoch", **_EPOCH}, var_attrs={"VAR_TYPE": "support_data", "UNITS": "ns"}, var_data=epochs
    )
    file.write_var(
        {"Variable": "B", "Data_Type": 44, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": [3]},
        var_attrs={"VAR_TYPE": "data", "DEPEND_0": "Epoch", "UNITS": "nT", "FILLVAL": np.float32(-1e31)},
        var_data=field,
    )
    file.close()


def with_cdflib(source: Path, target: Path, start: int, stop: int) -> tuple[float, float, float]:
    """Seconds of reading the axis, reading the records, and writing them uncompressed."""
    started = time.perf_counter()
    file = cdflib.CDF(str(source))
    epochs = file.varget("Epoch")
    first, last = np.searchsorted(epochs, [start, stop])
    axis = time.perf_counter() - started
    started = time.perf_counter()
    field = file.varget("B", startrec=int(first), endrec=int(last) - 1)
    records = time.perf_counter() - started
    started = time.perf_counter()
    target.unlink(missing_ok=True)
    written = cdfwrite.CDF(str(target), cdf_spec={"Compressed": 0})
    written.write_var({"Variable": "Epoch", **_EPOCH}, var_data=epochs[first:last])
    written.write_var(
        {"Variable": "B", "Data_Type": 44, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": [3]}, var_data=field
    )
    written.close()
    return axis, records, time.perf_counter() - started


def with_ours(source: Path, start: int, stop: int) -> tuple[float, int]:
    """Seconds from the file to the last byte of the CDF, and how many bytes."""
    started = time.perf_counter()
    with cut_files([source], Interval(start, stop)) as cut:
        provenance = Provenance("bench", "http://127.0.0.1", datetime.now(UTC).replace(tzinfo=None))
        size = sum(len(block) for block in choose_format("CDF").render(cut, provenance).blocks)
    return time.perf_counter() - started, size


def hour() -> tuple[int, int]:
    return parse_utc("2020-06-01T12:00:00"), parse_utc("2020-06-01T13:00:00")


def iso(tt2000: int) -> str:
    return format_utc(tt2000, 3)
