"""Answers from the counts of ingestion are those that the rows give, whatever happens to the rows meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.adql import translate
from epntap.archive.kept.counts import is_as_ingested, write_value_counts
from epntap.catalog.load import CatalogCache, load_catalog
from epntap.catalog.model import Catalog
from epntap.db.pool import Database, Role, connect
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, WIDE, cdf, definition, record
from tests.support.databases import clone_database, drop_database
from tests.support.examples import examples

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
JOINED = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')
TABLE = "plasma.epn_core"

#: of each type, counted and not, with NULL and without
COLUMNS = (
    "target_name", "target_class", "dataset_id", "instrument_name", "measurement_type", "access_format", "s_region",
    "processing_level", "time_sampling_step_min", "c1min", "creation_date", "modification_date", "service_title",
    "granule_uid", "time_min", "publisher", "external_link", "datalink_url",
)  # fmt: skip
TEXT = tuple(c for c in COLUMNS if c not in ("processing_level", "time_sampling_step_min", "c1min", "time_min",
                                             "creation_date", "modification_date"))  # fmt: skip
WORDS = ("Jupiter", "jupiter", "Earth", "planet", "syn-mag", "application/x-cdf", "", "nothing", "a#b", "It''s", "%")
#: queries about a column {c}, a condition {w}; every row of an answer is determined
FORMS = (
    "SELECT COUNT(*) FROM {t}{w}",
    "SELECT COUNT (*) AS nrow FROM {t}{w}",
    "SELECT COUNT({c}) AS a, COUNT(DISTINCT {c}) AS b, MIN({c}) AS c, MAX({c}) AS d FROM {t}{w}",
    "SELECT DISTINCT {c} FROM {t}{w}",
    "SELECT {c} FROM {t}{w} GROUP BY {c}",
    "SELECT {c}, COUNT(*) AS n FROM {t}{w} GROUP BY {c}",
    "SELECT {c}, COUNT(*) FROM {t}{w} GROUP BY {c} HAVING COUNT(*) > 3 AND COUNT({c}) < 100",
    "SELECT COUNT(*) AS n FROM (SELECT DISTINCT {c} FROM {t}{w}) AS q",
    "SELECT {c} FROM {t}{w}",
)
CONDITIONS = (
    "{c} IS NULL", "{c} IS NOT NULL", "{c} = '{x}'", "lower({c}) = '{x}'", "lower({c}) = lower('{x}')", "'{x}' <> {c}",
    "1 = ivo_hashlist_has(lower({c}), lower('{x}'))", "ivo_hashlist_has({c}, '{x}') = 1", "{c} LIKE '{x}%'",
    "{c} LIKE '%{x}%'", "{c} ILIKE '%{x}%'", "{c} NOT IN ('{x}', 'Earth')", "{c} BETWEEN 'A' AND 'Z'", "{c} >= '{x}'",
    "1 = ivo_hashlist_has({c}, '{x}') OR NOT {c} = 'Earth'",
)  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two datasets of ten days each, and files of three days of the first."""
    return _fill(tmp_path)


def _fill(root: Path) -> Path:
    record(root, "syn-mag")
    record(root, "syn-mom", region="Jupiter")
    for day in (2, 3, 4):
        cdf(root / f"cdf/syn_mag_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00")
    return root


def ingest(database: Database, root: Path, *parts: str, now: datetime = FIRST) -> None:
    ingest_service(definition(root, *parts, *JOINED), database, now=now)


def change(root: Path) -> None:
    """One file goes, one comes, one is replaced, and a description covers other days and another target."""
    (root / "cdf/syn_mag_20010102_v01.cdf").unlink()
    cdf(root / "cdf/syn_mag_20010107_v01.cdf", "2001-01-07T00:00:00")
    record(root, "syn-mom", stop="2001-01-08T00:00:00Z", region="Saturn")


@pytest.fixture(scope="module")
def states(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, ...]]:
    """The same service after its first ingestion, and after another that found changes."""
    databases = []
    for is_changed in (False, True):
        database = clone_database(postgres_server, "counted", template_database)
        root = _fill(tmp_path_factory.mktemp("counted"))
        ingest(database, root)
        if is_changed:
            change(root)
            ingest(database, root, now=datetime.fromisoformat("2026-02-01T10:00:00"))
        databases.append(database)
    yield tuple(databases)
    for database in databases:
        drop_database(postgres_server, database)


def catalogues(database: Database) -> tuple[Catalog, Catalog]:
    """The catalogue, and what it is where nothing is counted."""
    with connect(database, Role.SERVICE) as connection:
        catalog = load_catalog(connection)
    return catalog, replace(catalog, tables=tuple(replace(t, counted=frozenset()) for t in catalog.tables))


