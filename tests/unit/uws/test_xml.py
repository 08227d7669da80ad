"""The documents of UWS: valid, complete, and legal XML whatever was posted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from epntap.dali.vosi import availability
from epntap.uws.model import Job, JobError, JobResult, Phase, Progress
from epntap.uws.xml import iso, job_document, job_list, parameters_document, results_document
from tests.support.jobs import JOB, job

ADDRESS = f"https://x.example/tap/async/{JOB.job_id}"
LATER = JOB.created + timedelta(seconds=9)
JOBS = [
    JOB,
    job(parameters=(), run_id="a <b> & c"),
    job(phase=Phase.QUEUED, queued=LATER),
    job(phase=Phase.EXECUTING, queued=LATER, started=LATER, attempt=1),
    job(
        phase=Phase.COMPLETED,
        queued=LATER,
        started=LATER,
        ended=LATER,
        results=(JobResult("text/csv;header=present", "csv", 10**12),),
    ),
    job(phase=Phase.EXECUTING, queued=LATER, started=LATER, attempt=1, progress=Progress(3, 12, "cut <b> & \x01")),
    job(
        phase=Phase.COMPLETED,
        started=LATER,
        ended=LATER,
        results=tuple(JobResult("application/x-cdf", "cdf", n, name=f"result{n}") for n in (1, 2, 3)),
    ),
    job(phase=Phase.ERROR, started=LATER, ended=LATER, error=JobError("Too <long> & wrong.")),
    job(phase=Phase.ABORTED, ended=LATER, error=JobError("Its time was over.", is_transient=True)),
    job(parameters=(("a\x00b", "\x0b\ud800\ufffe"), ("", "\r\n\t"), ("é", "\U0001f680"))),
]


def text(root: etree._Element, name: str) -> str | None:
    return root.findtext(f"{{*}}{name}")


@pytest.mark.shared
@pytest.mark.parametrize("one", JOBS)
def test_documents_are_valid(shared: Path, one: Job) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared / "standards" / "schemas" / "local" / "UWS-v1.1.xsd")))
    for document in (
        job_document(one, ADDRESS),
        parameters_document(one, ADDRESS),
        results_document(one, ADDRESS),
        job_list([one, JOB], "https://x.example/tap/async"),
        job_list([], "https://x.example/tap/async"),
    ):
        schema.assertValid(etree.fromstring(document))


def test_a_new_job() -> None:
    root = etree.fromstring(job_document(JOB, ADDRESS))
    assert root.get("version") == "1.1"
    assert text(root, "phase") == "PENDING"
    assert text(root, "quote") == "2026-03-01T12:10:00.250Z"
    assert text(root, "creationTime") == "2026-03-01T12:00:00.250Z"
    nil = [element.tag.rpartition("}")[2] for element in root if list(element.attrib.values()) == ["true"]]
    assert nil == ["ownerId", "startTime", "endTime"]
    assert [(p.get("id"), p.text) for p in root.iterfind(".//{*}parameter")] == list(JOB.parameters)
    assert root.find("{*}errorSummary") is None
    assert root.findall("{*}results/*") == []


def test_namespaces_are_declared_once() -> None:
    """Some clients look for `<uws:phase>` as text, and a list of thousands of jobs should stay small."""
    document = job_document(JOB, ADDRESS).decode()
    assert document.count("xmlns:uws=") == 1
    assert "<uws:phase>PENDING</uws:phase>" in document
    assert availability(available=True).count(b"xmlns:") == 2


def test_a_job_with_a_result() -> None:
    (result,) = etree.fromstring(job_document(JOBS[4], ADDRESS)).iterfind(".//{*}result")
    assert {str(name): value for name, value in result.attrib.items()} == {
        "id": "result",
        "{http://www.w3.org/1999/xlink}href": f"{ADDRESS}/results/result",
        "size": "1000000000000",
        "mime-type": "text/csv;header=present",
    }


@pytest.mark.parametrize(("one", "kind"), [(JOBS[7], "fatal"), (JOBS[8], "transient")])
def test_a_job_that_failed(one: Job, kind: str) -> None:
    (summary,) = etree.fromstring(job_document(one, ADDRESS)).iterfind("{*}errorSummary")
    assert one.error is not None
    assert (summary.get("type"), summary.get("hasDetail")) == (kind, "true")
    assert text(summary, "message") == one.error.message


def test_the_quote_follows_what_is_known() -> None:
    assert job(queued=LATER).quote == LATER + timedelta(seconds=600)
    assert job(ended=LATER).quote == LATER


def test_times_are_utc_with_three_digits() -> None:
    assert iso(datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == "2016-12-31T23:59:59.999Z"
