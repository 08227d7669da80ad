"""Pictures: a day drawn for the first time and handed out again, and short queries while a hundred are asked for."""

from __future__ import annotations

import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from urllib.parse import urlencode

from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.bench.client import Connection, top_10
from tests.bench.measure import Bench, Measure
from tests.support.known_truth import Plan, TrueDataset, write_archive

__all__ = ["measure"]

#: a day of a file has 8 640 records
_PLAN = Plan(datasets=1, days=30, cadence_ns=10_000_000_000, first=date(2018, 4, 1))
_AT_ONCE = 100


def measure(bench: Bench) -> Iterator[Measure]:
    """A 24-hour picture, and a hundred at once."""
    ingest_service(load_definition(write_archive(_PLAN, bench.folder / "pictures", schema="pictures")), bench.database)
    key = TrueDataset(_PLAN, 0).key

    def address(number: int, width: int) -> str:
        day = _PLAN.first + timedelta(days=number % _PLAN.days)
        query = urlencode({"start": day, "stop": day + timedelta(days=1), "width": width})
        return f"{bench.server.base}/preview/pictures/{key}.png?{query}"

    _fetch(address(0, 160))  # the process that draws starts with the first
    firsts, again = [], []
    for number in range(2, 3 + bench.rounds):
        firsts.append(_fetch(address(number, 960)))
        again.append(min(_fetch(address(number, 960)) for _ in range(5)))
    yield Measure.of("previews: a day drawn for the first time", firsts, "ms", "< 300")
    yield Measure.of("previews: the same from the folder", again, "ms", "< 10")
    connection = Connection(bench.server)
    alone = [connection.ask(top_10()) for _ in range(200)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = [pool.submit(_fetch, address(number, 640 if number % 2 else 1280)) for number in range(_AT_ONCE)]
        among = []
        while not all(one.done() for one in asked):
            among.append(connection.ask(top_10()))
        statuses = [one.result() for one in asked]
    connection.close()
    yield Measure.of("TOP 10 alone: p50", [statistics.median(alone)], "ms")
    yield Measure.of(f"TOP 10 while {_AT_ONCE} pictures are asked for: p50", among, "ms", "< 150")
    yield Measure.of("previews: of a hundred asked for at once, told to come back", [statuses.count(0.0)], "")


def _fetch(address: str) -> float:
    """Milliseconds until all of it is here; 0 where the answer is to come back later."""
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(address) as answer:
            answer.read()
    except urllib.error.HTTPError as failure:
        failure.close()
        if failure.code != 503:
            raise
        return 0.0
    return (time.perf_counter() - started) * 1000