def answer(connection: psycopg.Connection[tuple[Any, ...]], query: str, catalog: Catalog) -> tuple[object, ...]:
    """Columns, types in the database, and rows in any order."""
    translation = translate(query, catalog, row_limit=100_001)
    cursor = connection.execute(translation.statement, translation.params)
    types = [(column.name, column.type_code) for column in cursor.description or ()]
    return translation.columns, types, sorted(map(repr, cursor.fetchall()))


def is_counted(query: str, catalog: Catalog) -> bool:
    return "udf.value_count" in translate(query, catalog, row_limit=9).statement.as_string(None)


@st.composite
def queries(draw: st.DrawFn) -> str:
    column = draw(st.sampled_from(COLUMNS))
    qualifier = draw(st.sampled_from(("", "e.")))
    name = qualifier + column
    where = ""
    if column in TEXT:
        parts = draw(st.lists(st.sampled_from(CONDITIONS), max_size=2))
        where = draw(st.sampled_from((" AND ", " OR "))).join(
            part.format(c=name, x=draw(st.sampled_from(WORDS))) for part in parts
        )
    elif draw(st.booleans()):
        where = f"{name} IS {draw(st.sampled_from(('', 'NOT ')))}NULL"
    return draw(st.sampled_from(FORMS)).format(
        c=name, t=TABLE + (" AS e" if qualifier else ""), w=f" WHERE {where}" if where else ""
    )


@pytest.mark.hypothesis
def test_random_queries_have_one_answer(states: tuple[Database, ...]) -> None:
    asked: list[bool] = []
    with connect(states[0], Role.READER) as first, connect(states[1], Role.READER) as second:
        sides = [(c, *catalogues(d)) for c, d in zip((first, second), states, strict=True)]

        @settings(max_examples=examples(400), suppress_health_check=list(HealthCheck))
        @given(queries())
        def compare(query: str) -> None:
            for connection, counted, plain in sides:
                asked.append(is_counted(query, counted))
                assert answer(connection, query, counted) == answer(connection, query, plain), query

        compare()
    assert sum(asked) > len(asked) / 3
    assert not all(asked)


def test_every_column_has_the_values_that_are_counted(states: tuple[Database, ...]) -> None:
    for database in states:
        counted, plain = catalogues(database)
        table = counted.table("plasma", "epn_core")
        assert table is not None
        used = 0
        with connect(database, Role.READER) as connection:
            for column in table.columns:
                query = f"SELECT {column.name}, COUNT(*) AS n FROM {TABLE} GROUP BY {column.name}"
                used += is_counted(query, counted)
                assert answer(connection, query, counted) == answer(connection, query, plain)
        assert used > len(table.columns) / 2


def test_counts_that_were_taken_back_are_not_missed(database: Database, archive: Path) -> None:
    ingest(database, archive, WIDE)
    counted, _ = catalogues(database)
    with connect(database, Role.SERVICE, autocommit=True) as service:
        service.execute("UPDATE plasma.epn_core SET target_name = 'Vulcan' WHERE dataset_id = 'syn-mom'")
    asked = ("SELECT COUNT(*) FROM plasma.epn_core WHERE target_name = 'Vulcan'",
             "SELECT TOP 1 target_name FROM plasma.epn_core WHERE target_name = 'Vulcan'",
             "SELECT COUNT(*) FROM plasma.epn_core")  # fmt: skip
    with connect(database, Role.READER, autocommit=True) as reader:
        # a catalogue of before still says that values are counted
        assert [answer(reader, query, counted)[2] for query in asked] == [["(10,)"], ["('Vulcan',)"], ["(20,)"]]
        with connect(database, Role.SERVICE, autocommit=True) as service:
            service.execute("DELETE FROM plasma.epn_core")
        assert [answer(reader, query, counted)[2] for query in asked] == [["(0,)"], [], ["(0,)"]]
    # the next ingestion counts again
    ingest(database, archive, WIDE)
    assert all(is_counted(query, catalogues(database)[0]) for query in asked)


def test_rows_that_were_changed_by_hand_are_mended_and_counted(database: Database, archive: Path) -> None:
    ingest(database, archive, WIDE)
    with connect(database, Role.SERVICE, autocommit=True) as service:
        service.execute("UPDATE plasma.epn_core SET target_name = 'Vulcan' WHERE dataset_id = 'syn-mom'")
    # as many rows as before, of datasets that have not moved
    ingest(database, archive, WIDE)
    counted, plain = catalogues(database)
    query = "SELECT target_name, COUNT(*) FROM plasma.epn_core GROUP BY target_name"
    with connect(database, Role.READER) as reader:
        assert is_counted(query, counted)
        assert answer(reader, query, counted) == answer(reader, query, plain)
        assert "Vulcan" not in str(answer(reader, query, plain))


