"""Queries made to be too much: they are refused or translated in proportion to their length, never more."""

from __future__ import annotations

import sys
import threading

import pytest

from epntap.adql import translate
from epntap.errors import AdqlError
from tests.unit.adql.sample import CATALOG


def nested(template: str, inner: str, depth: int) -> str:
    for _ in range(depth):
        inner = template.format(inner)
    return inner


DEEP = {
    "parentheses": "SELECT " + nested("({} + 1)", "id", 30) + " FROM lab.parts",
    "functions": "SELECT " + nested("ABS({})", "id", 60) + " FROM lab.parts",
    "conditions": "SELECT id FROM lab.parts WHERE " + nested("NOT ({} AND id = 1)", "id = 1", 20),
    "case": "SELECT " + nested("CASE WHEN id = 1 THEN {} END", "id", 60) + " FROM lab.parts",
    "case of a value": "SELECT " + nested("CASE {} WHEN 1 THEN 1 WHEN 2 THEN 2 END", "id", 60) + " FROM lab.parts",
    "exists": "SELECT id FROM lab.parts WHERE " + nested("EXISTS (SELECT id FROM lab.parts WHERE {})", "id = 1", 15),
    "derived tables": nested("SELECT id FROM ({}) AS q", "SELECT id FROM lab.parts", 15),
    "set operations": nested("({}) UNION SELECT id FROM lab.parts", "SELECT id FROM lab.parts", 30),
    "joins": "SELECT a0.id FROM lab.parts a0"
    + "".join(f" JOIN lab.parts a{n} ON a{n}.id = a0.id" for n in range(1, 60)),
    "natural joins": "SELECT id FROM lab.parts" + "".join(f" NATURAL JOIN lab.parts a{n}" for n in range(60)),
    "unions": "SELECT id FROM lab.parts" + " UNION SELECT id FROM lab.parts" * 60,
    "centroids": "SELECT " + nested("CENTROID(CIRCLE({}, 1))", "POINT(1, 2)", 25) + " FROM lab.parts",
    "polygons": "SELECT " + nested("CENTROID(POLYGON({0}, {0}, POINT(1, 2)))", "POINT(1, 2)", 6) + " FROM lab.parts",
    "overlaps": "SELECT " + nested("ivo_interval_overlaps({}, 1, 1, 1)", "1", 55) + " FROM lab.parts",
}


@pytest.mark.parametrize("query", DEEP.values(), ids=DEEP.keys())
def test_deep_queries_need_little_stack_and_grow_in_proportion(query: str) -> None:
    """As in a request: below a few dozen frames of the server, with half of the stack to spare."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(translate(query, CATALOG))
        except AdqlError as exc:
            outcome.append(exc)

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(700)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(before)
    (result,) = outcome
    assert not isinstance(result, AdqlError), result
    assert len(result.statement.as_string(None)) < 40 * len(query)  # type: ignore[attr-defined]


@pytest.mark.parametrize("test", ["{} BETWEEN 1 AND 2", "{} IN (id, 1, 2)"])
def test_what_the_database_would_copy_without_end_is_refused(test: str) -> None:
    query = "SELECT " + nested(f"CASE WHEN {test} THEN 1 ELSE 2 END", "id", 20) + " FROM lab.parts"
    with pytest.raises(AdqlError, match="the query becomes too large here"):
        translate(query, CATALOG)


def test_a_chain_of_subqueries_that_doubles_is_refused() -> None:
    steps = ", ".join(f"a{n} AS (SELECT t + t AS t FROM a{n - 1})" for n in range(1, 25))
    with pytest.raises(AdqlError, match="the query becomes too large here"):
        translate(f"WITH a0 AS (SELECT weight AS t FROM lab.parts), {steps} SELECT TOP 1 t FROM a24", CATALOG)
    derived = "SELECT weight AS t FROM lab.parts"
    for n in range(24):
        derived = f"SELECT t + t AS t FROM ({derived}) AS x{n}"
    with pytest.raises(AdqlError, match="the query becomes too large here"):
        translate(derived, CATALOG)


def test_an_ordinary_condition_may_hold_a_long_list_of_columns() -> None:
    items = ", ".join(["id", "weight"] * 2000)
    translate(f"SELECT id FROM lab.parts WHERE id IN ({items})", CATALOG)


def test_repeated_mistakes_are_reported_up_to_a_limit() -> None:
    items = ", ".join(f"wrong{n}" for n in range(1000))
    with pytest.raises(AdqlError) as caught:
        translate(f"SELECT {items} FROM lab.parts", CATALOG)
    assert len(caught.value.problems) == 50


def test_a_thousand_columns_in_every_clause() -> None:
    items = ", ".join(f"id + {n}" for n in range(1000))
    translate(f"SELECT {items} FROM lab.parts GROUP BY {items} ORDER BY {items}", CATALOG)


def test_sides_of_different_width_are_refused_whatever_their_columns() -> None:
    query = "SELECT * FROM amdadb.epn_core UNION SELECT granule_uid FROM amdadb.epn_core"
    with pytest.raises(AdqlError, match="UNION needs the same number of columns on both sides"):
        translate(query, CATALOG)
