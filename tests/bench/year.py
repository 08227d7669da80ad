"""A year out of 365 files of 100 MB in all, in every format: seconds and memory beside cdflib reading the same records.

Each format is made in a process of its own, `python -m tests.bench.year FOLDER FORMAT`, so that memory is its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import cdflib
import numpy as np
from cdflib import cdfwrite

from cutouts.extract import cut_files
from cutouts.formats import Provenance, choose_format
from cutouts.interval import Interval
from epntap.cdf import parse_utc
from tests.bench.cutouts import hour, write_day
from tests.bench.measure import Bench, Measure

DAYS = 365
#: of 20 bytes: 100 MB in all
RECORDS = 13_500
FORMATS = ("CDF", "CDF compressed", "VOTable", "votable/b2", "CSV", "TXT", "PARQUET")
_PLAIN = {"Num_Elements": 1, "Rec_Vary": True, "Compress": 0}


def write_year(folder: Path) -> None:
    """One file a day: a three-component vector, float32, CDF_TIME_TT2000, uncompressed."""
    start = parse_utc("2021-01-01")
    step = 86_400_000_000_000
    for day in range(DAYS):
        epochs = start + day * step + np.arange(RECORDS, dtype=np.int64) * (step // RECORDS)
        phase = np.linspace(0, 200, RECORDS, dtype=np.float32) + day
        file = cdfwrite.CDF(str(folder / f"bench_year_{day:03}.cdf"))
        file.write_globalattrs({"Logical_source": {0: "bench_year"}})
        file.write_var({"Variable": "Epoch", "Data_Type": 33, "Dim_Sizes": [], **_PLAIN}, var_data=epochs)
        file.write_var(
            {"Variable": "B", "Data_Type": 44, "Dim_Sizes": [3], **_PLAIN},
            var_attrs={"DEPEND_0": "Epoch", "UNITS": "nT", "FILLVAL": np.float32(-1e31)},
            var_data=np.stack([np.sin(phase), np.cos(phase), phase], axis=1),
        )
        file.close()


def with_cdflib(files: list[Path]) -> float:
    """Seconds of reading every record of every file."""
    started = time.perf_counter()
    for path in files:
        file = cdflib.CDF(path)
        file.varget("Epoch")
        file.varget("B")
    return time.perf_counter() - started


def make(files: list[Path], interval: Interval, name: str) -> tuple[float, float, int]:
    """Seconds to the first block and to the last, and bytes."""
    provenance = Provenance("bench", "http://127.0.0.1", datetime(2021, 1, 1))  # noqa: DTZ001  # UTC, as everywhere
    started = time.perf_counter()
    with cut_files(files, interval) as cut:
        form = choose_format(name.split(maxsplit=1)[0], compress=name.endswith("compressed"))
        rendering = form.render(cut, provenance)
        first, size = 0.0, 0
        for block in rendering.blocks:
            first = first or time.perf_counter() - started
            size += len(block)
        rendering.close()
    return first, time.perf_counter() - started, size


def measure(bench: Bench) -> Iterator[Measure]:
    """The year in every format, and an hour of a day of a million records."""
    folder = bench.folder / "year"
    folder.mkdir()
    write_year(folder)
    files = sorted(folder.glob("*.cdf"))
    bare = [with_cdflib(files) for _ in range(bench.rounds)]
    yield Measure.of(f"{DAYS} files, 100 MB: cdflib reading the records", bare, "s")
    for name in FORMATS:
        runs = [_in_a_process(folder, name) for _ in range(min(bench.rounds, 3))]
        yield Measure.of(f"{name}: a year", [run["total_s"] for run in runs], "s")
        shares = [statistics.median(bare) / run["total_s"] for run in runs]
        yield Measure.of(f"{name}: speed of cdflib reading only, share", shares, "")
        yield Measure.of(f"{name}: bytes a second", [run["size"] / run["total_s"] / 1e6 for run in runs], "MB/s")
        yield Measure.of(f"{name}: memory above idle", [run["memory_mb"] for run in runs], "MB", "< 150")
    day = bench.folder / "day" / "bench_day.cdf"
    day.parent.mkdir()
    write_day(day)
    for name in FORMATS:
        seconds = [make([day], Interval(*hour()), name)[1] * 1000 for _ in range(bench.rounds + 1)]
        yield Measure.of(f"{name}: an hour of a day of 1 M records", seconds[1:], "ms")


def _in_a_process(folder: Path, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.year", str(folder), name]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def _main(folder: Path, name: str) -> None:
    files = sorted(folder.glob("*.cdf"))
    year = Interval(parse_utc("2021-01-01"), parse_utc("2022-01-01"))
    make(files[:2], year, name)  # whatever is loaded with first use
    idle = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    first, total, size = make(files, year, name)
    print(json.dumps({"first_s": first, "total_s": total, "size": size, "memory_mb": _memory("VmHWM") - idle}))


def _memory(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1e3


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
