"""The job tree over HTTP: exact statuses, documents, waiting, results in parts."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from epntap.db.pool import Database
from tests.support.server import Server, serve
from tests.support.uws_client import QUERY, Client, E, element, message


@pytest.fixture(scope="module")
def with_worker(served: Server) -> Server:
    """The server, when its worker has started too."""
    client = Client(served)
    job = client.create(PHASE="RUN")
    assert client.until(job, "COMPLETED", "ERROR") == "COMPLETED", message(client.document(job))
    return served


@pytest.fixture
def client(with_worker: Server) -> Client:
    return Client(with_worker)


def test_from_creation_to_result(client: Client) -> None:
    job = client.create(RUNID="first run")
    assert job.startswith(f"{client.list}/")
    assert len(job.rpartition("/")[2]) == 32
    document = client.document(job)
    assert [element(document, name) for name in ("phase", "runId", "executionDuration")] == [
        "PENDING",
        "first run",
        "7200",
    ]
    reply = client.post(f"{job}/phase", PHASE="RUN")
    assert (reply.status, reply.location) == (303, job)
    assert client.phase(job) == "COMPLETED", "a short query is done when RUN is answered"
    (result,) = client.document(job).iterfind(".//{*}result")
    address = result.get("{http://www.w3.org/1999/xlink}href") or ""
    assert address == f"{job}/results/result"
    reply = client.get(address)
    assert reply.headers["Content-Type"] == "application/x-votable+xml"
    assert reply.headers["Content-Length"] == result.get("size") == str(len(reply.body))
    assert len(etree.fromstring(reply.body).findall(".//{*}TR")) == 3
    assert client.get(f"{job}/error").status == 404


@pytest.mark.parametrize("name", ["PHASE", "phase", "Phase"])
def test_run_in_the_creating_post(client: Client, name: str) -> None:
    job = client.create(**{name: "RUN"})
    assert client.phase(job) == "COMPLETED"
    names = [p.get("id") for p in client.document(job).iterfind(".//{*}parameter")]
    assert names == ["LANG", "QUERY"]


def test_the_address_of_a_dachs_installation(client: Client) -> None:
    reply = client.post(f"{client.server.base}/__system__/tap/run/async", LANG="ADQL", QUERY=QUERY, PHASE="RUN")
    assert reply.location.startswith(f"{client.server.base}/__system__/tap/run/async/")
    assert client.get(f"{reply.location}/results/result").status == 200


def test_atoms_are_text(client: Client) -> None:
    job = client.create()
    for name in ("phase", "executionduration", "destruction", "quote", "owner"):
        reply = client.get(f"{job}/{name}")
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        if name in {"destruction", "quote"}:
            assert reply.text.endswith("Z")
            assert element(client.document(job), name) == reply.text
    assert client.get(f"{job}/owner").body == b""
    for name in ("parameters", "results"):
        assert etree.fromstring(client.get(f"{job}/{name}").body).tag.endswith(f"}}{name}")


def test_times_can_be_changed_within_limits(client: Client) -> None:
    job = client.create()
    for text, expected in (("60", "60"), ("0", "86400"), ("999999", "86400")):
        reply = client.post(f"{job}/executionduration", EXECUTIONDURATION=text)
        assert (reply.status, reply.location) == (303, job)
        assert client.get(f"{job}/executionduration").text == expected
    before = client.get(f"{job}/destruction").text
    reply = client.post(f"{job}/destruction", destruction="2999-01-01T00:00:00Z")
    assert (reply.status, reply.location) == (303, job)
    assert before <= client.get(f"{job}/destruction").text < "2999"
    assert client.post(f"{job}/executionduration", EXECUTIONDURATION="long").status == 400
    assert client.post(f"{job}/destruction", DESTRUCTION="tomorrow").status == 400
    assert client.post(f"{job}/destruction", DESTRUCTION="2001-01-01T00:00:00Z").status == 303
    assert client.get(job).status == 404, "its time has come"


def test_parameters_of_a_pending_job(client: Client) -> None:
    job = client.post(client.list).location
    client.post(f"{job}/parameters", lang="ADQL", Query="SELECT nothing", MAXREC="1")
    reply = client.post(f"{job}/parameters", QUERY=QUERY, RUNID="two")
    assert (reply.status, reply.location) == (303, job)
    document = client.document(job)
    found = [(p.get("id"), p.text) for p in document.iterfind(".//{*}parameter")]
    assert found == [("lang", "ADQL"), ("MAXREC", "1"), ("QUERY", QUERY), ("RUNID", "two")]
    assert element(document, "runId") == "two"
    client.post(f"{job}/phase", PHASE="RUN")
    assert client.phase(job) == "COMPLETED"
    assert client.post(f"{job}/parameters", MAXREC="2").status == 403


def test_uploads_add_up(client: Client) -> None:
    job = client.post(client.list, ("UPLOAD", "a,http://x.example/1")).location
    client.post(f"{job}/parameters", ("upload", "b,http://x.example/2"))
    found = [(p.get("id"), p.text) for p in client.document(job).iterfind(".//{*}parameter")]
    assert found == [("UPLOAD", "a,http://x.example/1"), ("upload", "b,http://x.example/2")]


def test_a_multipart_body(client: Client) -> None:
    parts = [("LANG", "ADQL"), ("QUERY", QUERY), ("PHASE", "RUN")]
    body = (
        "".join(f'--xx\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts) + "--xx--\r\n"
    )
    reply = client.ask("POST", client.list, body.encode(), Content_Type="multipart/form-data; boundary=xx")
    assert reply.status == 303
    assert client.phase(reply.location) == "COMPLETED"


def test_a_job_is_asked_nothing_with_nul(client: Client) -> None:
    reply = client.post(client.list, LANG="ADQL", QUERY="a\0b")
    assert reply.status == 400
    assert b"NUL" in reply.body


@pytest.mark.parametrize("strange", ["\x0b \ufffe", "\U0001f680", "<&>\"'"])
def test_strange_characters_do_no_harm(client: Client, strange: str) -> None:
    job = client.create(strange, RUNID=strange, PHASE="RUN")
    assert client.phase(job) == "ERROR"
    assert message(client.document(job))


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"LANG": "ADQL", "QUERY": "SELECT targetname FROM amdadb.epn_core"}, "target_name"),
        ({"LANG": "ADQL"}, "QUERY is missing"),
        ({"QUERY": QUERY}, "LANG is missing"),
        ({"LANG": "ADQL", "QUERY": QUERY, "MAXREC": "many"}, "MAXREC must be a whole number"),
        ({"LANG": "ADQL", "QUERY": f"SELECT 1 / (c1min - c1min) AS x FROM {E}", "FORMAT": "csv"}, ""),
        (
            {"LANG": "ADQL", "QUERY": f"SELECT 1 / (processing_level - processing_level) AS x FROM {E}"},
            "division by zero",
        ),
    ],
)
def test_a_wrong_job_says_why(client: Client, params: dict[str, str], sentence: str) -> None:
    job = client.post(client.list, **params).location
    assert client.post(f"{job}/phase", PHASE="RUN").status == 303, "parameters are checked when the job runs"
    if not sentence:
        return
    assert client.phase(job) == "ERROR"
    document = client.document(job)
    said = message(document)
    assert sentence in said
    assert "\n" not in said
    reply = client.get(f"{job}/error")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/x-votable+xml")
    (info,) = etree.fromstring(reply.body).iterfind(".//{*}INFO[@name='QUERY_STATUS']")
    assert (info.get("value"), info.text) == ("ERROR", said)
    assert client.get(f"{job}/results/result").status == 404
    assert list(document.iterfind(".//{*}result")) == []


def test_what_cannot_be_done(client: Client) -> None:
    job = client.create(PHASE="RUN")
    for phase in ("RUN", "ABORT"):
        reply = client.post(f"{job}/phase", PHASE=phase)
        assert reply.status == 403
        assert "this one is COMPLETED" in reply.text
    assert client.post(f"{job}/executionduration", EXECUTIONDURATION="5").status == 403
    assert client.post(f"{job}/phase", PHASE="SUSPEND").status == 400
    assert client.post(f"{job}/phase").status == 400
    assert client.post(job, QUERY=QUERY).status == 403, "DALI: parameters do not go to the job itself"
    assert client.post(job, ACTION="HIDE").status == 400
    assert client.get(f"{job}?WAIT=long").status == 400
    assert client.get(f"{job}/results/other").status == 404
    assert client.get(f"{job}/nothing").status == 404
    assert client.post(client.list, PHASE="ABORT").status == 400


@pytest.mark.parametrize("name", ["0" * 32, "nothing", "..%2F..%2Fetc", "0" * 32 + "%00"])
def test_an_unknown_job(client: Client, name: str) -> None:
    job = f"{client.list}/{name}"
    for path in ("", "/phase", "/parameters", "/results", "/results/result", "/error", "/quote"):
        assert client.get(job + path).status == 404
    assert client.post(f"{job}/phase", PHASE="RUN").status == 404
    assert client.post(f"{job}/parameters", A="b").status == 404
    assert client.ask("DELETE", job).status == 404


@pytest.mark.parametrize("how", ["DELETE", "ACTION"])
def test_deleting(client: Client, how: str) -> None:
    job = client.create(PHASE="RUN")
    reply = client.ask("DELETE", job) if how == "DELETE" else client.post(job, action="delete")
    assert (reply.status, reply.location) == (303, client.list)
    assert client.get(job).status == 404
    assert client.get(f"{job}/results/result").status == 404


def test_aborting_a_pending_job(client: Client) -> None:
    job = client.create()
    assert client.post(f"{job}/phase", PHASE="ABORT").status == 303
    assert client.phase(job) == "ABORTED"
    assert client.post(f"{job}/phase", PHASE="RUN").status == 403


def listed(client: Client, query: str = "") -> list[str]:
    document = etree.fromstring(client.get(f"{client.list}{query}").body)
    assert document.get("version") == "1.1"
    return [str(job.get("{http://www.w3.org/1999/xlink}href")) for job in document.iterfind("{*}jobref")]


def test_a_caller_sees_the_jobs_of_his_own(client: Client) -> None:
    assert listed(client) == []
    one, two, three = client.create(), client.create(RUNID="two", PHASE="RUN"), client.create("SELECT", PHASE="RUN")
    assert listed(client) == [three, two, one]
    assert listed(client, "?PHASE=PENDING") == [one]
    assert listed(client, "?PHASE=ERROR&phase=completed") == [three, two]
    assert listed(client, "?LAST=2") == [three, two]
    assert listed(client, "?LAST=1&PHASE=PENDING") == [one]
    assert listed(client, "?PHASE=ARCHIVED") == []
    created = element(client.document(one), "creationTime") or ""
    assert one not in listed(client, f"?AFTER={created[:-1]}999")
    assert listed(client, "?AFTER=2999-01-01T00:00:00") == []
    assert client.get(f"{client.list}?PHASE=DONE").status == 400
    stranger = Client(client.server)
    assert listed(stranger) == []
    assert stranger.get(one).status == 200, "who knows the name may look"
    assert "HttpOnly" in stranger.post(client.list).headers["Set-Cookie"]


def test_everybody_sees_all_jobs_where_that_is_set(
    demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serve(demo_database, tmp_path_factory.mktemp("public"), public_jobs="1", job_workers="0") as server:
        job = Client(server).create()
        assert job in listed(Client(server))


@pytest.fixture(scope="module")
def small(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with few threads, short waits and no worker."""
    home = tmp_path_factory.mktemp("small")
    settings = {"workers": "1", "threads": "8", "wait_max_s": "1.5", "run_wait_s": "0", "job_workers": "0"}
    with serve(demo_database, home, **settings) as server:
        yield server


