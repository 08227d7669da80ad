"""A definition whose sources are of both kinds: datasets with files, and rows that are described one by one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from epntap.archive.kept.counts import value_counts
from epntap.db.pool import Database, Role, connect
from epntap.errors import DefinitionError, SetupError
from ingest.definition.model import Definition
from ingest.options import Options
from ingest.pipeline import ingest_service
from ingest.report import Report
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
SECOND = datetime.fromisoformat("2026-02-01T10:00:00")
TABLE = """
[[source]]
kind = "table"
path = "events.csv"
[source.columns]
granule_uid = "name"
target_name = "target"
feature_name = "what"
mean_radius = { from = "radius", unit = "km" }
[columns]
measurement_type = "phys.magField"
"""
CSV = "name,target,radius,what\none,Mars,3389.5,shock\ntwo,Venus,6051.8,shock\nthree,Earth,far,shock\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten days of one dataset, a file of one of them, and a table of two usable rows."""
    record(tmp_path, "syn-mag")
    cdf(tmp_path / "cdf/syn_mag_20010102_v01.cdf", "2001-01-02T00:00:00")
    (tmp_path / "events.csv").write_text(CSV, encoding="utf-8")
    return tmp_path


def mixed(folder: Path) -> Definition:
    table = TABLE.replace("[columns]", '[columns]\ntarget_class = "planet"\ndataproduct_type = "ts"\ngranule_gid = "x"')
    return definition(folder, SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "*.cdf"', table)


def run(folder: Path, database: Database, now: datetime = SECOND, **options: Any) -> Report:
    return ingest_service(mixed(folder), database, now=now, options=Options(**options))


def rows(database: Database) -> list[tuple[Any, ...]]:
    with connect(database, Role.OWNER) as connection:
        return connection.execute(
            "SELECT granule_uid, dataset_id, mean_radius FROM plasma.epn_core "
            "WHERE mean_radius IS NOT NULL OR access_url IS NOT NULL ORDER BY 1"
        ).fetchall()


def test_both_kinds_fill_one_table(database: Database, folder: Path) -> None:
    report = run(folder, database, FIRST)
    assert (report.granules.inserted, report.granules.refused, report.account.datasets) == (12, 1, 2)
    assert rows(database) == [
        ("one", "plasma", 3389.5),
        ("syn-mag_20010102", "syn-mag", None),
        ("two", "plasma", 6051.8),
    ]
    with connect(database, Role.OWNER) as connection:
        assert value_counts(connection, "plasma", "dataset_id") == {"syn-mag": 10, "plasma": 2}
        assert value_counts(connection, "plasma", "feature_name") == {None: 10, "shock": 2}
        for name in ("feature_name", "target_name", "mean_radius", "dataset_id"):
            counted = connection.execute(f"SELECT {name}::text, count(*) FROM plasma.epn_core GROUP BY 1").fetchall()
            kept = value_counts(connection, "plasma", name) or {}
            assert {value and value.removesuffix(".0"): count for value, count in kept.items()} == dict(counted), name


def test_what_moves_in_one_source_leaves_the_others(database: Database, folder: Path) -> None:
    run(folder, database, FIRST)
    again = run(folder, database)
    assert (again.granules.loaded, again.granules.unchanged, again.granules.deleted) == (0, 12, 0)
    (folder / "events.csv").write_text(CSV.replace("6051.8", "6052").replace("one,", "first,"), encoding="utf-8")
    report = run(folder, database)
    assert (report.granules.inserted, report.granules.updated, report.granules.deleted) == (1, 1, 1)
    assert (report.granules.unchanged, report.account.datasets_unchanged) == (10, 1)
    record(folder, "syn-mag", stop="2001-01-08T00:00:00Z")
    report = run(folder, database)
    assert (report.granules.deleted, report.granules.unchanged, report.total_rows) == (3, 9, 9)


def test_one_name_cannot_be_given_by_both(database: Database, folder: Path) -> None:
    run(folder, database, FIRST)
    before = rows(database)
    (folder / "events.csv").write_text(CSV.replace("one,", "syn-mag_20010103,"), encoding="utf-8")
    with pytest.raises(SetupError, match=r"Two granules have the same granule_uid .*syn-mag_20010103"):
        run(folder, database)
    record(folder, "syn-mag", region="Jupiter")
    with pytest.raises(SetupError, match=r"Two granules have the same granule_uid .*syn-mag_20010103"):
        run(folder, database)
    assert rows(database) == before


def test_a_dataset_cannot_have_the_name_of_the_schema(database: Database, folder: Path) -> None:
    record(folder, "plasma")
    with pytest.raises(DefinitionError, match="Two sources of different kinds have a dataset plasma"):
        run(folder, database)
