"""Which queries are answered from the counts that ingestion keeps, and which never are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from epntap.adql import counted as module
from epntap.adql import translate
from epntap.archive.kept import counts
from epntap.catalog.model import Catalog, Column, Table
from tests.support.adql_sample import CATALOG

COUNTED = frozenset({"*", "target_name", "processing_level", "time_sampling_step_min", "s_region", "creation_date"})


def _counted(table: Table) -> Table:
    return replace(table, counted=COUNTED) if table.qualified_name == "amdadb.epn_core" else table


WITH_COUNTS = replace(CATALOG, tables=tuple(map(_counted, CATALOG.tables)))


def statement(query: str, catalog: Catalog = WITH_COUNTS) -> str:
    return translate(query, catalog, row_limit=20_001).statement.as_string(None)


def test_both_sides_have_the_same_word_for_all_rows() -> None:
    assert module.ALL_ROWS == counts.ALL_ROWS


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT(*) FROM amdadb.epn_core",
        "SELECT COUNT (*) FROM amdadb.epn_core",
        'select count(*) from "amdadb"."epn_core"',
        "SELECT COUNT(*) AS nrow FROM amdadb.epn_core AS t",
        "SELECT COUNT(*) FROM amdadb.epn_core WHERE 1 = ivo_hashlist_has(lower(target_name), lower('Mars'))",
        "SELECT COUNT(*) FROM amdadb.epn_core WHERE ivo_hashlist_has(target_name, 'Mars') = 1",
        "SELECT COUNT(*) FROM amdadb.epn_core WHERE lower(target_name) = 'mars'",
        "SELECT COUNT(*) FROM amdadb.epn_core e WHERE e.target_name = 'Mars' OR e.target_name LIKE '%ct%'",
        "SELECT COUNT(*), COUNT(target_name), COUNT(DISTINCT target_name) FROM amdadb.epn_core",
        "SELECT MIN(processing_level), MAX(processing_level) FROM amdadb.epn_core",
        "SELECT DISTINCT target_name FROM amdadb.epn_core",
        "SELECT DISTINCT TOP 2 target_name FROM amdadb.epn_core WHERE target_name IS NOT NULL",
        "SELECT target_name, COUNT(*) n FROM amdadb.epn_core GROUP BY target_name HAVING COUNT(*) > 1 ORDER BY n DESC",
        "SELECT upper(target_name), COUNT(*) FROM amdadb.epn_core GROUP BY upper(target_name) ORDER BY COUNT(*)",
        "SELECT COUNT(*) FROM (SELECT DISTINCT target_name FROM amdadb.epn_core) AS q",
        "WITH q AS (SELECT DISTINCT target_name FROM amdadb.epn_core) SELECT * FROM q",
        "SELECT COUNT(*) FROM amdadb.epn_core UNION SELECT COUNT(*) FROM illu67p.epn_core",
        "SELECT TOP 1 target_name FROM amdadb.epn_core WHERE target_name IS NULL",
        "SELECT DISTINCT creation_date FROM amdadb.epn_core",
    ],
)
def test_counts_answer(query: str) -> None:
    assert "udf.value_count" in statement(query)
    assert "udf.value_count" not in statement(query, CATALOG)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT(*) FROM illu67p.epn_core",  # nobody counts them
        "SELECT COUNT(*) FROM lab.things",
        "SELECT DISTINCT granule_uid FROM amdadb.epn_core",  # not this column
        "SELECT target_name FROM amdadb.epn_core",  # any rows
        "SELECT * FROM amdadb.epn_core WHERE target_name = 'Mars'",
        "SELECT granule_uid FROM amdadb.epn_core WHERE target_name = 'Mars'",
        "SELECT COUNT(*) FROM amdadb.epn_core WHERE target_name = 'Mars' AND processing_level = 3",  # two columns
        "SELECT target_name, processing_level, COUNT(*) FROM amdadb.epn_core GROUP BY target_name, processing_level",
        "SELECT COUNT(*) FROM amdadb.epn_core WHERE target_name = 'Mars' AND rand() < 0.5",  # for each row
        "SELECT SUM(processing_level) FROM amdadb.epn_core",  # of all rows
        "SELECT AVG(processing_level), COUNT(*) FROM amdadb.epn_core",
        "SELECT COUNT(*) FROM amdadb.epn_core a, amdadb.epn_core b WHERE a.target_name = b.target_name",
        "SELECT COUNT(*) FROM amdadb.epn_core WHERE target_name IN (SELECT name FROM lab.things)",
        "SELECT COUNT(*) FROM amdadb.epn_core a WHERE EXISTS (SELECT 1 FROM lab.things t WHERE t.name = a.target_name)",
        "SELECT id FROM lab.things t WHERE EXISTS (SELECT COUNT(*) FROM amdadb.epn_core WHERE target_name = t.name)",
    ],
)
def test_rows_answer(query: str) -> None:
    assert "udf.value_count" not in statement(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT(*) FROM amdadb.epn_core",
        "SELECT target_name, COUNT(*) AS n, MAX(target_name) FROM amdadb.epn_core GROUP BY target_name",
        "SELECT DISTINCT creation_date FROM amdadb.epn_core",
        "SELECT TOP 3 time_sampling_step_min AS t FROM amdadb.epn_core WHERE time_sampling_step_min > 1",
    ],
)
def test_the_columns_of_the_answer_stay_what_they_are(query: str) -> None:
    assert translate(query, WITH_COUNTS).columns == translate(query, CATALOG).columns
    assert translate(query, WITH_COUNTS).tables == translate(query, CATALOG).tables


@pytest.mark.parametrize("column", [{"collation": "de_DE"}, {"pg_type": "numeric(10,2)"}, {"pg_type": "spoly"}])
def test_only_values_that_are_their_text_come_from_counts(column: dict[str, str]) -> None:
    table = Table("amdadb", "epn_core", (Column("x", "char", "*", **column),), counted=frozenset({"*", "x"}))  # type: ignore[arg-type]  # fields by name
    assert "udf.value_count" not in statement("SELECT DISTINCT x FROM amdadb.epn_core", Catalog(tables=(table,)))


def test_text_is_ordered_as_in_the_table() -> None:
    table = Table("amdadb", "epn_core", (Column("x", "char", "*", collation="C"),), counted=frozenset({"x"}))
    query = "SELECT DISTINCT x FROM amdadb.epn_core ORDER BY x"
    assert 'value::text COLLATE "C"' in statement(query, Catalog(tables=(table,)))
