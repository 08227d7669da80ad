"""The short queries of portals and scripts: alone, from many clients, and while long ones run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import psycopg

from tests.bench.client import Connection, ask, post_bytes, run_clients, top_10
from tests.bench.measure import TABLE, Bench, Measure

__all__ = ["measure"]

_LOAD_S = 5.0
_LONG_QUERIES = 8
_OVERLAP = "time_min <= 2455201.5 AND time_max >= 2455200.5"
_EARTH = "1 = ivo_hashlist_has(lower(target_name), lower('Earth'))"
#: what is asked → query, and the budget that holds for the 3.9 million granules of AMDA
_PORTAL = {
    "COUNT(*) of the table": (f"SELECT COUNT(*) FROM {TABLE}", "< 30"),
    "COUNT(*) of a hash-list value": (f"SELECT COUNT(*) FROM {TABLE} WHERE {_EARTH}", "< 30"),
    "overlap + hash list + TOP 500": (f"SELECT TOP 500 * FROM {TABLE} WHERE {_OVERLAP} AND {_EARTH}", "< 30"),
    "COUNT of one day and one target": (f"SELECT COUNT(*) FROM {TABLE} WHERE {_OVERLAP} AND {_EARTH}", "< 30"),
    "COUNT of half the table": (f"SELECT COUNT(*) FROM {TABLE} WHERE time_min > 2453000", "< 1500"),
    "by granule_uid": (f"SELECT * FROM {TABLE} WHERE granule_uid = 'none'", ""),
}
#: nothing in it is indexed, and every row is looked at several times
_LONG = (
    f"SELECT COUNT(*) FROM {TABLE} AS a, {TABLE} AS b "
    "WHERE a.granule_uid < b.granule_uid AND UPPER(a.obs_id) LIKE '%QQ%' || UPPER(b.obs_id)"
)
#: backends that have been at one query for a second
_LONG_RUNNING = """
    SELECT pid FROM pg_stat_activity
    WHERE state = 'active' AND backend_type = 'client backend' AND query_start < now() - interval '1 second'
"""


def measure(bench: Bench) -> Iterator[Measure]:
    """Latency, requests a second, portal queries, and a TOP 10 among long queries."""
    yield from _latency(bench)
    for clients in (1, 8, 32):
        load = run_clients(bench.server, top_10(), clients, _LOAD_S)
        what = f"TOP 10, {clients} clients"
        must = ">= 600" if clients == 8 else ""
        yield Measure.of(f"{what} (which took {load.own_cpu:.0%} of a core)", [load.per_second], "requests/s", must)
        yield Measure.of(f"{what}: p50", load.times_ms, "ms")
        yield Measure.of(f"{what}: p99", [load.p99], "ms")
    for what, (query, must) in _PORTAL.items():
        times = [ask(bench.server, query, "votable", 20_000).total_s * 1000 for _ in range(bench.rounds + 1)]
        yield Measure.of(what, times[1:], "ms", must)
    yield from _among_long_queries(bench)


def _latency(bench: Bench) -> Iterator[Measure]:
    bare, over_http = [], []
    connection = Connection(bench.server)
    with psycopg.connect(bench.database.url, autocommit=True) as database:
        for _ in range(bench.rounds * 40):
            started = time.perf_counter()
            database.execute(f"SELECT * FROM {TABLE} LIMIT 10").fetchall()
            bare.append((time.perf_counter() - started) * 1000)
            over_http.append(connection.ask(top_10()))
    connection.close()
    above = [http - direct for http, direct in zip(sorted(over_http), sorted(bare), strict=True)]
    middle = above[len(above) // 4 : -len(above) // 4]
    yield Measure.of("TOP 10 over HTTP", over_http, "ms")
    yield Measure.of("TOP 10 above bare psycopg", middle, "ms", "< 5")


def _among_long_queries(bench: Bench) -> Iterator[Measure]:
    """A TOP 10 and the phase of a job while long queries keep the database busy."""

    def long_query() -> None:
        with suppress(RuntimeError, OSError):  # it is cancelled in the end
            Connection(bench.server).ask(post_bytes("/tap/sync", {"LANG": "ADQL", "QUERY": _LONG}))

    for _ in range(_LONG_QUERIES):
        threading.Thread(target=long_query, daemon=True).start()
    with psycopg.connect(bench.database.url, autocommit=True) as database:
        _wait_until_busy(database)
        load = run_clients(bench.server, top_10(), 1, _LOAD_S)
        busy = _running(database)
        database.execute(f"SELECT pg_cancel_backend(pid) FROM ({_LONG_RUNNING}) AS long_running")
        yield Measure.of("long queries meanwhile", [busy], "", f">= {_LONG_QUERIES}")
        yield Measure.of("TOP 10 while they run: p50", load.times_ms, "ms", "< 150")
        yield Measure.of("TOP 10 while they run: p99", [load.p99], "ms")


def _wait_until_busy(database: psycopg.Connection[tuple[int]]) -> None:
    for _ in range(100):
        if _running(database) >= _LONG_QUERIES:
            return
        time.sleep(0.1)
    raise RuntimeError(f"expected {_LONG_QUERIES} long queries to run, found {_running(database)}")


def _running(database: psycopg.Connection[tuple[int]]) -> int:
    row = database.execute(f"SELECT count(*) FROM ({_LONG_RUNNING}) AS long_running").fetchone()
    assert row is not None
    return row[0]
