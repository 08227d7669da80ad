"""What clients ask all day, at the size of the whole of amdadb: which index answers, and how long it takes.

python -m tests.bench.queries postgresql://…   (a database that holds amdadb.epn_core)
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from epntap.archive.counts import item_count, row_count, value_counts
from epntap.catalog.indexes import HAS_ITEM, OVERLAP

TABLE = "amdadb.epn_core"
ROUNDS = 5

_DAY = "time_min <= 2455201.5 AND time_max >= 2455200.5"
_DAY_INDEXED = OVERLAP.format("time_min", "time_max", 2455200.5, 2455201.5)
_EARTH = "1 = udf.ivo_hashlist_has(lower(target_name), lower('Earth'))"
_EARTH_INDEXED = HAS_ITEM.format("target_name", "'Earth'")
_SATURN = "1 = udf.ivo_hashlist_has(target_name, 'Saturn')"
_SATURN_INDEXED = HAS_ITEM.format("target_name", "'Saturn'")
_UPLOAD_INDEXED = OVERLAP.format("e.time_min", "e.time_max", "u.t1", "u.t2")


@dataclass(frozen=True)
class Question:
    """A query as the translator sends it: with the predicates that it adds."""

    what: str
    statement: str
    #: without the name of the table in front; any of them; none: no row can be so
    indexes: tuple[str, ...]


QUESTIONS = (
    Question(
        "portal: one day, one target, TOP 500",
        f"SELECT * FROM {TABLE} WHERE {_DAY} AND {_DAY_INDEXED} AND {_EARTH} AND {_EARTH_INDEXED} LIMIT 500",
        ("time_span", "target_name_items"),
    ),
    Question(
        "all granules of one day",
        f"SELECT * FROM {TABLE} WHERE {_DAY} AND {_DAY_INDEXED}",
        ("time_span",),
    ),
    Question(
        "joined with 100 uploaded intervals",
        f"SELECT count(*) FROM {TABLE} e JOIN uploaded u ON e.time_min <= u.t2 AND e.time_max >= u.t1"
        f" AND {_UPLOAD_INDEXED}",
        ("time_span",),
    ),
    Question(
        "one target, TOP 500",
        f"SELECT * FROM {TABLE} WHERE {_SATURN} AND {_SATURN_INDEXED} LIMIT 500",
        ("target_name_items",),
    ),
    Question("by granule_uid", f"SELECT * FROM {TABLE} WHERE granule_uid = 'ace-imf-all_20040214'", ("pkey",)),
    Question("granule_uid LIKE 'x%'", f"SELECT * FROM {TABLE} WHERE granule_uid LIKE 'ace-imf-all~_2004%'", ("pkey",)),
    Question(
        "granule_uid LIKE '%x%'",
        f"SELECT * FROM {TABLE} WHERE granule_uid LIKE '%mag~_200402%' LIMIT 100",
        ("granule_uid_parts",),
    ),
    Question(
        "instrument_name ILIKE '%x%', none",
        f"SELECT * FROM {TABLE} WHERE instrument_name ILIKE '%unobtainium%'",
        ("instrument_name_parts",),
    ),
    Question(
        "first 100 after a time",
        f"SELECT granule_uid, time_min FROM {TABLE} WHERE time_min BETWEEN 2455200.5 AND 2455210.5"
        " ORDER BY time_min LIMIT 100",
        ("time_min",),
    ),
    Question(
        "one dataset in a year",
        f"SELECT * FROM {TABLE} WHERE dataset_id = 'ace-imf-all' AND time_min BETWEEN 2453005.5 AND 2453371.5",
        ("dataset_id",),
    ),
    Question("by obs_id", f"SELECT * FROM {TABLE} WHERE obs_id = 'ace-imf-all_20040214'", ("obs_id",)),
    Question("MIN and MAX of time", f"SELECT min(time_min), max(time_max) FROM {TABLE}", ("time_min", "time_max")),
    *(
        Question(
            f"validator: half a pair or in the wrong order, {name}",
            f"SELECT granule_uid, {name}_min, {name}_max FROM {TABLE}"
            f" WHERE ({name}_min IS NULL AND {name}_max IS NOT NULL)"
            f" OR ({name}_min IS NOT NULL AND {name}_max IS NULL) OR {name}_min > {name}_max LIMIT 1",
            (),
        )
        for name in ("time", "time_sampling_step", "time_exp", "spectral_range", "c1_resol", "phase")
    ),
    Question(
        "validator: half a pair, c1",
        f"SELECT granule_uid, c1min, c1max FROM {TABLE} WHERE (c1min IS NULL AND c1max IS NOT NULL)"
        " OR (c1min IS NOT NULL AND c1max IS NULL) LIMIT 1",
        (),
    ),
    Question(
        "validator: times that are no Julian dates",
        f"SELECT time_min FROM {TABLE} WHERE NOT time_min BETWEEN 2086000 AND 2817000 LIMIT 1",
        (),
    ),
    Question(
        "validator: processing levels out of range",
        f"SELECT processing_level FROM {TABLE} WHERE NOT processing_level BETWEEN 1 AND 6 LIMIT 1",
        (),
    ),
    Question(
        "validator: a mandatory value that is missing",
        f"SELECT obs_id FROM {TABLE} WHERE obs_id IS NULL LIMIT 1",
        (),
    ),
)


@dataclass(frozen=True)
class Answer:
    """How a question was answered."""

    question: Question
    #: of planning and execution, median
    milliseconds: float
    rows: int
    indexes: tuple[str, ...]
    #: the planner saw that there can be no such row
    is_foreseen: bool

    @property
    def is_indexed(self) -> bool:
        """Whether one of the expected indexes served; without any, whether the answer was known beforehand."""
        names = {name.removeprefix("epn_core_") for name in self.indexes}
        return bool(names.intersection(self.question.indexes)) if self.question.indexes else self.is_foreseen


def ask_all(connection: psycopg.Connection[Any]) -> Iterator[Answer]:
    """Ask each question a few times."""
    connection.execute("CREATE TEMPORARY TABLE uploaded AS SELECT 2453100.5 + 5.0 * n AS t1, 2453100.75 + 5.0 * n AS t2"
                       " FROM generate_series(1, 100) n")  # fmt: skip
    connection.execute("ANALYZE uploaded")
    for question in QUESTIONS:
        statement = question.statement.replace("~", "\\")
        times = []
        for _ in range(ROUNDS):
            row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT json, TIMING off) {statement}").fetchone()
            assert row is not None
            (plan,) = row[0]
            times.append(plan["Planning Time"] + plan["Execution Time"])
        top = plan["Plan"]
        indexes = tuple(_indexes(top))
        yield Answer(
            question=question,
            milliseconds=statistics.median(times),
            rows=top["Actual Rows"],
            indexes=indexes,
            is_foreseen="Seq Scan" not in str(plan) and not indexes,
        )


def _indexes(plan: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in plan:
        yield plan["Index Name"]
    for part in plan.get("Plans", ()):
        yield from _indexes(part)


def ask_counts(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, float, int]]:
    """What ingestion has counted: question, milliseconds, answer."""
    questions: dict[str, Callable[[], int | None]] = {
        "COUNT(*) of the table": lambda: row_count(connection, "amdadb"),
        "COUNT(*) of one item of a hash list": lambda: item_count(connection, "amdadb", "target_name", "Saturn"),
        "DISTINCT instrument_name": lambda: len(value_counts(connection, "amdadb", "instrument_name") or ()),
    }
    for what, ask in questions.items():
        started = time.perf_counter()
        answer = ask()
        yield what, (time.perf_counter() - started) * 1000, answer or 0


def main() -> None:
    table = Table("question", "ms", "rows", "indexes", "as expected")
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        connection.execute("SET search_path = pg_catalog")
        for one in ask_all(connection):
            used = ", ".join(name.removeprefix("epn_core_") for name in one.indexes)
            table.add_row(
                one.question.what,
                f"{one.milliseconds:.2f}",
                f"{one.rows:,.0f}",
                used,
                "yes" if one.is_indexed else "NO",
            )
        for what, milliseconds, answer in ask_counts(connection):
            table.add_row(what, f"{milliseconds:.2f}", f"{answer:,}", "counted by ingestion", "yes")
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
