"""What a plan of the database is called in words."""

from __future__ import annotations

from typing import Any

import pytest

from epntap.catalog.model import Catalog, Table
from epntap.db.rows.plan import LONG_COST
from epntap.tap.query.explain import Explanation, explanation

CATALOG = Catalog(tables=(Table("lab", "parts", (), rows=3_877_980),))


def scan(kind: str = "Seq Scan", rows: float = 1000, name: str = "lab.parts") -> dict[str, Any]:
    schema, _, relation = name.partition(".")
    return {"Node Type": kind, "Schema": schema, "Relation Name": relation, "Plan Rows": rows, "Total Cost": 10.0}


def node(kind: str, *below: dict[str, Any], rows: float = 10, cost: float = 10.0) -> dict[str, Any]:
    return {"Node Type": kind, "Plan Rows": rows, "Total Cost": cost, "Plans": list(below)}


def told(plan: dict[str, Any], maxrec: int = 1000) -> Explanation:
    return explanation("SELECT", plan, CATALOG, maxrec=maxrec, timeout_s=60)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (scan(), "It reads the whole table lab.parts of 3,877,980 rows."),
        (scan("Index Only Scan", 12), "It reads an index of lab.parts, about 12 rows."),
        (node("Gather", scan("Parallel Index Scan", 1)), "It reads an index of lab.parts, about 1 row."),
        (node("Limit", scan(rows=1000), rows=10), "It reads lab.parts from its beginning until it has enough rows."),
        (node("Limit", scan(rows=5), rows=10), "It reads the whole table lab.parts of 3,877,980 rows."),
        (node("Limit", node("Sort", scan()), rows=10), "It reads the whole table lab.parts of 3,877,980 rows."),
        (scan(name="pg_temp_7.mine"), "It reads the uploaded table TAP_UPLOAD.mine."),
        (scan(name="archive.value_count"), "It reads the counts that ingestion keeps, not the rows."),
        (scan(name="archive.dataset"), "It reads the catalogue of datasets."),
        (node("Result"), "It reads no table."),
    ],
)
def test_each_way_of_reading_has_a_sentence(plan: dict[str, Any], sentence: str) -> None:
    assert told(plan).sentences[1] == sentence


def test_what_is_read_only_where_nobody_has_counted_is_not_told() -> None:
    guard = {**scan(name="archive.value_count"), "Parent Relationship": "InitPlan"}
    plan = node("Append", scan(name="archive.value_count"), node("Limit", guard, scan()))
    assert told(plan).sentences[1:-1] == ("It reads the counts that ingestion keeps, not the rows.",)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (1, "About one row is expected."),
        (1000, "About 1,000 rows are expected."),
        (1001, "More than 1,000 rows are expected: the answer ends there (MAXREC)."),
    ],
)
def test_rows_beyond_the_limit_are_said(rows: int, sentence: str) -> None:
    assert told(node("Result", rows=rows)).sentences[0] == sentence


@pytest.mark.parametrize(
    ("seconds", "sentence", "is_long"),
    [
        (0.01, "It takes less than a tenth of a second.", False),
        (0.44, "It takes about 0.4 s.", False),
        (14.7, "It takes roughly 10 s.", False),
        (37, "It takes roughly 40 s.", True),
        (1300, "It takes roughly 20 minutes.", True),
    ],
)
def test_time_is_told_as_roughly_as_it_is_known(seconds: float, sentence: str, is_long: bool) -> None:
    found = told(node("Result", cost=seconds * LONG_COST))
    assert found.sentences[2] == sentence
    assert found.is_long is is_long
    assert found.sentences[-1].endswith("run this one as a job, or narrow it.") is is_long
