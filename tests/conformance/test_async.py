"""Asynchronous TAP as released clients use it: pyvo, and STILTS with its validator."""

from __future__ import annotations

import gc
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path

import pytest
import pyvo
import requests

from epntap.db.pool import Database
from tests.support.server import Server, serve
from tests.support.uws_client import SLOW, Client

QUERY = "SELECT TOP 5 granule_uid, time_min FROM amdadb.epn_core"
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
stilts_only = pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")


@pytest.fixture(scope="module")
def ready(served: Server) -> Server:
    """The server, when its worker has started too."""
    client = Client(served)
    assert client.until(client.create(PHASE="RUN"), "COMPLETED", "ERROR") == "COMPLETED"
    return served


@contextmanager
def tap(server: Server) -> Iterator[pyvo.dal.TAPService]:
    with requests.Session() as session:
        yield pyvo.dal.TAPService(server.tap, session=session)
    gc.collect()  # pyvo leaves answers half read; here, where the warnings about it are ignored


@pytest.fixture
def service(ready: Server) -> Iterator[pyvo.dal.TAPService]:
    with tap(ready) as service:
        yield service


def test_pyvo_run_async(service: pyvo.dal.TAPService) -> None:
    answer = service.run_async(QUERY)
    assert len(answer) == 5
    assert answer.to_table().colnames == ["granule_uid", "time_min"]


def test_pyvo_step_by_step(service: pyvo.dal.TAPService) -> None:
    job = service.submit_job(QUERY, runid="steps")
    assert (job.phase, job.job.runid) == ("PENDING", "steps")
    job.execution_duration = 100
    assert job.execution_duration.value == 100
    assert job.quote is not None
    job.run()
    job.wait(timeout=10)
    assert job.phase == "COMPLETED"
    job.raise_if_error()
    assert job.result_uri == f"{job.url}/results/result"
    assert len(job.fetch_result()) == 5
    sooner = job.destruction.to_datetime(UTC) - timedelta(hours=1)
    job.destruction = sooner
    assert job.destruction.to_datetime(UTC) == sooner
    job.delete()


def test_pyvo_says_what_is_wrong(service: pyvo.dal.TAPService) -> None:
    with pytest.raises(pyvo.DALQueryError, match="target_name"):
        service.run_async("SELECT targetname FROM amdadb.epn_core")


def test_pyvo_aborts(service: pyvo.dal.TAPService) -> None:
    job = service.submit_job(SLOW)
    job.run()
    assert job.phase == "EXECUTING"
    job.abort()
    assert job.phase == "ABORTED"
    job.delete()


def test_pyvo_waits(service: pyvo.dal.TAPService) -> None:
    query = "SELECT COUNT(*) AS n FROM amdadb.epn_core AS a, amdadb.epn_core AS b, amdadb.epn_core AS c"
    job = service.submit_job(query)
    job.run().wait(timeout=30)
    assert job.phase == "COMPLETED"
    assert job.fetch_result()[0]["n"] == 63**3
    job.delete()


def test_pyvo_lists_the_jobs_of_its_session(service: pyvo.dal.TAPService) -> None:
    job = service.submit_job(QUERY)
    done = service.submit_job(QUERY).run().wait(timeout=10)
    assert {one.jobid for one in service.get_job_list()} == {job.job_id, done.job_id}
    assert [one.jobid for one in service.get_job_list(phases=["COMPLETED"])] == [done.job_id]
    assert [one.jobid for one in service.get_job_list(last=1)] == [done.job_id]
    job.delete()
    done.delete()
    assert service.get_job_list() == []


def test_pyvo_lists_all_jobs_where_that_is_set(
    demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("public")
    with (
        serve(demo_database, home, public_jobs="1", job_workers="0") as server,
        tap(server) as mine,
        tap(server) as other,
    ):
        job = mine.submit_job(QUERY)
        assert job.job_id in {one.jobid for one in other.get_job_list()}


def test_what_astroquery_posts(ready: Server) -> None:
    form = {
        "REQUEST": "doQuery",
        "LANG": "ADQL",
        "FORMAT": "votable",
        "tapclient": "TapPlus",
        "QUERY": QUERY,
        "PHASE": "RUN",
        "jobname": "x",
    }
    request = urllib.request.Request(f"{ready.tap}/async", urllib.parse.urlencode(form).encode())
    request.add_header("Accept", "text/plain")
    with urllib.request.urlopen(request, timeout=30) as answer:  # follows to the job
        assert b"<uws:phase>COMPLETED</uws:phase>" in answer.read()


def stilts(*arguments: str) -> str:
    done = subprocess.run(["stilts", *arguments], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


@stilts_only
def test_taplint_finds_no_error(ready: Server) -> None:
    report = stilts("taplint", f"tapurl={ready.tap}", "stages=QAS UWS", "maxrepeat=20")
    lines = report.splitlines()
    assert any(line.startswith("Totals:") for line in lines), report
    assert [line for line in lines if line[:2] in {"E-", "W-", "F-"}] == []


@stilts_only
def test_stilts_tapquery(ready: Server, tmp_path: Path) -> None:
    file = tmp_path / "answer.csv"
    said = stilts("tapquery", f"tapurl={ready.tap}", "sync=false", "poll=100", f"adql={QUERY}", f"out={file}")
    assert len(file.read_text().splitlines()) == 6, said


@stilts_only
def test_stilts_tapquery_says_what_is_wrong(ready: Server) -> None:
    said = stilts(
        "tapquery", f"tapurl={ready.tap}", "sync=false", "poll=100", "adql=SELECT targetname FROM amdadb.epn_core"
    )
    assert "target_name" in said
