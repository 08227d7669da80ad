"""Conditions that indexes answer are added where they follow, and only there."""

from __future__ import annotations

import re

import pytest

from epntap.adql import translate
from epntap.adql.rewrite import HASH_LISTS, OVERLAP
from epntap.catalog import indexes
from epntap.catalog.indexes import EPN_CORE_INDEXES
from tests.support.adql_sample import CATALOG

ADDED = "string_to_array(lower("


def statement(condition: str) -> str:
    return translate(f"SELECT granule_uid FROM amdadb.epn_core WHERE {condition}", CATALOG).statement.as_string(None)


def test_the_columns_are_those_that_have_the_index() -> None:
    indexed = {i.columns[0] for i in EPN_CORE_INDEXES if i.expression == "string_to_array(lower({0}), '#')"}
    assert indexed == HASH_LISTS
    assert frozenset(indexes.HASH_LIST_COLUMNS) == HASH_LISTS


def test_times_are_asked_for_in_the_words_of_the_index() -> None:
    assert OVERLAP == indexes.OVERLAP


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
    found = re.findall(r"udf.time_span\((\w+).time_min, \1.time_max\) && udf.time_span\((.*?)\)\) AND", text)
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
        ("time_min >= 3 AND time_max <= 5", ["5, 3"]),
        ("time_min <= 5 AND obs_id = 'a' AND time_max >= 3 AND time_min >= 1", ["3, 5"]),
        ("(time_min <= 5 AND obs_id = 'a') AND time_max >= 3", ["3, 5"]),
        ("obs_id = 'a' OR (time_min <= 5 AND time_max >= 3)", ["3, 5"]),
        ("time_min < 5 AND time_max BETWEEN 3 AND 9", ["3, 5"]),
        ("time_min BETWEEN 3 AND 5 AND time_max BETWEEN 4 AND 6", ["4, 5"]),
        ("4 BETWEEN time_min AND time_max", ["4, 4"]),
        ("obs_id = 'a' OR 4 BETWEEN time_min AND time_max", ["4, 4"]),
        ("4 BETWEEN time_min AND time_max AND time_min <= 7", ["4, 4"]),
        ("time_min <= 5 + 1 AND time_max >= -3", ["((- 3)), ((5 + 1))"]),
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
        "time_min <= 5 AND NOT time_max < 3",
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
    ) == ["a: b.time_min, b.time_max"]
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
