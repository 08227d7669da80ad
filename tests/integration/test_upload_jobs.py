"""Tables that are posted with jobs: kept beside the results, shown by address, found by workers, gone with the job."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from lxml import etree

from epntap.db.pool import Database
from tests.support.multipart import multipart, rows
from tests.support.server import serve
from tests.support.uws_client import Client
from tests.support.votables import IDS, TWO, votable

QUERY = "SELECT id, name FROM TAP_UPLOAD.t ORDER BY id"
UPLOAD = ("UPLOAD", "t,param:file")
ASK = [("LANG", "ADQL"), ("QUERY", QUERY), ("RESPONSEFORMAT", "csv")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def client(own_demo_database: Database, home: Path) -> Iterator[Client]:
    with serve(own_demo_database, home, upload_bytes="100000", job_workers="1", job_heartbeat_s="0.2") as server:
        yield Client(server)


def _post(client: Client, address: str, params: Sequence[tuple[str, str]], files: Mapping[str, bytes]) -> str:
    body, content_type = multipart(params, files)
    reply = client.ask("POST", address, body, Content_Type=content_type)
    assert reply.status == 303, reply.body
    return reply.location


def _files(home: Path, job: str) -> list[Path]:
    return sorted((home / "results" / "jobs").glob(f"*/{job.rpartition('/')[2]}.*"))


def _result(client: Client, job: str) -> list[list[str]]:
    assert client.until(job, "COMPLETED", "ERROR") == "COMPLETED", client.get(f"{job}/error").text
    return rows(client.get(f"{job}/results/result").body)[1:]


def test_posted_with_the_job(client: Client, home: Path) -> None:
    job = _post(client, client.list, [*ASK, UPLOAD, ("PHASE", "RUN")], {"file": TWO})
    assert _result(client, job) == [["1", "one"], ["2", ""]]
    assert len(_files(home, job)) == 2
    assert client.ask("DELETE", job).status == 303
    assert _files(home, job) == []


def test_posted_in_several_posts(client: Client) -> None:
    job = client.post(client.list, LANG="ADQL", FORMAT="csv").location
    _post(client, f"{job}/parameters", [UPLOAD], {"file": TWO})
    other = votable(IDS, "<TR><TD>2</TD><TD>two</TD></TR>")
    _post(client, f"{job}/parameters", [("UPLOAD", "u,param:other")], {"other": other})
    text = "SELECT t.id, u.name FROM TAP_UPLOAD.t AS t JOIN TAP_UPLOAD.u AS u ON t.id = u.id"
    client.post(f"{job}/parameters", QUERY=text)
    client.post(f"{job}/phase", PHASE="RUN")
    assert _result(client, job) == [["2", "two"]]


def test_posted_again_counts_the_last(client: Client) -> None:
    job = _post(client, client.list, [*ASK, UPLOAD], {"file": TWO})
    _post(client, f"{job}/parameters", [], {"file": votable(IDS, "<TR><TD>9</TD><TD>new</TD></TR>")})
    client.post(f"{job}/phase", PHASE="RUN")
    assert _result(client, job) == [["9", "new"]]


def test_shown_by_its_address(client: Client) -> None:
    job = _post(client, client.list, [*ASK, ("UPLOAD", "t,param:my file/1")], {"my file/1": TWO})
    for document in (job, f"{job}/parameters"):
        root = etree.fromstring(client.get(document).body)
        (shown,) = [p for p in root.iter("{*}parameter") if p.get("byReference") == "true"]
        assert shown.get("id") == "my file/1"
        assert shown.text == f"{job}/parameters/{urllib.parse.quote('my file/1', safe='')}"
        reply = client.get(str(shown.text))
        assert reply.body == TWO
        assert reply.headers["Content-Type"] == "application/octet-stream"
        assert reply.headers["Content-Disposition"].startswith("attachment")
    assert client.get(f"{job}/parameters/other").status == 404


def test_too_large_altogether(client: Client, home: Path) -> None:
    half = b"a\n" + b"1\n" * 30_000
    job = _post(client, client.list, [*ASK, UPLOAD], {"file": half})
    body, content_type = multipart([], {"more": half})
    reply = client.ask("POST", f"{job}/parameters", body, Content_Type=content_type)
    assert reply.status == 400
    assert "larger than 100,000 bytes" in reply.text
    assert len(_files(home, job)) == 1
    _post(client, f"{job}/parameters", [], {"file": half})  # in the place of the first


def test_not_taken_once_it_runs(client: Client, home: Path) -> None:
    job = _post(client, client.list, [*ASK, UPLOAD, ("PHASE", "RUN")], {"file": TWO})
    _result(client, job)
    before = _files(home, job)
    body, content_type = multipart([], {"more": TWO})
    assert client.ask("POST", f"{job}/parameters", body, Content_Type=content_type).status == 403
    assert _files(home, job) == before


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        ("t,param:nothing", "refers to the part 'nothing'"),
        ("t,http://127.0.0.1:1/t", "inside a network that is not public"),
        ("t,param:file", "The upload t cannot be used. The upload is no VOTable"),
    ],
)
def test_what_is_wrong_is_told_by_the_job(client: Client, upload: str, sentence: str) -> None:
    job = _post(client, client.list, [*ASK, ("UPLOAD", upload), ("PHASE", "RUN")], {"file": b"<nothing/>"})
    assert client.until(job, "COMPLETED", "ERROR") == "ERROR"
    assert sentence in client.get(job).text
    assert sentence in client.get(f"{job}/error").text


def test_gone_with_the_expired_job(client: Client, home: Path) -> None:
    job = _post(client, client.list, [*ASK, UPLOAD], {"file": TWO})
    assert len(_files(home, job)) == 1
    client.post(f"{job}/destruction", DESTRUCTION="2000-01-01T00:00:00Z")
    deadline = time.monotonic() + 20
    while _files(home, job) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _files(home, job) == []
