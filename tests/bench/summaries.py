"""Summaries: what building costs beside reading, how much they take, and overviews of twenty years.

What is measured of building runs in a process of its own, `python -m tests.bench.summaries FOLDER read|build`, so that
memory is its own. Files are in the page cache, so that reading costs no disk: the hardest case for the ratio.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path

from cutouts.extract import cut_files
from cutouts.interval import Interval
from epntap.archive.model import ArchiveFile
from epntap.cdf import CdfFile
from epntap.cdf.facts import index_file
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from summaries.build import YearPlan, build_year, kinds_of
from summaries.folders import new_name
from summaries.gather import described
from summaries.grid import days_of_year
from summaries.reader import Summaries
from summaries.run import base_for, summarise
from tests.bench.measure import Bench, Measure
from tests.support.cdf_builder import CdfBuilder
from tests.support.known_truth import FILL, Plan, TrueDataset, midnight_tt2000, write_archive

SECOND = 1_000_000_000
#: a day of each file has 86 400 records of 54 bytes
DENSE = Plan(datasets=1, days=20, cadence_ns=SECOND, first=date(2017, 3, 1))
LONG = Plan(datasets=1, days=7305, cadence_ns=600 * SECOND, first=date(2001, 1, 1))
_YEAR = 2017
_POINTS = 1000


def measure(bench: Bench) -> Iterator[Measure]:
    """Building from plain and from compressed files; twenty years of one file a day."""
    folder = bench.folder / "summaries"
    write_archive(DENSE, folder / "plain")
    _write_compressed(TrueDataset(DENSE, 0), folder / "compressed")
    for kind, must in (("plain", "<= 2"), ("compressed", "<= 2")):
        reads = [_in_a_process(folder / kind, "read") for _ in range(min(bench.rounds, 3))]
        builds = [_in_a_process(folder / kind, "build") for _ in range(min(bench.rounds, 3))]
        pairs = list(zip(builds, reads, strict=True))
        yield Measure.of(
            f"summaries: building / reading once, {kind} files", [one["s"] / two["s"] for one, two in pairs], "", must
        )
        rates = [one["values_mb"] / one["s"] for one in builds]
        yield Measure.of(f"summaries: building, values of {kind} files", rates, "MB/s")
    yield Measure.of("summaries: memory of a process", [one["memory_mb"] for one in builds], "MB", "< 300")
    yield Measure.of(
        "summaries: share of the variables", [one["size_mb"] / one["values_mb"] for one in builds], "", "<= 0.05"
    )
    yield from _twenty_years(bench, folder / "long")


def _twenty_years(bench: Bench, folder: Path) -> Iterator[Measure]:
    definition = load_definition(write_archive(LONG, folder, schema="long", processes=2))
    ingest_service(definition, bench.database)
    lend = _lender(bench.database)
    root = bench.folder / "kept"
    started = time.perf_counter()
    for done, _ in summarise(lend, root, "long"):
        assert not done.failures, done.failures
    yield Measure.of("summaries: 7 305 files made by all cores", [7305 / (time.perf_counter() - started)], "files/s")
    reader, key = Summaries(lend, root), TrueDataset(LONG, 0).key
    whole = Interval(LONG.start, LONG.stop)
    cut_off = Interval(LONG.start + 12_345 * SECOND, LONG.stop - 54_321 * SECOND)
    year = Interval(midnight_tt2000(date(2010, 1, 1)), midnight_tt2000(date(2011, 1, 1)))

    def seconds(interval: Interval) -> list[float]:
        times = []
        for _ in range(bench.rounds + 1):
            started = time.perf_counter()
            found = reader.series("long", key, ["B", "n"], interval=interval, points=_POINTS)
            times.append((time.perf_counter() - started) * 1000)
            assert _POINTS <= len(found.starts) <= 4 * _POINTS or interval is year
        return times[1:]

    overview = seconds(whole)
    yield Measure.of("summaries: 20 years at 1 000 points", overview, "ms", "< 100")
    yield Measure.of("summaries: 20 years whose ends lie within a day", seconds(cut_off), "ms", "< 100")
    yield Measure.of("summaries: a year of them, as records", seconds(year), "ms")
    files = sorted(folder.rglob("*.cdf"))
    started = time.perf_counter()
    with cut_files(files, whole, ["B", "n"]) as cut:
        for column in cut.axes[0].columns:
            column.read()
    records = (time.perf_counter() - started) * 1000
    yield Measure.of(
        "summaries: the same 20 years by reading records, times as long", [records / one for one in overview], ""
    )


def _lender(database: Database) -> Callable[[], AbstractContextManager[Connection]]:
    held = connect(database, Role.SERVICE, autocommit=True)

    @contextmanager
    def lend() -> Iterator[Connection]:
        yield held

    return lend


def _write_compressed(dataset: TrueDataset, folder: Path) -> None:
    """The same records as missions have them, by GZIP."""
    folder.mkdir(parents=True)
    for file in dataset.files():
        if file.superseded:
            continue
        builder = CdfBuilder().attribute("Logical_source", dataset.key).axis("Epoch", file.epochs)
        for name in ("B", "n", "position"):
            values = dataset.stored(name, file.epochs)
            builder.variable(
                name, values, compress=6, DEPEND_0="Epoch", VAR_TYPE="data", FILLVAL=values.dtype.type(FILL)
            )
        builder.write(folder / file.name)


def _in_a_process(folder: Path, what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.summaries", str(folder), what]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def _names(file: CdfFile) -> list[str]:
    return [name for name, one in file.variables.items() if one.record_varying]


def _main(folder: Path, what: str) -> None:
    files = [path for path in sorted(folder.rglob("*.cdf")) if "_v02" in path.name or not _has_newer(path)]
    values = 0
    archived = []
    for path in files:
        facts, about = index_file(path), path.stat()
        archived.append(
            ArchiveFile(
                "d", str(folder), path.relative_to(folder).as_posix(), about.st_size, about.st_mtime_ns,
                facts.tt2000_min, facts.tt2000_max, facts.records,
            )
        )  # fmt: skip
        with CdfFile(path) as file:
            values += sum(file.read(name).nbytes for name in _names(file))  # everything is loaded and in the cache
            shapes = [described(file.variables[name]) for name in _names(file) if name != "Epoch"]
    size = 0
    started = time.perf_counter()
    if what == "read":
        for path in files:
            with CdfFile(path) as file:
                for name in _names(file):
                    file.read(name)
    else:
        base = base_for(DENSE.cadence_ns)
        days = days_of_year(_YEAR)
        place = folder.parent / f"built-{new_name(_YEAR)}"
        plan = YearPlan(
            place, new_name(_YEAR), "Epoch", _YEAR, base, kinds_of(shapes, base), tuple(archived),
            ((days.start, days.stop - 1),),
        )  # fmt: skip
        made = build_year(plan)
        assert not made.failure, made.failure
        size = made.size_bytes
    seconds = time.perf_counter() - started
    print(json.dumps({"s": seconds, "values_mb": values / 1e6, "size_mb": size / 1e6, "memory_mb": _peak_mb()}))


def _has_newer(path: Path) -> bool:
    return path.with_name(path.name.replace("_v01", "_v02")).exists() and "_v01" in path.name


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e3


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
