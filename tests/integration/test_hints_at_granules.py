"""An identifier that nobody has: what was perhaps meant, found by the primary key, of what everybody can see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from epntap.archive.finding.likely import hint_at_granule
from epntap.db.pool import Database, Role, connect
from tests.bench.granules import fill, publish_files
from tests.support.archives import cdf
from tests.support.databases import clone_database, drop_database
from tests.support.server import serve

SCHEMAS = ("bench", "benchfiles")
GRANULE = "bench-000_20000105"
FILE = "other_mag_20010102"


@pytest.fixture(scope="module")
def filled(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """Granules of days, and one that is a file."""
    database = clone_database(postgres_server, "hints", template_database)
    fill(database, 4000)
    folder = tmp_path_factory.mktemp("files")
    cdf(folder / "other_mag_20010102_v01.cdf", "2001-01-02T00:00:00", logical_source="other_mag")
    publish_files(database, folder)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE bench.epn_core")
    yield database
    drop_database(postgres_server, database)


def hint(database: Database, name: str, *schemas: str) -> str:
    with connect(database, Role.SERVICE) as connection:
        return hint_at_granule(connection, name, schemas or SCHEMAS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (GRANULE.upper(), GRANULE),
        ("Bench-000_20000105", GRANULE),
        ("bench_000_20000105", GRANULE),
        ("bench000_20000105", GRANULE),
        ("bench-000-20000105", GRANULE),
        ("bench-000_20000105.CDF", GRANULE),
        ("files/bench-000_20000105.cdf", GRANULE),
        ("bench-000_20000135", "bench-000_20000120"),  # no such day: the one before it
        ("BENCH-000", "bench-000"),  # a dataset
        (f"{FILE.upper()}.CDF", FILE),
        (f"{FILE}_v01.cdf", FILE),
    ],
)
def test_what_was_meant(filled: Database, name: str, meant: str) -> None:
    assert hint(filled, name) == f" Did you mean {meant!r}?"


@pytest.mark.parametrize(
    "name",
    ["nothing", "zz", "ac", "é" * 8, "x" * 300, "../../etc/passwd", "bench\x07", "'; DROP TABLE x; --", "%", "_"],
)
def test_what_is_like_nothing_has_no_hint(filled: Database, name: str) -> None:
    assert hint(filled, name) == ""


def test_services_that_are_not_asked_are_not_told_of(filled: Database) -> None:
    assert hint(filled, GRANULE.upper(), "benchfiles") == ""
    assert hint(filled, FILE.upper(), "bench") == ""


def test_a_dataset_without_a_row_that_everybody_sees_is_not_told_of(filled: Database) -> None:
    with psycopg.connect(filled.url) as connection:
        connection.execute("DELETE FROM bench.epn_core WHERE dataset_id = 'bench-007'")
        assert "bench-007" not in hint_at_granule(connection, "BENCH-007_20000105", SCHEMAS)
        connection.execute("DELETE FROM bench.epn_core")
        assert hint_at_granule(connection, "BENCH-007_20000105", SCHEMAS) == ""
        connection.rollback()


def test_no_table_is_read(filled: Database) -> None:
    with psycopg.connect(filled.url, autocommit=True) as connection:

        def read() -> object:
            connection.execute("SELECT pg_stat_force_next_flush()")
            connection.execute("SELECT pg_stat_clear_snapshot()")
            return connection.execute(
                "SELECT seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE relid = 'bench.epn_core'::regclass"
            ).fetchone()

        before = read()
        for name in (GRANULE.upper(), "bench-000_20000135", "bench-009", "bunch-001_20000103"):
            hint_at_granule(connection, name, SCHEMAS)
        assert read() == before


def test_every_answer_tells_of_it(filled: Database, tmp_path: Path) -> None:
    wrong = GRANULE.upper()
    with serve(filled, tmp_path) as server:
        root = server.tap.removesuffix("/tap")
        told = [
            requests.get(f"{root}{path}", params, timeout=60).text
            for path, params in (
                ("/datalink/links", {"ID": wrong}),
                ("/datalink/links", {"ID": ["nothing", wrong]}),
                ("/datalink/soda/sync", {"ID": wrong}),
                (f"/granules/bench/{wrong}", {}),
            )
        ]
    for text in told:
        assert f"Did you mean '{GRANULE}'?" in text.replace("&#39;", "'").replace("&apos;", "'")
