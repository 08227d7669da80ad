"""Fifty questions asked with pyvo, and the same answered by numpy over the rows as they are in the database."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import psycopg
import pytest
import pyvo
from psycopg.rows import dict_row

from epntap.db.pool import Database
from tests.support.answers_by_hand import QUESTIONS, Answer, E, Rows, Table
from tests.support.server import Server


@pytest.fixture(scope="module")
def rows(demo_database: Database) -> Rows:
    with psycopg.connect(demo_database.url, row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM amdadb.epn_core ORDER BY granule_uid").fetchall()


@pytest.fixture(scope="module")
def service(served: Server) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(served.tap)


def plain(value: Any) -> Any:
    """A value of astropy as Python has it, nulls as None."""
    if value is np.ma.masked:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if value == "" else value


def key(row: tuple[Any, ...]) -> list[tuple[bool, str]]:
    return [(value is None, str(value)) for value in row]


def assert_same(found: Table, expected: Table, *, ordered: bool) -> None:
    if not ordered:
        found, expected = sorted(found, key=key), sorted(expected, key=key)
    assert len(found) == len(expected)
    for left, right in zip(found, expected, strict=True):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            if isinstance(b, float) and a is not None:
                assert a == pytest.approx(b, rel=1e-12, abs=1e-12)
            else:
                assert a == b


@pytest.mark.parametrize(("query", "answer", "ordered"), QUESTIONS, ids=[query for query, _, _ in QUESTIONS])
def test_answer(service: pyvo.dal.TAPService, rows: Rows, query: str, answer: Answer, ordered: bool) -> None:
    result = service.search(query, maxrec=100_000).to_table()
    found = [tuple(plain(value) for value in row) for row in result.iterrows()]
    assert_same(found, list(answer(rows)), ordered=ordered)


def test_there_are_fifty() -> None:
    assert len(QUESTIONS) >= 50


def test_addresses_are_absolute(service: pyvo.dal.TAPService, served: Server) -> None:
    table = service.search(f"SELECT access_url, datalink_url FROM {E} WHERE access_url IS NOT NULL").to_table()
    assert all(str(url).startswith(f"{served.base}/data/") for url in table["access_url"])
    assert all(str(url).startswith(f"{served.base}/datalink/links?ID=") for url in table["datalink_url"])


def test_the_examples_are_found_by_pyvo_and_run(service: pyvo.dal.TAPService) -> None:
    examples = service.examples
    assert len(examples) >= 6
    for example in examples:
        assert len(example.execute().to_table()) > 0, example["QUERY"]
