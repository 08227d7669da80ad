"""Bulk answers in every format, as shares of what psycopg reads of the same rows; identity and gzip."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import psycopg

from tests.bench.client import ask
from tests.bench.measure import TABLE, Bench, Measure
from tests.bench.memory import watched

__all__ = ["measure"]

_EVERYTHING = f"SELECT * FROM {TABLE}"
_MOST_ROWS = 200_000
_MOST_ROWS_IN_MEMORY_TEST = 1_000_000
#: response format → share of the limit that it must reach; the others are measured without a budget
_BUDGETS = {
    "csv": "0.6",
    "tsv": "0.6",
    "votable": "0.45",
    "votable/b2": "0.25",
    "votable/b": "",
    "parquet": "0.25",
    "arrow": "",
    "fits": "",
    "json": "",
    "html": "",
    "text": "",
}
#: they write nothing before they know all rows
_SPOOLING = frozenset({"parquet", "fits", "text"})
_COMPRESSED = ("csv", "votable", "votable/b2")


def measure(bench: Bench) -> Iterator[Measure]:
    """Shares of the limit, first bytes, memory."""
    rows = min(bench.rows, _MOST_ROWS)
    ask(bench.server, _EVERYTHING, "csv", min(rows, 50_000))  # what is read once is in memory
    limits = [_limit(bench.database.url, rows) for _ in range(bench.rounds)]
    best = statistics.median(limits)
    yield Measure.of(f"limit: COPY BINARY of {rows:,} rows", limits, "rows/s")
    for name, must in _BUDGETS.items():
        answers = [ask(bench.server, _EVERYTHING, name, rows) for _ in range(bench.rounds)]
        shares = [rows / answer.total_s / best for answer in answers]
        yield Measure.of(f"{name}: share of the limit", shares, "", f">= {must}" if must else "")
        first = "" if name in _SPOOLING else "< 50"
        yield Measure.of(f"{name}: first byte", [answer.first_byte_s * 1000 for answer in answers], "ms", first)
    for name in _COMPRESSED:
        answers = [
            ask(bench.server, _EVERYTHING, name, rows, encoding="gzip") for _ in range(max(1, bench.rounds // 2))
        ]
        shares = [rows / answer.total_s / best for answer in answers]
        yield Measure.of(f"{name} with gzip ({answers[0].size / 1e6:.0f} MB): share of the limit", shares, "")
        yield Measure.of(f"{name} with gzip: first byte", [a.first_byte_s * 1000 for a in answers], "ms", "< 50")
    for name in ("votable", "votable/b2", "csv", "parquet"):
        yield _memory(bench, name)


def _limit(url: str, rows: int) -> float:
    """Rows a second of psycopg reading COPY BINARY of the same rows: what no answer can beat."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(f"COPY (SELECT * FROM {TABLE} LIMIT {rows}) TO STDOUT (FORMAT binary)") as copy:
            while copy.read():
                pass
        return rows / (time.perf_counter() - started)


def _memory(bench: Bench, name: str) -> Measure:
    """How much all processes of the server grow while one answer leaves."""
    rows = min(bench.rows, _MOST_ROWS_IN_MEMORY_TEST)
    with watched(bench.server) as growth:
        ask(bench.server, _EVERYTHING, name, rows)
    return Measure.of(f"{name}: memory above idle while {rows:,} rows leave", [growth.most], "MB", "< 150")
