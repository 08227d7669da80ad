"""HAPI beside our own cut-outs of the same records: speed, first byte, memory, short queries beside streams."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.csv as pyarrow_csv

from epntap.cdf import format_utc_array, parse_utc
from hapiserver.data.formats import body
from hapiserver.datasets import HapiParameter, HapiType
from tests.bench.client import Timing, fetched, run_clients, top_10
from tests.bench.fairness import LOAD_S, fetching
from tests.bench.granules import publish_files
from tests.bench.measure import Bench, Measure
from tests.bench.memory import watched
from tests.bench.year import DAYS, RECORDS, write_year
from tests.support.cdf_builder import CdfBuilder
from tests.support.server import Server

__all__ = ["measure"]

_STREAMS = 16
_MINUTES = 1440
_NS = 1_000_000_000
#: of a block that is written as text
_ROWS, _BLOCK_ROWS = 400_000, 20_000
_CLIENTS_S = 6.0


def measure(bench: Bench) -> Iterator[Measure]:
    """A year of 365 files in each form beside the same cut-out, and a day of minutes for many clients."""
    folder = bench.folder / "hapi" / "cdf"
    folder.mkdir(parents=True)
    write_year(folder)
    _write_minutes(folder / "minutes_20210601.cdf")
    publish_files(bench.database, folder, schema="benchhapi")
    year, minutes = "bench_year", "minutes"
    yield from _beside_cutouts(bench, year)
    yield from _writers(bench.rounds)
    yield from _beside_streams(bench, year)
    yield from _many_clients(bench.server, minutes)


def _write_minutes(path: Path) -> None:
    epochs = parse_utc("2021-06-01") + np.arange(_MINUTES) * 60 * _NS
    values = np.stack([np.sin(epochs / 1e12), np.cos(epochs / 1e12), epochs / 1e15], axis=1).astype(np.float32)
    builder = CdfBuilder().attribute("Logical_source", "minutes").axis("Epoch", epochs)
    builder.variable("B", values, DEPEND_0="Epoch", VAR_TYPE="data", UNITS="nT").write(path)


def _hapi(dataset: str, form: str) -> str:
    query = {"dataset": dataset, "start": "2021-01-01Z", "stop": "2022-01-01Z", "format": form}
    return f"/hapi/data?{urlencode(query)}"


def _cut(dataset: str, form: str) -> str:
    query = {
        "SCHEMA": "benchhapi",
        "datasetID": dataset,
        "startTime": "2021-01-01T00:00:00",
        "stopTime": "2022-01-01T00:00:00",
        "FORMAT": form,
    }
    return f"/datalink/soda/sync?{urlencode(query)}"


def _get(server: Server, path: str) -> Timing:
    return fetched(server, "GET", path, what=path)


def _beside_cutouts(bench: Bench, year: str) -> Iterator[Measure]:
    """In turns, so that what else the machine does meets both."""
    for form, other, must in (("binary", "CDF", ">= 0.5"), ("csv", "CSV", ">= 0.8")):
        pairs = []
        for _ in range(min(bench.rounds, 3) + 1):
            own = _get(bench.server, _hapi(year, form))
            pairs.append((own, _get(bench.server, _cut(year, other))))
        # the first of each loads what first use loads
        pairs = pairs[1:]
        speeds = [(own.size / own.total_s / 1e6, cut.size / cut.total_s / 1e6) for own, cut in pairs]
        yield Measure.of(f"HAPI {form}: a year of {DAYS} files", [own for own, _ in speeds], "MB/s")
        yield Measure.of(f"{other} cut-out of the same over HTTP", [cut for _, cut in speeds], "MB/s")
        yield Measure.of(f"HAPI {form}: bytes a second, share of the cut-out's", [a / b for a, b in speeds], "", must)
        yield Measure.of(f"HAPI {form}: first byte", [own.first_byte_s * 1000 for own, _ in pairs], "ms", "< 50")
        yield Measure.of(
            f"HAPI {form}: records a second", [DAYS * RECORDS / own.total_s / 1e6 for own, _ in pairs], "million/s"
        )
        with watched(bench.server) as growth:
            _get(bench.server, _hapi(year, form))
        yield Measure.of(f"HAPI {form}: memory above idle for the year", [growth.most], "MB", "< 100")


def _writers(rounds: int) -> Iterator[Measure]:
    """Rows of a time and three numbers as CSV, by what HAPI writes with and by pyarrow: processor time, in turns."""
    instants = parse_utc("2021-01-01") + np.arange(_ROWS) * 6_400_123_457
    phase = np.linspace(0, 200, _ROWS)
    field_ = np.stack([np.sin(phase), np.cos(phase), phase], axis=1)
    time_ = HapiParameter("Time", HapiType.TIME, length=30)
    vector = HapiParameter("B", HapiType.DOUBLE, (3,))
    unix = (instants // 1000).astype("datetime64[us]")

    def ours() -> None:
        blocks = (
            (format_utc_array(instants[first : first + _BLOCK_ROWS], 9, "Z"), field_[first : first + _BLOCK_ROWS])
            for first in range(0, _ROWS, _BLOCK_ROWS)
        )
        for _ in body("csv", [time_, vector], blocks, None):
            pass

    def theirs() -> None:
        table = pa.table({"Time": pa.array(unix), **{name: field_[:, n] for n, name in enumerate("xyz")}})
        for batch in table.to_batches(max_chunksize=_BLOCK_ROWS):
            pyarrow_csv.write_csv(batch, BytesIO(), pyarrow_csv.WriteOptions(include_header=False))

    pairs = [(_processor_s(ours), _processor_s(theirs)) for _ in range(rounds + 1)][1:]
    yield Measure.of("CSV writer: rows of four columns", [_ROWS / own for own, _ in pairs], "rows/s")
    yield Measure.of("pyarrow's CSV writer: the same rows", [_ROWS / other for _, other in pairs], "rows/s")
    yield Measure.of("CSV writer: share of pyarrow's", [other / own for own, other in pairs], "", ">= 1")


def _processor_s(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _beside_streams(bench: Bench, year: str) -> Iterator[Measure]:
    alone = run_clients(bench.server, top_10(), 1, LOAD_S / 2)
    yield Measure.of("TOP 10 alone: p50", alone.times_ms, "ms")
    for form in ("binary", "csv"):
        with fetching(bench.server, _hapi(year, form), _STREAMS) as seen:
            time.sleep(2)  # until all are at work
            load = run_clients(bench.server, top_10(), 1, LOAD_S)
        _, refused, megabytes, seconds = seen
        yield Measure.of(f"TOP 10 beside {_STREAMS} streams of HAPI {form}: p50", load.times_ms, "ms", "< 150")
        yield Measure.of(f"TOP 10 beside {_STREAMS} streams of HAPI {form}: p99", [load.p99], "ms")
        yield Measure.of(f"{_STREAMS} streams of HAPI {form}: all together", [megabytes / seconds], "MB/s")
        yield Measure.of(f"{_STREAMS} streams of HAPI {form}: told to come back", [refused / seconds], "1/s")


@dataclass(slots=True)
class _Seen:
    times_ms: list[float] = field(default_factory=list)
    refused: int = 0


def _many_clients(server: Server, minutes: str) -> Iterator[Measure]:
    """A day of 1-minute data, one parameter, as CSV."""
    day = {"dataset": minutes, "parameters": "B", "start": "2021-06-01Z", "stop": "2021-06-02Z"}
    path = f"/hapi/data?{urlencode(day)}"
    _get(server, path)
    for clients in (1, 8, 32):
        seen, lock, until = _Seen(), threading.Lock(), time.monotonic() + _CLIENTS_S
        threads = [threading.Thread(target=_ask_until, args=(server, path, until, seen, lock)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        what = f"HAPI: a day of {_MINUTES} records for {clients} client{'s' if clients > 1 else ''}"
        yield Measure.of(what, [len(seen.times_ms) / _CLIENTS_S], "1/s")
        yield Measure.of(f"{what}: p50", seen.times_ms, "ms")
        yield Measure.of(f"{what}: p99", [statistics.quantiles(seen.times_ms, n=100)[98]], "ms")
        yield Measure.of(f"{what}: told to come back", [seen.refused / _CLIENTS_S], "1/s")


def _ask_until(server: Server, path: str, until: float, seen: _Seen, lock: threading.Lock) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    while time.monotonic() < until:
        started = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read()
        spent = (time.perf_counter() - started) * 1000
        with lock:
            if answer.status == 200:
                assert text.count(b"\n") == _MINUTES
                seen.times_ms.append(spent)
            else:
                seen.refused += 1
        if answer.status != 200:
            time.sleep(0.02)
    connection.close()