def seconds(client: Client, address: str) -> float:
    started = time.monotonic()
    assert client.get(address).status == 200
    return time.monotonic() - started


def test_waiting(small: Server) -> None:
    client = Client(small)
    job = client.create()
    assert seconds(client, f"{job}?WAIT=1") > 0.9
    assert 1.4 < seconds(client, f"{job}?WAIT=-1") < 25, "capped by the service"
    assert 1.4 < seconds(client, f"{job}?WAIT=100&PHASE=PENDING") < 25


def test_what_will_not_change_is_not_waited_for(client: Client) -> None:
    job = client.create()
    assert seconds(client, f"{job}?WAIT=0") < 25
    assert seconds(client, f"{job}?WAIT=30&PHASE=QUEUED") < 25, "it is not in that phase any more"
    client.post(f"{job}/phase", PHASE="ABORT")
    assert seconds(client, f"{job}?WAIT=30") < 25, "it will not change any more"


@pytest.mark.serial
def test_a_wait_ends_when_the_phase_changes(client: Client) -> None:
    job = client.create()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, f"{job}?WAIT=20")
        time.sleep(0.4)
        assert not waiting.done()
        client.post(f"{job}/phase", PHASE="ABORT")
        changed = time.monotonic()
        assert b">ABORTED<" in waiting.result().body
        assert time.monotonic() - changed < 10, "told, and not found out when the wait is over"


