"""The job tree over HTTP (UWS 1.1 §2.2): every POST and DELETE answers 303, atoms are text, the rest is XML."""

from __future__ import annotations

from collections.abc import Callable

import flask

from epntap.addresses import JOBS
from epntap.dali.params import single
from epntap.errors import ForbiddenError, NotFoundError, ParameterError, ServiceError
from epntap.http.browsers.negotiation import wants_page
from epntap.http.browsers.session import client_digest, keep_session, new_session, session_digest
from epntap.http.faults import TEXT, FaultBody, as_votable
from epntap.http.request import caller, files, pairs, params
from epntap.http.response import Sender
from epntap.pages import Pages
from epntap.uws.model import Job, JobRequest
from epntap.uws.params import duration, filters, instant, phase_of, required, wait_seconds
from epntap.uws.service import JobService
from epntap.uws.xml import iso, job_document, job_list, parameters_document, results_document

__all__ = ["uws_blueprint"]

#: results may be kept by whoever asked for them, and asked about each time
_OWN = "private, no-cache"


def uws_blueprint(
    service: JobService,
    sender: Sender,
    pages: Pages,
    *,
    path: str,
    name: str,
    words: FaultBody = as_votable,
) -> flask.Blueprint:
    """The routes of a job list at `path` and of all that is below; `words` say what went wrong with a job."""
    blueprint = flask.Blueprint(name, __name__, url_prefix=path)

    def root() -> str:
        return service.settings.addresses.at(path)

    _add_list(blueprint, service, root, pages)
    _add_job(blueprint, service, root, pages)
    _add_atoms(blueprint, service, root)
    _add_results(blueprint, service, sender, root, words, pages)
    return blueprint


def _add_list(blueprint: flask.Blueprint, service: JobService, root: Callable[[], str], pages: Pages) -> None:
    @blueprint.get("")
    def jobs() -> flask.Response:
        if wants_page():
            return _to_page(pages.site.at(JOBS))
        return _xml(job_list(service.visible(filters(params()), session_digest(), caller()), root()))

    @blueprint.post("")
    def create() -> flask.Response:
        token = new_session()
        job = service.create(JobRequest(pairs(), files(), session_digest(token), caller(), client_digest()))
        response = _see(f"{root()}/{job.job_id}")
        if job.owner is None:
            keep_session(response, token, service.settings.addresses, service.settings.job_lifetime_s)
        return response


def _add_job(blueprint: flask.Blueprint, service: JobService, root: Callable[[], str], pages: Pages) -> None:
    @blueprint.get("/<job_id>")
    def job(job_id: str) -> flask.Response:
        if wants_page():
            return _to_page(pages.site.at(f"{JOBS}/{service.get(job_id, caller()).job_id}"))
        return _xml(job_document(_waited(service, job_id), f"{root()}/{job_id}"))

    @blueprint.delete("/<job_id>")
    def delete(job_id: str) -> flask.Response:
        service.delete(job_id, caller())
        return _see(root())

    @blueprint.post("/<job_id>")
    def act(job_id: str) -> flask.Response:
        service.get(job_id, caller())
        action = single(params(), "ACTION")
        if action is None:  # DALI 1.1 §2.1: parameters go to /parameters
            raise ForbiddenError("A job takes ACTION=DELETE here; post parameters to its /parameters.")
        if action.strip().upper() != "DELETE":
            raise ParameterError(f"ACTION={action[:60]!r} is unknown; expected DELETE.")
        return delete(job_id)


