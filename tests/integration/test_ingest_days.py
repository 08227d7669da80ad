"""Granules of days and months are where records are, and every record is in one: odd files among them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pytest

from cutouts.extract import cut_files
from cutouts.interval import Interval
from epntap.archive.files import files_overlapping
from epntap.archive.memory import scanned_files
from epntap.db.pool import Database, Role, connect
from epntap.instants.tt2000 import parse_utc
from ingest.options import Options
from ingest.pipeline import ingest_service
from ingest.report import Report
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.cdf_builder import CdfBuilder
from tests.support.places import SHARED

CASES = SHARED / "cases/cdf"
FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
SECOND = datetime.fromisoformat("2026-02-01T10:00:00")


def ingest(
    database: Database, root: Path, *parts: str, granule: str = "day", now: datetime = FIRST, **options: Any
) -> Report:
    one = definition(root, CDF_SOURCE, f'granule = "{granule}"', *parts)
    return ingest_service(one, database, now=now, options=Options(**options))


def uids(database: Database) -> list[str]:
    with connect(database, Role.OWNER) as connection:
        rows = connection.execute("SELECT granule_uid FROM plasma.epn_core ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def made(root: Path, name: str, *times: str) -> Path:
    (root / "cdf").mkdir(exist_ok=True)
    (root / "cdf" / name).unlink(missing_ok=True)
    builder = CdfBuilder().attribute("Logical_source", "syn_mag").axis("Epoch", [parse_utc(one) for one in times])
    return builder.variable("B", np.arange(len(times)), DEPEND_0="Epoch", VAR_TYPE="data").write(root / "cdf" / name)


def days_by_cdflib(path: Path) -> Counter[str]:
    """Records of each day, without fills, as cdflib tells them."""
    with cdflib.CDF(path) as file:
        kind = file.varinq("Epoch").Data_Type_Description
        parts = np.atleast_2d(cdflib.cdfepoch.breakdown(file.varget("Epoch")))
    assert kind in {"CDF_TIME_TT2000", "CDF_EPOCH"}
    return Counter(f"{year:04.0f}{month:02.0f}{day:02.0f}" for year, month, day, *_ in parts)


def records_of_days(database: Database, dataset_id: str, days: Sequence[str]) -> list[int]:
    """How many records the cut of each of these days has."""
    counts = []
    for day in days:
        first = date.fromisoformat(day)
        bounds = [parse_utc(one.isoformat()) for one in (first, first + timedelta(days=1))]
        with connect(database, Role.OWNER) as connection:
            files = files_overlapping(connection, "plasma", dataset_id, *bounds)
        with cut_files([Path(one.root) / one.path for one in files], Interval(*bounds)) as cut:
            counts.append(sum(len(axis) for axis in cut.axes))
    return counts


@pytest.mark.shared
@pytest.mark.parametrize(
    "path",
    sorted([*CASES.glob("05_*/*.cdf"), *CASES.glob("11_*/*.cdf")]),
    ids=lambda path: path.stem.removesuffix("_20200301_v01"),
)
def test_each_day_with_records_is_a_granule_and_no_other(database: Database, tmp_path: Path, path: Path) -> None:
    (tmp_path / "cdf").mkdir()
    shutil.copy(path, tmp_path / "cdf")
    ingest(database, tmp_path)
    expected = days_by_cdflib(path)
    found = uids(database)
    assert [uid[-8:] for uid in found] == sorted(expected)
    dataset_id = found[0][:-9]
    assert records_of_days(database, dataset_id, sorted(expected)) == [expected[day] for day in sorted(expected)]
    ingest(database, tmp_path, granule="month", now=SECOND, allow_deletions=True)
    assert [uid[-6:] for uid in uids(database)] == sorted({day[:6] for day in expected})


def test_a_gap_of_a_year_has_no_granules(database: Database, tmp_path: Path) -> None:
    path = made(tmp_path, "a.cdf", "2019-03-01T10:00:00", "2020-03-01T00:00:00", "2020-03-02T00:00:00")
    ingest(database, tmp_path)
    assert uids(database) == [f"syn_mag_{day}" for day in sorted(days_by_cdflib(path))]
    assert len(uids(database)) == 3


def test_a_mended_outlier_takes_its_granule_along_and_no_file_is_opened_twice(
    database: Database, tmp_path: Path
) -> None:
    made(tmp_path, "a.cdf", "1970-01-01T00:00:00", "2020-03-01T00:00:00")
    made(tmp_path, "b.cdf", "2020-03-02T00:00:00", "2020-03-03T00:00:00")
    assert ingest(database, tmp_path).granules.inserted == 4
    again = ingest(database, tmp_path, now=SECOND)
    assert (again.files_opened, again.account.datasets_unchanged, again.granules.unchanged) == (0, 1, 4)
    with connect(database, Role.OWNER) as connection:
        known = scanned_files(connection, "plasma", str(tmp_path / "cdf"), ["a.cdf", "b.cdf"])
        assert {path: one.days for path, one in known.items()} == {"a.cdf": "1970-01-01 2020-03-01", "b.cdf": ""}
    made(tmp_path, "a.cdf", "2020-03-01T00:00:00", "2020-03-01T01:00:00")
    mended = ingest(database, tmp_path, now=SECOND)
    assert (mended.files_opened, mended.granules.deleted, mended.granules.updated) == (1, 1, 1)
    assert uids(database) == ["syn_mag_20200301", "syn_mag_20200302", "syn_mag_20200303"]


def test_files_remembered_before_days_were_are_opened_once_more(database: Database, tmp_path: Path) -> None:
    made(tmp_path, "a.cdf", "1970-01-01T00:00:00", "2020-03-01T00:00:00")
    ingest(database, tmp_path)
    with connect(database, Role.OWNER) as connection:
        connection.execute("UPDATE archive.scanned_file SET days = '', edition = 'layout'")
        connection.execute("UPDATE archive.file SET days = ''")
        connection.commit()
    assert ingest(database, tmp_path, now=SECOND).files_opened == 1
    assert ingest(database, tmp_path, now=SECOND).files_opened == 0
    with connect(database, Role.OWNER) as connection:
        assert connection.execute("SELECT days FROM archive.file").fetchall() == [("1970-01-01 2020-03-01",)]
    assert uids(database) == ["syn_mag_19700101", "syn_mag_20200301"]


def test_a_withdrawn_dataset_with_an_outlier_goes_and_comes_back(database: Database, tmp_path: Path) -> None:
    made(tmp_path, "a.cdf", "1970-01-01T00:00:00", "2020-03-01T00:00:00")
    cdf(tmp_path / "cdf/other.cdf", "2001-01-01T00:00:00", logical_source="other")
    ingest(database, tmp_path)
    all_of_them = uids(database)
    assert all_of_them == ["other_20010101", "syn_mag_19700101", "syn_mag_20200301"]
    without = replace(definition(tmp_path, CDF_SOURCE, 'granule = "day"'), withdrawn=("syn_mag",))
    ingest_service(without, database, now=SECOND)
    assert uids(database) == ["other_20010101"]
    assert ingest(database, tmp_path, now=SECOND).files_opened == 0
    assert uids(database) == all_of_them


@pytest.mark.shared
def test_a_damaged_file_is_refused_and_its_neighbours_are_in(database: Database, tmp_path: Path) -> None:
    shutil.copytree(CASES / "06_negative_size_kills_ingest", tmp_path / "cdf")
    report = ingest(database, tmp_path, granule="file")
    assert uids(database) == ["good"]
    (source,) = report.account.sources
    assert {one.path: one.reason for one in source.refused} == {
        "neg_size.cdf": "neg_size.cdf is damaged: -1 bytes do not come out of the 15295 that its header says",
        "neg_v2.cdf": "neg_v2.cdf is damaged: -1 bytes do not come out of the 4028 that its header says",
    }


def test_a_suffix_may_be_written_in_any_case(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/SYN_20010101.CDF", "2001-01-01T00:00:00")
    cdf(tmp_path / "cdf/syn_20010102.Cdf", "2001-01-02T00:00:00")
    ingest(database, tmp_path, "[source.files]", 'syn = ["SYN_*.cdf", "syn_*.cdf"]', granule="file")
    assert uids(database) == ["SYN_20010101", "syn_20010102"]
