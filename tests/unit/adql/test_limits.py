"""Queries made to be too much: they are refused or translated in proportion to their length, never more."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import time
from collections.abc import Callable

import pytest

from epntap.adql import translate
from epntap.errors import AdqlError
from tests.support.adql_sample import CATALOG


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


TOO_LARGE = "the query becomes too large here: it has more than 50000 parts"


def chain(levels: int, expression: str = "t + t", source: str = "{}") -> str:
    """Tables of WITH that compute a column from that of the one before."""
    tables = ["a0 AS (SELECT weight AS t FROM lab.parts)"]
    tables += [f"a{n} AS (SELECT {expression} AS t FROM {source.format(f'a{n - 1}')})" for n in range(1, levels + 1)]
    return f"WITH {', '.join(tables)} SELECT TOP 1 t FROM a{levels}"


def derived(levels: int, query: str = "SELECT t + t AS t FROM ({}) AS q") -> str:
    """The same by subqueries in FROM."""
    return nested(query, "SELECT weight AS t FROM lab.parts", levels)


#: PostgreSQL puts the expressions of subqueries in place of their columns: these double with every level
DOUBLING = {
    "WITH": chain(20),
    "derived tables": derived(20),
    "stars between": derived(
        10, "SELECT q.* FROM (SELECT t + t AS t FROM (SELECT * FROM ({}) AS o) AS p) AS q"
    ).replace("t + t", "t * t + t - t"),
    "functions": chain(20, "ATAN2(t, t)"),
    "functions that are copied": chain(12, "ABS(MOD(t, t) + ROUND(t, 1) + t)"),
    "CASE": chain(20, "CASE WHEN t > 1 THEN t ELSE 2.0 END"),
    "BETWEEN": chain(20, "CASE WHEN t BETWEEN 1 AND 2 THEN 1.0 ELSE 2.0 END"),
    "COALESCE": chain(20, "COALESCE(t, t)"),
    "text": chain(20, "t || t").replace("weight", "name"),
    "IN": chain(20, "CASE WHEN t IN (t, 1) THEN 1.0 ELSE 2.0 END"),
    "USING": chain(20, "t + t", "{} AS x JOIN (SELECT 1.0 AS t FROM lab.parts) AS y USING (t)"),
    "FULL JOIN": chain(20, "t + t", "{} AS x FULL JOIN (SELECT 1.0 AS t FROM lab.parts) AS y USING (t)"),
    "NATURAL": chain(20, "t + t", "{} AS x NATURAL JOIN (SELECT 1.0 AS t FROM lab.parts) AS y"),
    "UNION": derived(16, "SELECT t + t AS t FROM ({} UNION ALL SELECT weight FROM lab.parts) AS q"),
    "the right side of UNION": derived(16, "SELECT t + t AS t FROM (SELECT 1.0 AS t FROM lab.parts UNION ({})) AS q"),
    "GROUP BY": derived(20, "SELECT t + t AS t FROM ({}) AS q GROUP BY t + t"),
    "geometry": chain(12, "DISTANCE(POINT(t, t), POINT(1, t))"),
    "WHERE": f"SELECT 1 AS one FROM ({derived(14)}) AS q WHERE t > 1 AND t < 2 AND t <> 3 AND t <> 4",
    "ON": f"SELECT 1 AS one FROM ({derived(15)}) AS q JOIN lab.parts AS p ON p.weight = t",
    "HAVING": f"SELECT COUNT(*) FROM ({derived(14)}) AS q HAVING MIN(t) > 1 AND MAX(t) < 2",
    "ORDER BY": f"SELECT 1 AS one FROM ({derived(15)}) AS q ORDER BY t",
    "EXISTS": f"SELECT id FROM lab.parts WHERE EXISTS (SELECT t FROM ({derived(20)}) AS q)",
    "columns of columns": "SELECT " + ", ".join(["t"] * 1000) + f" FROM ({derived(8)}) AS q",
    "sides of UNION": "SELECT id FROM ("
    + " UNION ALL ".join(["SELECT id FROM lab.parts"] * 60)
    + ") AS q WHERE "
    + " OR ".join(["id = 1"] * 400),
}


@pytest.mark.parametrize("query", DOUBLING.values(), ids=DOUBLING.keys())
def test_what_would_grow_without_end_in_the_database_is_refused(query: str) -> None:
    with pytest.raises(AdqlError, match=TOO_LARGE) as caught:
        translate(query, CATALOG)
    assert len(caught.value.problems) == 1


def test_the_place_where_a_query_becomes_too_large_is_told() -> None:
    query = chain(20)
    with pytest.raises(AdqlError) as caught:
        translate(query, CATALOG)
    assert query[caught.value.problems[0].column - 1 :].startswith("t + t AS t FROM a13)")


MODEST = {
    "one by one": chain(60, "t + 1"),
    "a few doublings": chain(10),
    "columns of columns": derived(30, "SELECT q.* FROM ({}) AS q"),
    "a table through many levels": nested("SELECT * FROM ({}) AS q", "SELECT * FROM amdadb.epn_core", 25),
    "subqueries of subqueries": "SELECT id FROM lab.parts WHERE "
    + nested("EXISTS (SELECT id FROM lab.parts WHERE id = 1 AND {})", "id = 1", 20),
    "5000 alternatives": "SELECT id FROM lab.parts WHERE "
    + " OR ".join(f"(name = 'n{n}' AND id = {n})" for n in range(5000)),
}


@pytest.mark.parametrize("query", MODEST.values(), ids=MODEST.keys())
def test_what_grows_modestly_is_translated(query: str) -> None:
    translate(query, CATALOG)


@pytest.mark.parametrize("test", ["{} BETWEEN 1 AND 2", "{} IN (id, 1, 2)"])
def test_what_the_database_would_copy_without_end_is_refused(test: str) -> None:
    query = "SELECT " + nested(f"CASE WHEN {test} THEN 1 ELSE 2 END", "id", 20) + " FROM lab.parts"
    with pytest.raises(AdqlError, match=TOO_LARGE):
        translate(query, CATALOG)


def balanced(count: int) -> str:
    if count == 1:
        return "SELECT id FROM lab.parts"
    return f"({balanced(count // 2)}) UNION ALL ({balanced(count - count // 2)})"


REFUSED = {
    "characters": ("SELECT '" + "x" * 1_000_000 + "' FROM lab.parts", "the query has 1000024 characters, but at most"),
    "words": (
        "SELECT id FROM lab.parts WHERE " + " AND ".join(["id = 1"] * 50_000),
        "the query has more than 80000 words, literals and signs",
    ),
    "conditions": (
        "SELECT id FROM lab.parts WHERE " + " AND ".join(["id = 1"] * 18_000),
        TOO_LARGE,
    ),
    "tables of WITH": (
        "WITH " + ", ".join(f"a{n} AS (SELECT id FROM lab.parts)" for n in range(65)) + " SELECT id FROM a0",
        "more than 64 tables of WITH beside each other",
    ),
    "tables": (balanced(257), "the query has more than 256 tables and subqueries in FROM"),
    "columns": ("SELECT " + ", ".join(["id"] * 1665) + " FROM lab.parts", "a query gives at most 1664 columns"),
    "stars": (
        "SELECT *" + ", p.*" * 600 + " FROM lab.parts AS p",
        "a query gives at most 1664 columns",
    ),
}


@pytest.mark.parametrize(("query", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_queries_of_no_reasonable_length_are_refused(query: str, message: str) -> None:
    with pytest.raises(AdqlError, match=message) as caught:
        translate(query, CATALOG)
    assert len(str(caught.value)) < 250


def test_a_list_of_20000_long_strings_is_taken() -> None:
    items = ", ".join(f"'{n:030d}'" for n in range(20_000))
    result = translate(f"SELECT granule_uid FROM amdadb.epn_core WHERE granule_uid IN ({items})", CATALOG)
    (value,) = result.params.values()
    assert isinstance(value, list)
    assert len(value) == 20_000


#: as large as they may be, by the number of repetitions
LONG = {
    "AND": (16_000, lambda n: "SELECT id FROM lab.parts WHERE " + " AND ".join(["id = 1"] * n)),
    "OR": (16_000, lambda n: "SELECT id FROM lab.parts WHERE " + " OR ".join(f"name = '{i}'" for i in range(n))),
    "lists": (39_000, lambda n: "SELECT id FROM lab.parts WHERE id IN (" + ", ".join(["1"] * n) + ")"),
    "columns in lists": (39_000, lambda n: "SELECT id FROM lab.parts WHERE id IN (" + ", ".join(["id"] * n) + ")"),
    "hash lists": (6000, lambda n: "SELECT 1 AS o FROM amdadb.epn_core WHERE " + " OR ".join(["target_name='x'"] * n)),
    "times": (
        4000,
        lambda n: "SELECT 1 AS o FROM amdadb.epn_core WHERE " + " AND ".join(["time_min<1 AND time_max>2"] * n),
    ),
    "sums": (39_000, lambda n: "SELECT " + " + ".join(["id"] * n) + " FROM lab.parts"),
    "CASE": (8000, lambda n: "SELECT CASE " + "WHEN id = 1 THEN 2 " * n + "END FROM lab.parts"),
    "GROUP BY": (39_000, lambda n: "SELECT COUNT(*) FROM lab.parts GROUP BY " + ", ".join(["id"] * n)),
    "ORDER BY": (39_000, lambda n: "SELECT id, name AS a, name AS a FROM lab.parts ORDER BY " + ", ".join(["a"] * n)),
    "tables": (240, balanced),
    "names": (1600, lambda n: f"SELECT {', '.join(f'1 AS expr_{n + i}, 1' for i in range(n // 2))} FROM lab.parts"),
    "mistakes": (
        1600,
        lambda n: (
            f"SELECT {', '.join(f'wrong_{i}' for i in range(50))} FROM "
            f"(SELECT {', '.join(f'1 AS wring_{i}' for i in range(n))} FROM lab.parts) AS q"
        ),
    ),
}


@pytest.mark.parametrize(("count", "query"), LONG.values(), ids=LONG.keys())
def test_translation_takes_time_in_proportion(count: int, query: Callable[[int], str]) -> None:
    def seconds(text: str) -> float:
        # the least of three, without rounds of the garbage collector that objects of other tests make long
        taken = []
        gc.collect()
        gc.disable()
        for _ in range(3):
            started = time.process_time()
            with contextlib.suppress(AdqlError):
                translate(text, CATALOG)
            taken.append(time.process_time() - started)
        gc.enable()
        return min(taken)

    part = seconds(query(count // 8))
    whole = seconds(query(count))
    assert whole < 3  # at most 0.7 s on a quiet machine
    assert whole < 0.1 + 20 * part


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