def test_who_writes_by_hand_while_counts_are_written_takes_them_back(database: Database, archive: Path) -> None:
    ingest(database, archive, WIDE)
    by_hand = "UPDATE plasma.epn_core SET target_name = 'Vulcan' WHERE granule_uid = 'syn-mag_20010101'"
    with connect(database, Role.OWNER) as ingestion:
        # as an ingestion does from the beginning of its transaction
        assert is_as_ingested(ingestion, "plasma")
        with (
            ThreadPoolExecutor() as pool,
            connect(database, Role.SERVICE, autocommit=True) as service,
            connect(database, Role.ADMIN, autocommit=True) as watching,
        ):
            waiting = pool.submit(service.execute, by_hand)
            while watching.execute(_WAITING).fetchone() != (1,):
                assert not waiting.done()
            counts: dict[str, dict[str | None, int]] = {"target_name": {"Saturn": 20}}
            write_value_counts(ingestion, "plasma", 20, counts)
            ingestion.commit()
            assert waiting.result().rowcount == 1
    with connect(database, Role.OWNER) as owner:
        assert not is_as_ingested(owner, "plasma")


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_a_process_learns_that_counts_were_taken_back(
    database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(database, archive, WIDE)
    monkeypatch.setattr("epntap.catalog.load.CHECK_EVERY_S", 0.0)
    with connect(database, Role.SERVICE, autocommit=True) as service:
        catalog = CatalogCache(lambda: connect(database, Role.SERVICE, autocommit=True))
        before = catalog().table("plasma", "epn_core")
        service.execute("DELETE FROM plasma.epn_core WHERE dataset_id = 'syn-mom'")
        after = catalog().table("plasma", "epn_core")
    assert before is not None
    assert after is not None
    assert "*" in before.counted
    assert after.counted == frozenset()


def test_the_reader_sees_counts_and_nothing_else_of_the_archive(database: Database, archive: Path) -> None:
    ingest(database, archive)
    with connect(database, Role.READER, autocommit=True) as reader:
        assert reader.execute("SELECT count(*) > 20 FROM udf.value_count").fetchone() == (True,)
        for statement in ("SELECT 1 FROM archive.value_count", "DELETE FROM udf.value_count"):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
                reader.execute(statement)
    counted, _ = catalogues(database)
    with connect(database, Role.OWNER, autocommit=True) as owner:
        owner.execute("REVOKE SELECT ON plasma.epn_core FROM epntap_reader")
    # who may not read a table learns nothing of it from its counts
    with connect(database, Role.READER, autocommit=True) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        answer(reader, "SELECT COUNT(*) FROM plasma.epn_core", counted)


# -- one snapshot ---------------------------------------------------------------------------------------------------

_SNAPSHOT = """
SELECT (SELECT count(*) FROM plasma.epn_core),
       (SELECT count(*) FROM plasma.epn_core WHERE target_name = 'Saturn'),
       (SELECT min(time_min) FROM plasma.epn_core), (SELECT max(time_max) FROM plasma.epn_core)
"""
_WRITTEN = """
SELECT s.granule_count, coalesce((SELECT rows FROM archive.value_count
       WHERE schema_name = 'plasma' AND column_name = 'target_name' AND value = 'Saturn'), 0), c.time_min, c.time_max
FROM archive.service s JOIN archive.coverage c USING (schema_name) WHERE s.schema_name = 'plasma'
"""


def test_a_reader_never_sees_counts_that_disagree_with_rows(database: Database, archive: Path) -> None:
    """Rows, /tables, coverage and counts, in one snapshot and through the translator, while ingestions run."""
    ingest(database, archive)
    done = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for turn in range(6):
                stop = f"2001-01-{9 + turn % 3:02d}T00:00:00Z"
                record(archive, "syn-mom", stop=stop, region=("Saturn", "Jupiter")[turn % 2])
                ingest(database, archive, now=datetime.fromisoformat(f"2026-02-{turn + 1:02d}T10:00:00"))
        except BaseException as exc:  # noqa: BLE001  # for the other thread to raise
            failures.append(exc)
        finally:
            done.set()

    counted, plain = catalogues(database)
    asked = (
        "SELECT COUNT(*) FROM plasma.epn_core",
        "SELECT COUNT(*) FROM plasma.epn_core WHERE target_name = 'Saturn'",
        "SELECT target_name, COUNT(*) FROM plasma.epn_core GROUP BY target_name",
        "SELECT DISTINCT modification_date FROM plasma.epn_core",
    )
    seen = set()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        with connect(database, Role.OWNER) as owner:
            owner.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while True:
                is_last = done.is_set()
                with owner.transaction():
                    rows = owner.execute(_SNAPSHOT).fetchone()
                    assert owner.execute(_WRITTEN).fetchone() == rows
                    for query in asked:
                        assert answer(owner, query, counted)[2] == answer(owner, query, plain)[2]
                seen.add(rows)
                if is_last:
                    break
    finally:
        writer.join()
    assert not failures, failures
    assert len(seen) > 1
