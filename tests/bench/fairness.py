"""Short queries while sixteen clients fetch cut-outs, made in processes of their own and made in the web process.

python -m tests.bench.fairness ADDRESS CLIENTS is the clients, in a process that does not disturb the measuring one.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from tests.bench.client import run_clients, top_10
from tests.bench.cutouts import hour, iso, write_day
from tests.bench.granules import publish_files
from tests.bench.measure import Bench, Measure
from tests.support.server import Server, serve

__all__ = ["LOAD_S", "fetching", "measure"]

_CLIENTS = 16
LOAD_S = 12.0
_READ_BYTES = 1 << 20
_HOUR_NS = 3_600 * 10**9
_IN_THE_WEB_PROCESS = str(2**40)


def measure(bench: Bench) -> Iterator[Measure]:
    """A TOP 10 alone, among large cut-outs, among many small ones, and if all were made in the web process."""
    day = bench.folder / "fairness" / "bench_fair_20200601_v01.cdf"
    day.parent.mkdir()
    write_day(day)
    publish_files(bench.database, day.parent, schema="benchfair")
    start, stop = hour()
    large = urlencode({"ID": day.stem, "FORMAT": "CSV", "START": iso(start)[:10], "STOP": iso(start - 6 * _HOUR_NS)})
    part = urlencode({"ID": day.stem, "FORMAT": "CSV", "START": iso(start), "STOP": iso(stop)})
    alone = run_clients(bench.server, top_10(), 1, LOAD_S)
    yield Measure.of("TOP 10 alone: p50", alone.times_ms, "ms")
    yield from _among(bench.server, large, f"{_CLIENTS} clients of cut-outs of 5 MB", "< 150")
    yield from _among(bench.server, part, f"{_CLIENTS} clients of cut-outs of 0.8 MB", "< 150")
    settings = {"soda_inline_bytes": _IN_THE_WEB_PROCESS, "soda_inline_files_bytes": _IN_THE_WEB_PROCESS}
    with serve(bench.database, bench.folder / "inline", **settings) as server:
        yield from _among(server, large, f"{_CLIENTS} clients of 5 MB, made in the web process", "")


def _among(server: Server, query: str, what: str, must: str) -> Iterator[Measure]:
    with fetching(server, f"/datalink/soda/sync?{query}", _CLIENTS) as seen:
        time.sleep(2)  # until all are at work
        load = run_clients(server, top_10(), 1, LOAD_S)
    yield Measure.of(f"TOP 10 among {what}: p50", load.times_ms, "ms", must)
    yield Measure.of(f"TOP 10 among {what}: p99", [load.p99], "ms")
    done, refused, megabytes, seconds = seen
    yield Measure.of(f"{what}: cut-outs done", [done / seconds], "1/s")
    yield Measure.of(f"{what}: text", [megabytes / seconds], "MB/s")
    yield Measure.of(f"{what}: told to come back", [refused / seconds], "1/s")


@contextmanager
def fetching(server: Server, path: str, clients: int) -> Iterator[list[float]]:
    """Clients for as long as the block runs.

    What they have seen is in the list afterwards: answers fetched whole, requests refused, megabytes, seconds.
    """
    seen: list[float] = []
    command = [sys.executable, "-m", "tests.bench.fairness", f"{server.base}{path}", str(clients)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()) as process:
        assert process.stdout is not None
        process.stdout.readline()  # they have begun
        yield seen
        out, _ = process.communicate(b"\n")
        seen += [float(text) for text in out.split()]


def _fetch_until(stop: threading.Event, address: str, tally: list[float], lock: threading.Lock) -> None:
    """Add to cut-outs done, requests refused, and megabytes."""

    def count(place: int, number: float) -> None:
        with lock:
            tally[place] += number

    while not stop.is_set():
        try:
            with urllib.request.urlopen(address, timeout=600) as answer:
                while (block := answer.read1(_READ_BYTES)) and not stop.is_set():
                    count(2, len(block) / 1e6)
            count(0, not stop.is_set())
        except urllib.error.HTTPError as failure:
            failure.close()
            count(1, 1)
            stop.wait(1)


def _run_clients(address: str, clients: int) -> None:
    stop, lock, tally = threading.Event(), threading.Lock(), [0.0, 0.0, 0.0]
    started = time.monotonic()
    arguments = (stop, address, tally, lock)
    threads = [threading.Thread(target=_fetch_until, args=arguments) for _ in range(clients)]
    for thread in threads:
        thread.start()
    print(flush=True)
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    print(*tally, time.monotonic() - started)


if __name__ == "__main__":
    _run_clients(sys.argv[1], int(sys.argv[2]))
