"""Services that keep what the rows of a dataset share once: the same answers, whatever happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from epntap.adql import translate
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Catalog
from epntap.catalog.narrow.tables import is_narrow
from epntap.db.pool import Database, Role, connect
from ingest.definition.storage import Storage
from ingest.demo.archive import write_sample_archive
from ingest.pipeline import ingest_service
from tests.bench.queries import INTERVALS, QUESTIONS, validator_questions
from tests.support.answers_by_hand import QUESTIONS as ADQL_QUESTIONS
from tests.support.databases import clone_database, drop_database
from voserver.operating.demo import demo_definition

NOW = datetime.fromisoformat("2026-01-31T10:00:00")
E = "amdadb.epn_core"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample archive, to be read."""
    root = tmp_path_factory.mktemp("samples")
    write_sample_archive(root)
    return root


@pytest.fixture(scope="module")
def both(postgres_server: Database, template_database: str, files: Path) -> Iterator[dict[Storage, Database]]:
    """The same archive, kept in both ways."""
    found = {}
    for storage in Storage:
        found[storage] = clone_database(postgres_server, storage.value, template_database)
        ingest_service(replace(demo_definition(files), storage=storage), found[storage], now=NOW)
    yield found
    for database in found.values():
        drop_database(postgres_server, database)


def ask(connection: psycopg.Connection[Any], catalog: Catalog, query: str) -> list[tuple[Any, ...]]:
    translation = translate(query, catalog, schemas={"tap_upload": "pg_temp"})
    return psycopg.ClientCursor(connection).execute(translation.statement, translation.params).fetchall()


def asked(database: Database, queries: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    with connect(database, Role.SERVICE) as service:
        catalog = load_catalog(service).with_tables([INTERVALS])
    with connect(database, Role.READER, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(
            "CREATE TEMPORARY TABLE intervals AS SELECT 2457750.5 + n AS t1, 2457750.75 + n AS t2"
            " FROM generate_series(1, 20) n"
        )
        return {query: ask(connection, catalog, query) for query in queries}


def trial(database: Database) -> list[str]:
    with connect(database, Role.SERVICE) as service:
        table = load_catalog(service).table("amdadb", "epn_core")
    assert table is not None
    typical = [question.query.replace("{t}", E) for question in QUESTIONS]
    return [*typical, *(q.query for q in validator_questions(table)), *(query for query, _, _ in ADQL_QUESTIONS)]


def test_it_is_narrow(both: dict[Storage, Database]) -> None:
    for storage, database in both.items():
        with connect(database, Role.OWNER) as connection:
            assert is_narrow(connection, "amdadb") is (storage is Storage.NARROW)


def test_all_questions_have_the_same_answers(both: dict[Storage, Database]) -> None:
    queries = trial(both[Storage.WIDE])
    wide, narrow = (asked(both[storage], queries) for storage in (Storage.WIDE, Storage.NARROW))
    assert len(queries) > 100
    for query in queries:
        if "TOP" in query and "ORDER BY" not in query:
            assert len(narrow[query]) == len(wide[query]), query
        else:
            assert sorted(map(repr, narrow[query])) == sorted(map(repr, wide[query])), query