def _add_atoms(blueprint: flask.Blueprint, service: JobService, root: Callable[[], str]) -> None:
    def atom(name: str, text_of: Callable[[Job], str]) -> None:
        def view(job_id: str) -> flask.Response:
            return _text(text_of(_waited(service, job_id)))

        blueprint.add_url_rule(f"/<job_id>/{name}", f"get_{name}", view, methods=["GET"])

    atom("phase", lambda job: job.phase)
    atom("executionduration", lambda job: str(job.execution_duration_s))
    atom("destruction", lambda job: iso(job.destruction))
    atom("quote", lambda job: iso(job.quote))
    atom("owner", lambda job: job.owner or "")

    @blueprint.post("/<job_id>/phase")
    def set_phase(job_id: str) -> flask.Response:
        match required(params(), "PHASE", "RUN").upper():
            case "RUN":
                service.run(job_id, caller(), client_digest())
            case "ABORT":
                service.abort(job_id, caller())
            case other:
                raise ParameterError(f"PHASE={other[:60]!r} cannot be asked for; expected RUN or ABORT.")
        return _see(f"{root()}/{job_id}")

    @blueprint.post("/<job_id>/executionduration")
    def set_duration(job_id: str) -> flask.Response:
        service.set_duration(job_id, duration(required(params(), "EXECUTIONDURATION", "600")), caller())
        return _see(f"{root()}/{job_id}")

    @blueprint.post("/<job_id>/destruction")
    def set_destruction(job_id: str) -> flask.Response:
        text = required(params(), "DESTRUCTION", "2030-01-31T12:00:00Z")
        service.set_destruction(job_id, instant("DESTRUCTION", text), caller())
        return _see(f"{root()}/{job_id}")


def _add_results(
    blueprint: flask.Blueprint,
    service: JobService,
    sender: Sender,
    root: Callable[[], str],
    words: FaultBody,
    pages: Pages,
) -> None:
    @blueprint.get("/<job_id>/parameters")
    def parameters(job_id: str) -> flask.Response:
        return _xml(parameters_document(service.get(job_id, caller()), f"{root()}/{job_id}"))

    @blueprint.get("/<job_id>/parameters/<path:name>")
    def parameter(job_id: str, name: str) -> flask.Response:
        return sender.respond(service.part(job_id, name, caller()), caching=_OWN)

    @blueprint.post("/<job_id>/parameters")
    def add_parameters(job_id: str) -> flask.Response:
        service.add_parameters(job_id, pairs(), files(), caller())
        return _see(f"{root()}/{job_id}")

    @blueprint.get("/<job_id>/results")
    def results(job_id: str) -> flask.Response:
        return _xml(results_document(service.get(job_id, caller()), f"{root()}/{job_id}"))

    @blueprint.get("/<job_id>/results/<name>")
    def result(job_id: str, name: str) -> flask.Response:
        result, answer = service.result(job_id, name, caller())
        return sender.respond(answer, inline=result.file_name is None, caching=_OWN)

    @blueprint.get("/<job_id>/error")
    def error(job_id: str) -> flask.Response:
        job = service.get(job_id, caller())
        if job.error is None:
            raise NotFoundError(f"This job has no error; it is {job.phase}.")
        if wants_page():
            return _to_page(f"{pages.site.at(f'{JOBS}/{job_id}')}#error")
        # DALI 1.1 §4.2: the document arrived as it should, so the status is 200
        document, media_type = words(ServiceError(job.error.message))
        return _fresh(flask.Response(document, content_type=media_type))


def _waited(service: JobService, job_id: str) -> Job:
    given = params()
    phase = single(given, "PHASE")
    return service.wait(job_id, wait_seconds(given), None if phase is None else phase_of(phase), caller())


def _to_page(address: str) -> flask.Response:
    """Where people find the same; programs get the document of UWS at this address."""
    response = _see(address)
    response.vary.add("Accept")
    return _fresh(response)


def _see(address: str) -> flask.Response:
    return flask.Response(status=303, headers={"Location": address}, content_type=TEXT)


def _text(text: str) -> flask.Response:
    return _fresh(flask.Response(text, content_type=TEXT))


def _xml(body: bytes) -> flask.Response:
    return _fresh(flask.Response(body, content_type="text/xml; charset=utf-8"))


def _fresh(response: flask.Response) -> flask.Response:
    response.headers["Cache-Control"] = "no-store"  # a job changes from one moment to the next
    return response
