"""Conditions that indexes answer are added where they follow, and only there."""

from __future__ import annotations

import pytest

from epntap.adql import translate
from epntap.adql.rewrite import HASH_LISTS
from epntap.catalog.publish import EPN_CORE_INDEXES
from tests.unit.adql.sample import CATALOG

ADDED = "string_to_array(lower("


def statement(condition: str) -> str:
    return translate(f"SELECT granule_uid FROM amdadb.epn_core WHERE {condition}", CATALOG).statement.as_string(None)


def test_the_columns_are_those_that_have_the_index() -> None:
    indexed = {i.columns[0] for i in EPN_CORE_INDEXES if i.expression == "string_to_array(lower({0}), '#')"}
    assert indexed == HASH_LISTS


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
