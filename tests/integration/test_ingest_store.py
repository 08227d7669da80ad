"""What the archive tables answer: a granule is found with its files in one round trip."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from epntap.archive import datasets as datasets_store
from epntap.archive import files as files_store
from epntap.archive import services as services_store
from epntap.archive.finding import locate as store
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.instants.tt2000 import parse_utc
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record

JOINED = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')
NOW = datetime.fromisoformat("2026-01-31T10:00:00")


def to_tt2000(moment: datetime) -> int:
    return parse_utc(moment.isoformat())


@pytest.fixture
def service(database: Database, tmp_path: Path) -> Iterator[Connection]:
    """A connection in the service role to one service: hourly files that meet at midnight, and one of two days."""
    record(tmp_path, "syn-mag", start="2001-01-01T06:00:00Z")
    record(tmp_path, "syn-mom", rights="PartiallyRestricted")
    cdf(tmp_path / "cdf/syn_mag_20010102a.cdf", "2001-01-02T00:00:00", 12)
    cdf(tmp_path / "cdf/syn_mag_20010102b.cdf", "2001-01-02T12:00:00", 12)
    cdf(tmp_path / "cdf/syn_mag_20010103.cdf", "2001-01-03T00:00:00", 48)
    ingest_service(definition(tmp_path, *JOINED), database, now=NOW)
    with connect(database, Role.SERVICE) as connection:
        yield connection


def paths(found: store.LocatedGranule | None) -> list[str]:
    assert found is not None
    return [file.path for file in found.files]


def test_a_day_has_the_files_that_reach_into_it_and_no_other(service: Connection) -> None:
    found = store.locate(service, "syn-mag_20010102", ["plasma"], to_tt2000)
    assert paths(found) == ["syn_mag_20010102a.cdf", "syn_mag_20010102b.cdf"]
    assert found is not None
    assert (found.schema, found.dataset.dataset_id, found.dataset.rights.open) == ("plasma", "syn-mag", True)
    assert found.start_tt2000 == parse_utc("2001-01-02T00:00:00")
    assert found.stop_tt2000 == parse_utc("2001-01-03T00:00:00")
    assert paths(store.locate(service, "syn-mag_20010104", ["plasma"], to_tt2000)) == ["syn_mag_20010103.cdf"]


def test_a_day_that_is_cut_in_its_row_is_whole_for_cuts(service: Connection) -> None:
    found = store.locate(service, "syn-mag_20010101", ["plasma"], to_tt2000)
    assert found is not None
    assert found.start_tt2000 == parse_utc("2001-01-01T00:00:00")
    assert found.files == ()


def test_a_restricted_dataset_is_not_open(service: Connection) -> None:
    found = store.locate(service, "syn-mom_20010102", ["plasma"], to_tt2000)
    assert found is not None
    assert not found.dataset.rights.open


@pytest.mark.parametrize(
    "uid", ["", "syn-mag", "syn-mag_20010132", "syn-mag_20020101", "'; DROP TABLE x", "x_20010101"]
)
def test_what_nobody_has_is_not_found(service: Connection, uid: str) -> None:
    assert store.locate(service, uid, ["plasma"], to_tt2000) is None


def test_no_service_no_granule(service: Connection) -> None:
    assert store.locate(service, "syn-mag_20010102", [], to_tt2000) is None


def test_a_dataset_comes_back_as_it_was_written(service: Connection) -> None:
    one = datasets_store.dataset(service, "plasma", "syn-mag")
    assert one is not None
    assert one.start == datetime.fromisoformat("2001-01-01T06:00:00")
    assert one.hapi_url == "https://hapi.example.org/hapi"
    found = store.locate(service, "syn-mag_20010102", ["plasma"], to_tt2000)
    assert found is not None
    assert found.dataset == one
    assert datasets_store.dataset(service, "plasma", "none") is None


def test_files_by_interval(service: Connection) -> None:
    def between(start: str, stop: str) -> list[str]:
        found = files_store.files_overlapping(service, "plasma", "syn-mag", parse_utc(start), parse_utc(stop))
        return [file.path for file in found]

    assert between("2001-01-02T11:00:00", "2001-01-02T12:00:00") == ["syn_mag_20010102a.cdf"]
    assert between("2001-01-02T11:00:00.1", "2001-01-02T12:00:00") == []
    assert between("2001-01-02T11:30:00", "2001-01-02T12:00:01") == ["syn_mag_20010102b.cdf"]
    assert between("2000-01-01", "2002-01-01") == [
        "syn_mag_20010102a.cdf",
        "syn_mag_20010102b.cdf",
        "syn_mag_20010103.cdf",
    ]


def test_services(service: Connection) -> None:
    (one,) = services_store.services(service)
    assert (one.schema_name, one.title, one.granule_count) == ("plasma", "Plasma data", 20)


def test_parameters_come_back_in_order(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_20010101.cdf", "2001-01-01T00:00:00", 24)
    ingest_service(definition(tmp_path, CDF_SOURCE), database, now=NOW)
    with connect(database, Role.SERVICE) as connection:
        one = datasets_store.dataset(connection, "plasma", "syn_mag")
    assert one is not None
    (parameter,) = one.parameters
    assert (parameter.name, parameter.shape, parameter.units, parameter.variable) == ("B", (3,), "nT", "B")


def test_a_file_named_like_a_day_stands_for_itself(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_mag_20010101.cdf", "2001-01-01T06:00:00", 48)
    cdf(tmp_path / "cdf/syn_mag_20010102.cdf", "2001-01-01T00:00:00", 48)
    ingest_service(definition(tmp_path, CDF_SOURCE), database, now=NOW)
    with connect(database, Role.SERVICE) as connection:
        found = store.locate(connection, "syn_mag_20010102", ["plasma"], to_tt2000)
    assert found is not None
    assert [file.path for file in found.files] == ["syn_mag_20010102.cdf"]
    assert found.start_tt2000 == parse_utc("2001-01-01T00:00:00")
    assert found.stop_tt2000 == parse_utc("2001-01-02T23:00:00") + 1


def test_the_first_service_that_has_a_granule_answers(database: Database, tmp_path: Path) -> None:
    record(tmp_path, "syn-mag")
    one = definition(tmp_path, SPASE_SOURCE)
    ingest_service(one, database, now=NOW)
    one.file.write_text(one.file.read_text().replace('"plasma"', '"mirror"'))
    other = load_definition(one.file)
    ingest_service(other, database, now=NOW)
    with connect(database, Role.SERVICE) as connection:
        for order in (["plasma", "mirror"], ["mirror", "plasma"]):
            found = store.locate(connection, "syn-mag_20010102", order, to_tt2000)
            assert found is not None
            assert found.schema == order[0]
