"""An hour out of a day of one million records: the server's time beside cdflib's own read and write."""

from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import cdflib
import numpy as np
from cdflib import cdfwrite

from cutouts.extract import cut_files
from cutouts.formats import Provenance, choose_format
from cutouts.interval import Interval
from epntap.cdf import format_utc, parse_utc
from tests.bench.granules import publish_files
from tests.bench.measure import Bench, Measure

__all__ = ["measure"]

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


def measure(bench: Bench) -> Iterator[Measure]:
    """The cut in this process and over HTTP, beside cdflib."""
    day = bench.folder / "archive" / "bench_mag_20200601_v01.cdf"
    day.parent.mkdir()
    write_day(day)
    publish_files(bench.database, day.parent)
    start, stop = hour()
    rounds = range(bench.rounds)
    bare = [sum(with_cdflib(day, day.with_name("hour.cdf"), start, stop)) * 1000 for _ in rounds]
    direct = [with_ours(day, start, stop)[0] * 1000 for _ in rounds]
    query = {"ID": day.stem, "START": iso(start), "STOP": iso(stop), "FORMAT": "CDF"}
    over_http = []
    for _ in rounds:
        started = time.perf_counter()
        with urllib.request.urlopen(f"{bench.server.base}/datalink/soda/sync?{urlencode(query)}") as answer:
            answer.read()
        over_http.append((time.perf_counter() - started) * 1000)
    yield Measure.of("an hour of a day of 1 M records: cdflib, axis + records + write", bare, "ms")
    yield Measure.of("the same cut here, in the process", direct, "ms")
    yield Measure.of("the same over HTTP, whole answer", over_http, "ms")
    yield Measure.of(
        "server time above cdflib's own", [statistics.median(over_http) - statistics.median(bare)], "ms", "< 10"
    )
