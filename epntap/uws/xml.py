"""The documents of UWS (UWS 1.1 appendix B), elements in the order of the schema."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from epntap.answer.model import OutcomeStatus
from epntap.dali.vosi import NIL, E, Element, document_root, maker, qualified, to_xml
from epntap.uws.model import Job

__all__ = ["iso", "job_document", "job_list", "parameters_document", "results_document"]

_U = maker("uws")
_HREF = qualified("xlink", "href")


def iso(instant: datetime) -> str:
    """An instant in the spelling of DALI, with the Z that UWS wants (UWS 1.1 §2.2.1)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def job_document(job: Job, address: str) -> bytes:
    """A job; `address` is its own."""
    root = _root("job", version="1.1")
    _text(root, "jobId", job.job_id)
    if job.run_id is not None:
        _text(root, "runId", job.run_id)
    _text(root, "ownerId", job.owner)
    _text(root, "phase", job.phase)
    _time(root, "quote", job.quote)
    _time(root, "creationTime", job.created)
    _time(root, "startTime", job.started)
    _time(root, "endTime", job.ended)
    _text(root, "executionDuration", str(job.execution_duration_s))
    _time(root, "destruction", job.destruction)
    _fill_parameters(_child(root, "parameters"), job, address)
    _fill_results(_child(root, "results"), job, address)
    if job.error is not None:
        kind = "transient" if job.error.is_transient else "fatal"
        summary = _child(root, "errorSummary", type=kind, hasDetail="true")
        _text(summary, "message", job.error.message)
    known = [one for one in job.results if one.rows is not None]
    if job.progress is not None or known:
        about = _child(root, "jobInfo")
        if job.progress is not None:
            done, total = str(job.progress.done), str(job.progress.total)
            about.append(E.progress(job.progress.doing, done=done, total=total))
        for one in known:
            # DALI 1.1 §4.4.1 has a place for it in VOTables only; CSV and its like cannot say that they were cut
            status = OutcomeStatus.OVERFLOW if one.is_cut else OutcomeStatus.OK
            about.append(E.rows(str(one.rows), result=one.name, QUERY_STATUS=status.value))
    return to_xml(root)


def job_list(jobs: Iterable[Job], address: str) -> bytes:
    """Short descriptions of jobs (UWS 1.1 §2.2.2.1); `address` is that of the list."""
    root = _root("jobs", version="1.1")
    for job in jobs:
        reference = _child(root, "jobref", id=job.job_id)
        reference.set(_HREF, f"{address}/{job.job_id}")
        _text(reference, "phase", job.phase)
        if job.run_id is not None:
            _text(reference, "runId", job.run_id)
        _text(reference, "ownerId", job.owner)
        _time(reference, "creationTime", job.created)
    return to_xml(root)


def parameters_document(job: Job, address: str) -> bytes:
    """The parameters of a job as they were posted; `address` is that of the job."""
    root = _root("parameters")
    _fill_parameters(root, job, address)
    return to_xml(root)


def results_document(job: Job, address: str) -> bytes:
    """The results of a job."""
    root = _root("results")
    _fill_results(root, job, address)
    return to_xml(root)


def _fill_parameters(parent: Element, job: Job, address: str) -> None:
    for name, value in job.parameters:
        parent.append(_U.parameter(value, id=name))
    for part in job.parts:
        # UWS 1.1 §2.2.3.1.1: what was posted as a file appears as an address
        place = f"{address}/parameters/{quote(part.name, safe='')}"
        parent.append(_U.parameter(place, id=part.name, byReference="true"))


def _fill_results(parent: Element, job: Job, address: str) -> None:
    for one in job.results:
        result = _child(parent, "result", id=one.name)
        result.set(_HREF, f"{address}/results/{one.name}")
        result.set("size", str(one.size_bytes))
        result.set("mime-type", one.media_type)


def _root(name: str, **attributes: str) -> Element:
    root = document_root("uws", name, "xlink")
    for key, value in attributes.items():
        root.set(key, value)
    return root


def _child(parent: Element, name: str, **attributes: str) -> Element:
    child: Element = _U(name, **attributes)
    parent.append(child)
    return child


def _text(parent: Element, name: str, text: str | None) -> None:
    parent.append(_U(name, {NIL: "true"}) if text is None else _U(name, str(text)))


def _time(parent: Element, name: str, instant: datetime | None) -> None:
    _text(parent, name, None if instant is None else iso(instant))