@pytest.mark.serial
def test_too_many_waits_return_at_once(small: Server) -> None:
    client = Client(small)
    job = client.create()
    with ThreadPoolExecutor(6) as pool:
        times = sorted(pool.map(lambda _n: seconds(client, f"{job}?WAIT=1.5"), range(6)))
    assert [taken < 1.4 for taken in times] == [True] * 4 + [False] * 2, "a quarter of eight threads may wait"


def test_a_deleted_job_ends_its_waits(small: Server) -> None:
    client = Client(small)
    job = client.create()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, f"{job}?WAIT=10")
        time.sleep(0.3)
        client.ask("DELETE", job)
        assert waiting.result().status == 404


@pytest.fixture(scope="module")
def large(with_worker: Server) -> str:
    """The address of the result of a job, a few megabytes."""
    client = Client(with_worker)
    query = f"SELECT TOP 4000 a.* FROM {E} AS a, {E} AS b"
    job = client.create(query, RESPONSEFORMAT="csv", PHASE="RUN")
    assert client.until(job, "COMPLETED", "ERROR") == "COMPLETED"
    return f"{job}/results/result"


def test_a_result_in_parts(client: Client, large: str) -> None:
    whole = client.get(large)
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["Content-Type"].startswith("text/csv")
    size = len(whole.body)
    assert int(whole.headers["Content-Length"]) == size > 1_000_000
    for spec, expected in (
        ("bytes=0-99", whole.body[:100]),
        (f"bytes={size - 10}-", whole.body[-10:]),
        ("bytes=-5", whole.body[-5:]),
        (f"bytes=300000-{size // 2}", whole.body[300_000 : size // 2 + 1]),
    ):
        part = client.get(large, Range=spec)
        assert part.status == 206
        assert part.body == expected
        assert part.headers["Content-Range"].endswith(f"/{size}")
        assert part.headers["Content-Length"] == str(len(expected))
    assert client.get(large, Range=f"bytes={size}-").status == 416
    same = client.get(large, Range="bytes=0-9", If_Range=whole.headers["ETag"])
    other = client.get(large, Range="bytes=0-9", If_Range='"other"')
    assert (same.status, other.status) == (206, 200)


def test_a_result_that_is_compressed_says_so(client: Client) -> None:
    job = client.create(FORMAT="votable_gzip", PHASE="RUN")
    assert client.phase(job) == "COMPLETED"
    reply = client.get(f"{job}/results/result")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert len(etree.fromstring(gzip.decompress(reply.body)).findall(".//{*}TR")) == 3


def test_a_result_only_if_it_has_changed(client: Client, large: str) -> None:
    whole = client.get(large)
    reply = client.get(large, If_None_Match=whole.headers["ETag"])
    assert (reply.status, reply.body) == (304, b"")
    assert client.get(large, If_Modified_Since=whole.headers["Last-Modified"]).status == 304
    head = client.ask("HEAD", large)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.body))


def test_refused_and_partial_results_keep_no_thread(client: Client, large: str) -> None:
    """More of each than there are places for senders."""
    for _ in range(40):
        assert client.get(large, Range="bytes=999999999-").status == 416
        assert client.get(large, Range="bytes=0-0").status == 206
        assert client.get(large, If_None_Match="*").status == 304
    assert client.get(large).status == 200


def test_capabilities_tell_the_limits_of_jobs(client: Client) -> None:
    document = etree.fromstring(client.get(f"{client.server.tap}/capabilities").body)
    (access,) = document.iterfind("capability[@standardID='ivo://ivoa.net/std/TAP']")
    assert access.findtext("executionDuration/default") == "7200"
    assert access.findtext("executionDuration/hard") == "86400"
    assert access.findtext("retentionPeriod/default") == "172800"


@pytest.mark.shared
def test_documents_of_the_server_are_valid(client: Client, shared: Path) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared / "standards" / "schemas" / "local" / "UWS-v1.1.xsd")))
    for job in (client.create(), client.create(PHASE="RUN"), client.create("SELECT", PHASE="RUN", RUNID="x")):
        for path in (job, f"{job}/parameters", f"{job}/results", client.list):
            schema.assertValid(etree.fromstring(client.get(path).body))
