"""What clients ask all day, at the size of the whole of amdadb: what answers, how many rows are read for it, how long.

python -m tests.bench.queries postgresql://… [SCHEMA]   (a database that publishes SCHEMA.epn_core, amdadb if not given)

The queries are ADQL and go the way of everybody's: translated by the catalogue of the database, run as the reader.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table as Listing

from epntap.adql import translate
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Catalog, Column, Table
from epntap.catalog.narrow.layout import GRANULES
from epntap.db.pool import Database, Role, connect
from tests.bench.validators import questions

__all__ = ["QUESTIONS", "Answer", "Question", "ask", "ask_with_intervals", "listing", "validator_questions"]

ROUNDS = 5
MAXREC = 20_000
#: where rows are: whole ones, or those of granules alone
_ROWS = ("epn_core", GRANULES)
_PREFIX = re.compile("^epn_core_(granule_(?!uid)|dataset_(?!id))?")
#: index of whole rows -> what answers in its place where granules and datasets are kept apart
_OF_NARROW = {"target_name_items": "times_by_dataset", "dataset_id": "times_by_dataset", "obs_id": "pkey"}
#: answered from counts and constraints alone
NO_ROWS: tuple[str, ...] = ()
#: what reads more rows than it finds
_DAY = "time_min <= 2455201.5 AND time_max >= 2455200.5"

#: intervals as a user uploads them
INTERVALS = Table(
    "tap_upload",
    "intervals",
    (
        Column("t1", "double", unit="d", pg_type="double precision"),
        Column("t2", "double", unit="d", pg_type="double precision"),
    ),
)


@dataclass(frozen=True)
class Question:
    """A query, and the indexes of which one must have answered it."""

    what: str
    query: str
    #: without the name of the table in front; NO_ROWS: the table must not be read; None: as the planner likes
    indexes: tuple[str, ...] | None


QUESTIONS = (
    Question(
        "portal: a day, a target, TOP 500",
        f"SELECT TOP 500 * FROM {{t}} WHERE {_DAY} AND 1 = ivo_hashlist_has(lower(target_name), lower('Earth'))",
        ("times", "target_name_items"),
    ),
    Question("all granules of one day", f"SELECT * FROM {{t}} WHERE {_DAY}", ("times",)),
    Question(
        "joined with 100 uploaded intervals",
        "SELECT COUNT(*) FROM {t} AS e JOIN TAP_UPLOAD.intervals AS u ON e.time_min <= u.t2 AND e.time_max >= u.t1",
        ("times",),
    ),
    Question(
        "one target, TOP 500",
        "SELECT TOP 500 * FROM {t} WHERE 1 = ivo_hashlist_has(lower(target_name), lower('Saturn'))",
        ("target_name_items",),
    ),
    Question("by granule_uid", "SELECT * FROM {t} WHERE granule_uid = 'ace-imf-all_20040214'", ("pkey",)),
    Question("granule_uid LIKE 'x%'", "SELECT * FROM {t} WHERE granule_uid LIKE 'ace-imf-all_2004%'", ("pkey",)),
    Question(
        "granule_uid LIKE '%x%'",
        "SELECT TOP 100 granule_uid, access_url FROM {t} WHERE granule_uid LIKE '%mag_200402%'",
        ("granule_uid_trigrams",),
    ),
    Question(
        "file_name ILIKE '%x%', none",
        "SELECT * FROM {t} WHERE file_name ILIKE '%unobtainium%'",
        ("file_name_trigrams",),
    ),
    Question(
        "a window ORDER BY time_min, TOP 100",
        "SELECT TOP 100 granule_uid, time_min FROM {t} WHERE time_min BETWEEN 2455200.5 AND 2455210.5"
        " ORDER BY time_min",
        ("times",),
    ),
    Question(
        "one dataset in a year",
        "SELECT * FROM {t} WHERE dataset_id = 'ace-imf-all' AND time_min BETWEEN 2453005.5 AND 2453371.5",
        ("dataset_id",),
    ),
    Question("by obs_id", "SELECT * FROM {t} WHERE obs_id = 'ace-imf-all_20040214'", ("obs_id",)),
    Question("MIN and MAX of time", "SELECT MIN(time_min), MAX(time_max) FROM {t}", ("times", "time_max")),
    Question(
        "changed since a day, TOP 1000 in order",
        "SELECT TOP 1000 granule_uid, modification_date FROM {t} WHERE modification_date >= '2100-01-01'"
        " ORDER BY modification_date",
        ("modification_date",),
    ),
    Question(
        "to be released, of one target",
        "SELECT granule_uid FROM {t} WHERE release_date > '2100-01-01T00:00:00' AND target_name = 'Earth'",
        ("release_date",),
    ),
    Question("the last ten that were made", "SELECT TOP 10 * FROM {t} ORDER BY creation_date DESC", ("creation_date",)),
    Question("COUNT(*)", "SELECT COUNT(*) FROM {t}", NO_ROWS),
    Question(
        "COUNT of one item of a hash list",
        "SELECT COUNT(*) FROM {t} WHERE 1 = ivo_hashlist_has(lower(target_name), lower('Saturn'))",
        NO_ROWS,
    ),
    Question("COUNT of lower(x) = 'y'", "SELECT COUNT(*) FROM {t} WHERE lower(target_name) = 'saturn'", NO_ROWS),
    Question("DISTINCT instrument_name", "SELECT DISTINCT instrument_name FROM {t}", NO_ROWS),
    Question(
        "GROUP BY target_name",
        "SELECT target_name, COUNT(*) AS n FROM {t} GROUP BY target_name ORDER BY n DESC",
        NO_ROWS,
    ),
    Question(
        "unselective COUNT, half of the rows",
        "SELECT COUNT(*) FROM {t} WHERE time_min <= 2465201.5 AND time_max >= 2454900.5",
        ("times",),
    ),
    Question(
        "COUNT of a month and a target",
        "SELECT COUNT(*) FROM {t} WHERE time_min <= 2455231.5 AND time_max >= 2455200.5"
        " AND 1 = ivo_hashlist_has(lower(target_name), lower('Earth'))",
        ("times", "time_max", "times_by_dataset"),
    ),
)


def validator_questions(table: Table) -> Iterator[Question]:
    """What a validator asks of a table, none of it by reading the table."""
    for query in questions(table):
        yield Question(f"validator: {query.replace(table.qualified_name, 't')}", query, None)


@dataclass(frozen=True)
class Answer:
    """How a question was answered."""

    question: Question
    #: translation, planning, execution and transfer, median
    milliseconds: float
    rows: int
    #: rows of the table that were looked at
    rows_read: int
    indexes: tuple[str, ...]

    @property
    def is_as_wanted(self) -> bool:
        """Whether one of the wanted indexes served, or no row was read where none is needed."""
        wanted = self.question.indexes
        if wanted is None:
            return True
        names = {_PREFIX.sub("", name) for name in self.indexes}
        instead = {_OF_NARROW[name] for name in wanted if name in _OF_NARROW}
        return bool(names.intersection(instead.union(wanted))) if wanted else self.rows_read == 0


def ask(database: Database, table: str, asked: Iterable[Question]) -> Iterator[Answer]:
    """Ask each question a few times, as a web process does."""
    with connect(database, Role.SERVICE) as service:
        catalog = load_catalog(service).with_tables([INTERVALS])
    with ask_with_intervals(database) as connection:
        for question in asked:
            yield _answer(psycopg.ClientCursor(connection), catalog, question, question.query.replace("{t}", table))


@contextmanager
def ask_with_intervals(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the reader, to which `INTERVALS` were uploaded."""
    with connect(database, Role.READER, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(
            "CREATE TEMPORARY TABLE intervals AS SELECT 2453100.5 + 5.0 * n AS t1, 2453100.75 + 5.0 * n AS t2"
            " FROM generate_series(1, 100) n"
        )
        connection.execute("ANALYZE intervals")
        connection.execute("SET default_transaction_read_only = on")
        yield connection


def _answer(cursor: psycopg.Cursor[Any], catalog: Catalog, question: Question, query: str) -> Answer:
    times, rows = [], 0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        translation = translate(query, catalog, row_limit=MAXREC + 1, schemas={"tap_upload": "pg_temp"})
        rows = len(cursor.execute(translation.statement, translation.params).fetchall())
        times.append((time.perf_counter() - started) * 1000)
    explain = sql.SQL("EXPLAIN (ANALYZE, FORMAT json, TIMING off) {}").format(translation.statement)
    found = cursor.execute(explain, translation.params).fetchone()
    assert found is not None
    nodes = [node for node in _nodes(found[0][0]["Plan"]) if node["Actual Loops"]]
    return Answer(
        question=question,
        milliseconds=statistics.median(times),
        rows=rows,
        rows_read=round(sum(map(_rows_read, nodes))),
        indexes=tuple(dict.fromkeys(node["Index Name"] for node in nodes if "Index Name" in node)),
    )


def _rows_read(node: dict[str, Any]) -> float:
    if node.get("Relation Name") not in _ROWS:
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def listing(answers: Iterable[Answer]) -> Listing:
    """The answers as a table for people."""
    table = Listing("question", "ms", "rows", "rows read", "indexes", "as wanted")
    for one in answers:
        used = ", ".join(name.removeprefix("epn_core_").replace("value_count_", "counts: ") for name in one.indexes)
        table.add_row(
            one.question.what,
            f"{one.milliseconds:.2f}",
            f"{one.rows:,}",
            f"{one.rows_read:,}",
            used.replace("counts: schema_name_column_name_value_key", "counts"),
            "yes" if one.is_as_wanted else "[bold red]NO[/]",
        )
    return table


def main() -> None:
    database, schema = Database(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "amdadb"
    with connect(database, Role.SERVICE) as connection:
        table = load_catalog(connection).table(schema, "epn_core")
    assert table is not None
    every = (*QUESTIONS, *validator_questions(table))
    Console(width=180).print(listing(ask(database, table.qualified_name, every)))


if __name__ == "__main__":
    main()
