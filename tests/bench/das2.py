"""das2: what a plot asks for at each zoom, from summaries and from records."""

from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from urllib.parse import urlencode

from epntap.connection import Connection
from epntap.db.pool import Role, connect
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from summaries.run import summarise
from tests.bench.measure import Bench, Measure
from tests.support.das2 import read_stream
from tests.support.known_truth import Plan, TrueDataset, write_archive

__all__ = ["measure"]

#: 90 files of 8 640 records
_PLAN = Plan(datasets=1, days=90, cadence_ns=10_000_000_000, first=date(2019, 1, 1))
_PIXELS = 1000


def measure(bench: Bench) -> Iterator[Measure]:
    """A quarter of a year and its days at a thousand pixels, and the same records as they are."""
    ingest_service(load_definition(write_archive(_PLAN, bench.folder / "das2", schema="das2")), bench.database)
    held = connect(bench.database, Role.SERVICE, autocommit=True)

    @contextmanager
    def lend() -> Iterator[Connection]:
        yield held

    # where the server looks for them
    for done, _ in summarise(lend, bench.folder / "serve/summaries", "das2"):
        assert not done.failures, done.failures
    held.close()
    key = TrueDataset(_PLAN, 0).key
    server = f"{bench.server.base}/das2/server"

    def ask(days: int, **more: object) -> tuple[float, bytes]:
        span = {"start_time": _PLAN.first, "end_time": _PLAN.first + timedelta(days=days)}
        query = urlencode({"server": "dataset", "dataset": key, **span, **more})
        started = time.perf_counter()
        with urllib.request.urlopen(f"{server}?{query}") as answer:
            content = answer.read()
        return (time.perf_counter() - started) * 1000, content

    def described() -> float:
        started = time.perf_counter()
        with urllib.request.urlopen(f"{server}?{urlencode({'server': 'dsdf', 'dataset': key})}") as answer:
            answer.read()
        return (time.perf_counter() - started) * 1000

    yield Measure.of("das2: a dsdf", [described() for _ in range(bench.rounds + 1)][1:], "ms")
    whole = _asked(bench, lambda: ask(_PLAN.days, resolution=_PLAN.days * 86_400 / _PIXELS))
    yield Measure.of(f"das2: {_PLAN.days} days at {_PIXELS:,} pixels", [ms for ms, _ in whole], "ms", "< 200")
    bins = len(read_stream(whole[-1][1]).labels())
    yield Measure.of("das2: bins of that for a pixel", [bins / _PIXELS], "", "<= 4.1")
    day = _asked(bench, lambda: ask(1, resolution=86_400 / _PIXELS))
    yield Measure.of(f"das2: a day at {_PIXELS:,} pixels", [ms for ms, _ in day], "ms", "< 200")
    records = _asked(bench, lambda: ask(_PLAN.days))
    rates = [len(content) / 1e3 / ms for ms, content in records]
    yield Measure.of("das2: records, binary", rates, "MB/s")
    reduced = statistics.median(ms for ms, _ in whole)
    yield Measure.of("das2: the same days as records, times as long", [ms / reduced for ms, _ in records], "")


def _asked(bench: Bench, ask: Callable[[], tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    """Times and answers; the first one warms up."""
    return [ask() for _ in range(bench.rounds + 1)][1:]
