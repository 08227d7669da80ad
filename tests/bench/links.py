"""The links of thousands of granules in one request: seconds, first byte and memory."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections.abc import Iterator

import psycopg

from tests.bench.measure import TABLE, Bench, Measure
from tests.bench.memory import watched
from tests.support.server import Server

__all__ = ["measure"]

#: identifiers in one request
MANY = 5_000
_CHUNK = 1 << 20


def measure(bench: Bench) -> Iterator[Measure]:
    """5,000 identifiers in one POST, beside the database's own lookup of their rows."""
    with psycopg.connect(bench.database.url) as connection:
        # far from one another, so that the lookups are not all in one page of the index
        step = max(1, bench.rows // MANY)
        rows = connection.execute(
            f"SELECT granule_uid FROM (SELECT granule_uid, row_number() OVER () AS n FROM {TABLE}) t "
            "WHERE n %% %s = 0 LIMIT %s",
            (step, MANY),
        )
        identifiers = [str(row[0]) for row in rows]
        bare = []
        for _ in range(bench.rounds):
            started = time.perf_counter()
            connection.execute(f"SELECT * FROM {TABLE} WHERE granule_uid = ANY (%s)", (identifiers,)).fetchall()
            bare.append(time.perf_counter() - started)
    _ask(bench.server, identifiers[:50])
    firsts, totals, grown = [], [], []
    for _ in range(bench.rounds):
        first, total, megabytes = _watched(bench.server, identifiers)
        firsts.append(first * 1000)
        totals.append(total)
        grown.append(megabytes)
    what = f"links of {len(identifiers):,} identifiers in one POST"
    yield Measure.of(f"SELECT * of {len(identifiers):,} rows by psycopg", bare, "s")
    yield Measure.of(what, totals, "s")
    yield Measure.of(f"{what}: first byte", firsts, "ms")
    yield Measure.of(f"{what}: memory above idle", grown, "MB", "< 50")


def _watched(server: Server, identifiers: list[str]) -> tuple[float, float, float]:
    """Seconds to the first byte and to the last, and megabytes by which the server grew meanwhile."""
    with watched(server) as growth:
        first, total = _ask(server, identifiers)
    return first, total, growth.most


def _ask(server: Server, identifiers: list[str]) -> tuple[float, float]:
    form = urllib.parse.urlencode([("ID", one) for one in identifiers])
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    started = time.perf_counter()
    connection.request("POST", "/datalink/links", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    answer.read(1)
    first = time.perf_counter() - started
    while answer.read(_CHUNK):
        pass
    total = time.perf_counter() - started
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"links: HTTP {answer.status}")
    return first, total
