"""astroquery's TapPlus, which ESA's modules and notebooks use."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from astropy.table import Table
from astroquery.utils.tap.core import TapPlus

from tests.support.server import Server

QUERY = "SELECT granule_uid, time_min FROM amdadb.epn_core"
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:By default, results in"),
    pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning"),
]


@pytest.fixture
def service(served: Server) -> Iterator[TapPlus]:
    yield TapPlus(url=served.tap)
    gc.collect()  # it leaves its connections open; here, where the warnings about it are ignored


def test_the_names_of_the_tables(service: TapPlus) -> None:
    # with columns it asks for an attribute of ESA's own, and fails on every other service
    names = {table.name for table in service.load_tables(only_names=True)}
    assert {"amdadb.epn_core", "tap_schema.columns"} <= names


@pytest.mark.parametrize("form", ["votable", "votable_plain", "votable_gzip", "csv"])
def test_a_synchronous_query(service: TapPlus, form: str) -> None:
    table = service.launch_job(QUERY, output_format=form).get_results()
    assert len(table) == 63
    assert table.colnames == ["granule_uid", "time_min"]


def test_its_own_limit_of_2000_rows_does_no_harm(service: TapPlus) -> None:
    long = "SELECT a.granule_uid FROM amdadb.epn_core AS a, amdadb.epn_core AS b"
    assert len(service.launch_job(long).get_results()) == 2000
    assert len(service.launch_job(long.replace("SELECT", "SELECT TOP 3000")).get_results()) == 3000


def test_a_job(service: TapPlus) -> None:
    job = service.launch_job_async(QUERY, name="a-name")
    assert len(job.get_results()) == 63
    assert job.get_phase(update=True) == "COMPLETED"
    assert len(service.load_async_job(jobid=job.jobid).get_results()) == 63


def test_a_result_as_a_file(service: TapPlus, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    service.launch_job_async(QUERY, dump_to_file=True, output_file=str(file), output_format="csv")
    assert len(file.read_text().splitlines()) == 64


def test_what_is_wrong_is_said(service: TapPlus) -> None:
    wrong = "SELECT targetname FROM amdadb.epn_core"
    with pytest.raises(requests.HTTPError, match="did you mean target_name"):
        service.launch_job(wrong)
    # of a job it reads only the result that is not there
    with pytest.raises(requests.HTTPError, match="did you mean target_name"):
        service.launch_job_async(wrong)


@pytest.mark.parametrize("how", ["launch_job", "launch_job_async"])
@pytest.mark.parametrize("as_file", [True, False])
def test_an_upload(service: TapPlus, tmp_path: Path, how: str, as_file: bool) -> None:
    file = tmp_path / "mine.vot"
    mine = Table({"granule_uid": ["syna-mag_20161230", "nothing", "syna-mag_20161229"], "mark": [1, 2, 3]})
    mine.write(file, format="votable")
    join = (
        "SELECT mine.mark, e.time_min FROM TAP_UPLOAD.mine AS mine"
        " JOIN amdadb.epn_core AS e ON e.granule_uid = mine.granule_uid ORDER BY e.time_min"
    )
    job = getattr(service, how)(join, upload_resource=str(file) if as_file else mine, upload_table_name="mine")
    table = job.get_results()
    assert list(table["mark"]) == [3, 1]
    assert list(table["time_min"]) == [2457751.5, 2457752.5]
