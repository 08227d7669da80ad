"""What an operator knows of datasets, from the definition to the rows and the catalogue."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from epntap.db.pool import Database, Role, connect
from epntap.errors import DefinitionError
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record

NOW = datetime.fromisoformat("2026-01-31T10:00:00")
LATER = datetime.fromisoformat("2026-02-01T10:00:00")

TOLD = (
    '[datasets."syn_*"]',
    'title = "Synthetic field"',
    'target_name = "Jupiter"',
    'target_class = "planet"',
    "processing_level = 3",
    "release_date = 2030-01-01",
    'thumbnail = "https://example.org/field.png"',
    "syn_rate = 8",
    "[columns]",
    'target_region = "magnetotail"',
    'target_name = "Saturn"',
    "[custom.syn_rate]",
    'type = "int"',
    'unit = "Hz"',
    'description = "Vectors a second"',
)
COLUMNS = "target_name, target_class, processing_level, release_date, target_region, syn_rate"


def query(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with connect(database, Role.OWNER) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    cdf(tmp_path / "cdf/syn_mag_20010102_v01.cdf", "2001-01-02T00:00:00")
    cdf(tmp_path / "cdf/other_20010102_v01.cdf", "2001-01-02T00:00:00", logical_source="other_mag")
    return tmp_path


def test_files_get_what_the_definition_says_of_their_dataset(database: Database, archive: Path) -> None:
    report = ingest_service(definition(archive, CDF_SOURCE, *TOLD), database, now=NOW)
    assert (report.granules.inserted, report.granules.refused) == (2, 0)
    assert query(database, f"SELECT {COLUMNS}, thumbnail_url FROM plasma.epn_core ORDER BY dataset_id DESC") == [
        (
            "Jupiter",
            "planet",
            3,
            "2030-01-01T00:00:00",
            "magnetotail",
            8,
            "https://example.org/field.png",
        ),
        (
            "Saturn",
            "interplanetary_medium",
            None,
            "2026-01-31T10:00:00",
            "magnetotail",
            None,
            "/preview/plasma/other_20010102.png?width=320",
        ),
    ]
    assert query(database, "SELECT title FROM archive.dataset WHERE dataset_id = 'syn_mag'") == [("Synthetic field",)]
    (unit,) = query(database, "SELECT unit FROM tap_schema.columns WHERE column_name = 'syn_rate'")
    assert unit == ("Hz",)


def test_descriptions_get_it_too(database: Database, tmp_path: Path) -> None:
    record(tmp_path, "syn_mom", region="Jupiter.Io")
    ingest_service(definition(tmp_path, SPASE_SOURCE, *TOLD), database, now=NOW)
    assert query(database, f"SELECT DISTINCT {COLUMNS} FROM plasma.epn_core") == [
        ("Jupiter", "planet", 3, "2030-01-01T00:00:00", "magnetotail", 8)
    ]


def test_a_change_of_the_table_reaches_its_datasets_alone(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, CDF_SOURCE, *TOLD), database, now=NOW)
    changed = [line.replace('"Jupiter"', '"Io"').replace('"planet"', '"satellite"') for line in TOLD]
    report = ingest_service(definition(archive, CDF_SOURCE, *changed), database, now=LATER)
    assert (report.granules.updated, report.account.datasets_unchanged) == (1, 1)
    assert query(database, "SELECT target_name FROM plasma.epn_core WHERE dataset_id = 'syn_mag'") == [("Io",)]


def test_a_pattern_that_claims_nothing_changes_nothing(database: Database, archive: Path) -> None:
    with pytest.raises(DefinitionError, match="claims none of the 2 datasets"):
        ingest_service(definition(archive, CDF_SOURCE, '[datasets."sun_*"]', 'title = "x"'), database, now=NOW)
    assert query(database, "SELECT count(*) FROM archive.service") == [(0,)]
