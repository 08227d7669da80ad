"""Conditions that indexes answer are added where they follow, and only there."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from epntap.adql import translate
from epntap.catalog.indexes import EPN_CORE_INDEXES, HASH_LIST_COLUMNS, LONG_DAYS
from tests.support.adql_sample import CATALOG

ADDED = "string_to_array(lower("


def statement(condition: str) -> str:
    return translate(f"SELECT granule_uid FROM amdadb.epn_core WHERE {condition}", CATALOG).statement.as_string(None)


def test_the_columns_are_those_that_have_the_index() -> None:
    indexed = {i.columns[0] for i in EPN_CORE_INDEXES if i.expression == "string_to_array(lower({0}), '#')"}
    assert indexed == set(HASH_LIST_COLUMNS)


@pytest.mark.parametrize(
    "condition",
    [
        "1 = ivo_hashlist_has(target_name, 'x')",
        "ivo_hashlist_has(lower(target_name), lower('x')) = 1",
        "obs_id = 'a' OR 1 = ivo_hashlist_has(target_name, 'x')",
        "target_name = 'x'",
        "'x' = target_name",
        "target_name IN ('x', 'y')",
    ],
)
def test_an_index_is_offered(condition: str) -> None:
    assert ADDED in statement(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "0 = ivo_hashlist_has(target_name, 'x')",
        "1 <> ivo_hashlist_has(target_name, 'x')",
        "1 = ivo_hashlist_has(obs_id, 'x')",  # no such index
        "1 = ivo_hashlist_has(target_name, obs_id)",  # no constant
        "1 = ivo_hashlist_has('x', target_name)",
        "target_name = 'x#y'",  # is no single item
        "target_name = ''",
        "target_name = 'É'",  # lower case depends on the database
        "target_name <> 'x'",
        "lower(target_name) = 'x'",
        "target_name NOT IN ('x', 'y')",
        "target_name LIKE 'x'",
    ],
)
def test_nothing_is_added_where_it_does_not_follow(condition: str) -> None:
    assert ADDED not in statement(condition)


def test_the_condition_of_the_user_is_always_there() -> None:
    assert "udf.ivo_hashlist_has(" in statement("1 = ivo_hashlist_has(target_name, 'x')")


def spans(query: str) -> list[str]:
    """The second interval of each predicate that was added, first the table that it is about."""
    text = translate(query, CATALOG).statement.as_string(None).replace('"', "").replace("::double precision", "")
    found = re.findall(r"udf.time_span\((\w+).time_min, \1.time_max\) && udf.time_span\((.*?)\)\)\) AND", text)
    return [f"{table}: {other}" for table, other in found]


def spans_of(condition: str) -> list[str]:
    return [
        found.removeprefix("e: ") for found in spans(f"SELECT e.obs_id FROM amdadb.epn_core AS e WHERE {condition}")
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("time_min <= 5 AND time_max >= 3", ["3, 5"]),
        ("3 < time_max AND 5 > time_min", ["3, 5"]),
        ("time_min >= 3 AND time_max <= 5", ["3, 5"]),
        ("time_min <= 5 AND obs_id = 'a' AND time_max >= 3 AND time_min >= 1", ["3, 5"]),
        ("(time_min <= 5 AND obs_id = 'a') AND time_max >= 3", ["3, 5"]),
        ("obs_id = 'a' OR (time_min <= 5 AND time_max >= 3)", ["3, 5"]),
        ("time_min < 5 AND time_max BETWEEN 3 AND 9", ["3, 5"]),
        ("time_min BETWEEN 3 AND 5 AND time_max BETWEEN 4 AND 6", ["4, 5"]),
        ("4 BETWEEN time_min AND time_max", ["4, 4"]),
        ("obs_id = 'a' OR 4 BETWEEN time_min AND time_max", ["4, 4"]),
        ("4 BETWEEN time_min AND time_max AND time_min <= 7", ["4, 4"]),
        ("time_min <= 5 + 1 AND time_max >= -3", ["((- 3)), ((5 + 1))"]),
        ("time_min <= 5 AND NOT time_max < 3", ["3, 5"]),
        ("NOT (time_min > 5 OR time_max < 3)", ["3, 5"]),
        ("NOT (NOT time_min <= 5 OR (time_max < 3 OR obs_id = 'a'))", ["3, 5"]),
        ("1 = ivo_interval_overlaps(time_min, time_max, 3, 5)", ["3, 5"]),
        ("1 = ivo_interval_overlaps(3, 5, time_min, time_max)", ["3, 5"]),
    ],
)
def test_an_overlap_of_times_is_offered(condition: str, expected: list[str]) -> None:
    assert spans_of(condition) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "time_min <= 5 OR time_max >= 3",
        "time_min <= 5 AND time_max <= 3",
        "time_min <= 5 AND time_min >= 3",
        "time_min <= 5 AND NOT time_max > 3",
        "NOT (time_min > 5 OR time_max = 3)",
        "time_min <= 5",
        "time_min <> 5 AND time_max >= 3",
        "4 NOT BETWEEN time_min AND time_max",
        "time_min BETWEEN 3 AND 5",
        "time_min <= RAND() AND time_max >= 3",  # would be another number
        "time_min <= c1max AND time_max >= 3",  # of the same row
        "time_min + 0 <= 5 AND time_max >= 3",
        "0 = ivo_interval_overlaps(time_min, time_max, 3, 5)",
        "c1min <= 5 AND c1max >= 3",
    ],
)
def test_no_overlap_of_times_is_offered_where_none_follows(condition: str) -> None:
    assert "time_span" not in statement(condition)


def test_an_overlap_serves_joins() -> None:
    query = "SELECT a.obs_id FROM amdadb.epn_core AS a JOIN {} ON {}"
    assert spans(
        query.format(
            "illu67p.epn_core AS b", "a.time_min <= b.time_max AND a.time_max >= b.time_min AND b.time_min < 9"
        )
    ) == ["a: b.time_min, b.time_max", "b: a.time_min, a.time_max"]
    assert spans(query.format("lab.parts AS p", "a.time_min <= p.weight + 1 AND p.weight <= a.time_max")) == [
        "a: p.weight, (p.weight + 1)"
    ]
    assert spans(
        query.format("lab.parts AS p", "a.time_min <= p.weight AND a.time_max >= p.weight")
        + " WHERE a.time_min < 9 AND a.time_max > 7"
    ) == ["a: p.weight, p.weight", "a: 7, 9"]


def test_aggregates_are_left_alone() -> None:
    query = "SELECT obs_id FROM amdadb.epn_core GROUP BY obs_id HAVING MIN(time_min) <= 5 AND MAX(time_max) >= 3"
    assert "time_span" not in translate(query, CATALOG).statement.as_string(None)


SHORT = replace(CATALOG, tables=tuple(replace(t, longest=1.0) if t.name == "epn_core" else t for t in CATALOG.tables))
_LONGEST = "SELECT nullif(max(value::double precision), 'Infinity') FROM udf.value_count"


@pytest.mark.parametrize(
    ("condition", "index_condition"),
    [
        ("time_min <= 5 AND time_max >= 3", f"(e.time_min >= coalesce(3 - ({_LONGEST}"),
        ("NOT (time_min > 5 OR time_max < 3)", f"(e.time_min >= coalesce(3 - ({_LONGEST}"),
        ("time_min >= 3 AND time_max <= 5", f"(e.time_min >= 3 AND e.time_min <= coalesce(5 + ({_LONGEST}"),
        ("4 BETWEEN time_min AND time_max", f"(e.time_min >= coalesce(4 - ({_LONGEST}"),
        ("1 = ivo_interval_overlaps(3, 5, time_min, time_max)", f"(e.time_min >= coalesce(3 - ({_LONGEST}"),
    ],
)
def test_where_no_row_is_long_an_overlap_is_a_range_of_starts(condition: str, index_condition: str) -> None:
    query = f"SELECT e.obs_id FROM amdadb.epn_core AS e WHERE {condition}"
    text = translate(query, SHORT).statement.as_string(None).replace('"', "").replace("::double precision)", ")")
    assert index_condition.replace("::double precision)", ")") in text.replace("::double precision ", " ")
    assert "time_span" not in text


def test_a_column_of_a_subquery_may_be_of_another_row() -> None:
    query = """
        SELECT q.obs_id
        FROM (SELECT a.obs_id, a.time_min, b.time_max FROM amdadb.epn_core AS a, amdadb.epn_core AS b) AS q
        WHERE q.time_min <= 5 AND q.time_max >= 3
    """
    text = translate(query, SHORT).statement.as_string(None)
    assert "time_span" in text
    assert "value_count" not in text


def test_where_rows_may_be_long_they_have_an_index_of_their_own() -> None:
    long = replace(SHORT, tables=tuple(replace(t, longest=LONG_DAYS + 1) for t in SHORT.tables))
    query = "SELECT obs_id FROM amdadb.epn_core WHERE time_min <= 5 AND time_max >= 3"
    assert translate(query, long).statement == translate(query, CATALOG).statement


@pytest.mark.parametrize(
    ("condition", "looked_in"),
    [
        ("granule_uid LIKE '%x%'", True),
        ("granule_uid ILIKE '_x%'", True),
        ("granule_uid LIKE 'x%'", False),  # by the primary key
        ("target_name LIKE 'x%'", True),
        ("target_name NOT LIKE '%x%'", True),
        ("target_name LIKE obs_id", False),
        ("obs_id LIKE '%x%'", False),  # no such index
        ("granule_uid = 'x'", False),
    ],
)
def test_parts_of_a_text_are_looked_for_in_the_words_of_its_index(condition: str, *, looked_in: bool) -> None:
    assert (" || '')" in statement(condition)) == looked_in


@pytest.mark.parametrize(
    ("condition", "added"),
    [
        ("creation_date > '2024-01-31T10:30:15'", [">= '2024-01-31T10:30:15'"]),
        ("'2024-01-31T10:30:15.500' <= creation_date", [">= '2024-01-31T10:30:15.5'"]),
        # a leap second is the first of the next minute
        ("creation_date >= '2017-01-01'", [">= '2016-12-31T23:59:60'"]),
        ("creation_date < '2024-01-31T10:30:15.50Z'", ["<= '2024-01-31T10:30:15.5~'"]),
        ("creation_date = '2024-01-31T10:30:15'", [">= '2024-01-31T10:30:15'", "<= '2024-01-31T10:30:15~'"]),
        (
            "creation_date BETWEEN '2017-01-01' AND '2018-01-01'",
            [">= '2016-12-31T23:59:60'", "<= '2018-01-01T00:00:00~'"],
        ),
        ("creation_date >= '0001-01-01'", []),
        ("creation_date > '2024-01-31T10:30:15.1234567'", []),
        ("creation_date <> '2024-01-31'", []),
        ("creation_date > modification_date", []),
        ("creation_date NOT BETWEEN '2017-01-01' AND '2018-01-01'", []),
    ],
)
def test_a_timestamp_is_compared_as_the_text_that_its_index_holds(condition: str, added: list[str]) -> None:
    result = translate(f"SELECT obs_id FROM amdadb.epn_core WHERE {condition}", CATALOG)
    text = result.statement.as_string(None)
    found = re.findall(r'"creation_date" COLLATE "C" (<=|>=) %\((\w+)\)s::text', text)
    assert [f"{operator} {result.params[name]!r}" for operator, name in found] == added
    assert "udf.dali_timestamp" in text
