"""Questions that clients and validators ask all day are answered without reading tables, at any size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epntap.catalog.load import load_catalog
from epntap.catalog.model import Table
from epntap.db.pool import Database, Role, connect
from tests.bench.granules import fill
from tests.bench.queries import NO_ROWS, QUESTIONS, ask, validator_questions
from tests.support.databases import clone_database, drop_database

ROWS = 20_000


@pytest.fixture(scope="module")
def filled(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """A service of 20 000 granules."""
    database = clone_database(postgres_server, "plans", template_database)
    fill(database, ROWS)
    yield database
    drop_database(postgres_server, database)


def tables(database: Database) -> list[Table]:
    with connect(database, Role.SERVICE) as connection:
        return [table for table in load_catalog(connection).tables if table.name == "epn_core"]


def test_validators_read_no_table(filled: Database, demo_database: Database) -> None:
    asked = 0
    for database in (filled, demo_database):
        for table in tables(database):
            answers = list(ask(database, table.qualified_name, validator_questions(table)))
            # a few granules that are kept apart from their datasets are read sooner than an index is looked into
            most = 100 if table.narrow else 1
            assert [one.question.query for one in answers if one.rows_read > most] == [], table.qualified_name
            asked += len(answers)
    assert asked > 100


def test_counts_read_no_table(filled: Database) -> None:
    counted = [question for question in QUESTIONS if question.indexes == NO_ROWS]
    answers = list(ask(filled, "bench.epn_core", counted))
    assert [one.question.what for one in answers if one.rows_read] == []
    assert [one.rows > 0 for one in answers] == [True] * len(counted)


def test_what_is_looked_for_is_found_by_its_index(filled: Database) -> None:
    by_index = [question for question in QUESTIONS if question.indexes and "COUNT, half" not in question.what]
    for one in ask(filled, "bench.epn_core", by_index):
        assert one.rows_read < ROWS or one.is_as_wanted, one.question.what
