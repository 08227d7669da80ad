"""The job tree over HTTP (UWS 1.1 §2.2): every POST and DELETE answers 303, atoms are text, the rest is XML."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

import flask

from epntap.dali.params import single
from epntap.errors import ForbiddenError, NotFoundError, ParameterError, ServiceError
from epntap.http.faults import TEXT, FaultBody, as_votable
from epntap.http.request import caller, files, pairs, params
from epntap.http.response import Sender
from epntap.uws.model import Job, JobRequest
from epntap.uws.params import duration, filters, instant, phase_of, required, wait_seconds
from epntap.uws.service import JobService
from epntap.uws.xml import iso, job_document, job_list, parameters_document, results_document

__all__ = ["uws_blueprint"]

#: names whoever made a job; it opens nothing but the list of those jobs
_COOKIE = "epntap_jobs"
#: results may be kept by whoever asked for them, and asked about each time
_OWN = "private, no-cache"


def uws_blueprint(
    service: JobService,
    sender: Sender,
    *,
    path: str,
    name: str,
    words: FaultBody = as_votable,
) -> flask.Blueprint:
    """The routes of a job list at `path` and of all that is below; `words` say what went wrong with a job."""
    blueprint = flask.Blueprint(name, __name__, url_prefix=path)

    def root() -> str:
        return service.settings.addresses.at(path)

    _add_list(blueprint, service, root)
    _add_job(blueprint, service, root)
    _add_atoms(blueprint, service, root)
    _add_results(blueprint, service, sender, root, words)
    return blueprint


def _add_list(blueprint: flask.Blueprint, service: JobService, root: Callable[[], str]) -> None:
    @blueprint.get("")
    def jobs() -> flask.Response:
        return _xml(job_list(service.visible(filters(params()), _session()), root()))

    @blueprint.post("")
    def create() -> flask.Response:
        token = flask.request.cookies.get(_COOKIE) or secrets.token_urlsafe(24)
        job = service.create(JobRequest(pairs(), files(), _digest(token), caller(), _client()))
        response = _see(f"{root()}/{job.job_id}")
        secure = root().startswith("https:")
        lifetime = service.settings.job_lifetime_s
        response.set_cookie(
            _COOKIE,
            token,
            max_age=lifetime,
            httponly=True,
            samesite="Lax",
            secure=secure,
            path=urlsplit(service.settings.base_url).path or "/",  # other pages of the host need not see it
        )
        return response


def _add_job(blueprint: flask.Blueprint, service: JobService, root: Callable[[], str]) -> None:
    @blueprint.get("/<job_id>")
    def job(job_id: str) -> flask.Response:
        return _xml(job_document(_waited(service, job_id), f"{root()}/{job_id}"))

    @blueprint.delete("/<job_id>")
    def delete(job_id: str) -> flask.Response:
        service.delete(job_id)
        return _see(root())

    @blueprint.post("/<job_id>")
    def act(job_id: str) -> flask.Response:
        service.get(job_id)
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
    atom("owner", lambda _job: "")

    @blueprint.post("/<job_id>/phase")
    def set_phase(job_id: str) -> flask.Response:
        match required(params(), "PHASE", "RUN").upper():
            case "RUN":
                service.run(job_id)
            case "ABORT":
                service.abort(job_id)
            case other:
                raise ParameterError(f"PHASE={other[:60]!r} cannot be asked for; expected RUN or ABORT.")
        return _see(f"{root()}/{job_id}")

    @blueprint.post("/<job_id>/executionduration")
    def set_duration(job_id: str) -> flask.Response:
        service.set_duration(job_id, duration(required(params(), "EXECUTIONDURATION", "600")))
        return _see(f"{root()}/{job_id}")

    @blueprint.post("/<job_id>/destruction")
    def set_destruction(job_id: str) -> flask.Response:
        text = required(params(), "DESTRUCTION", "2030-01-31T12:00:00Z")
        service.set_destruction(job_id, instant("DESTRUCTION", text))
        return _see(f"{root()}/{job_id}")


def _add_results(
    blueprint: flask.Blueprint,
    service: JobService,
    sender: Sender,
    root: Callable[[], str],
    words: FaultBody,
) -> None:
    @blueprint.get("/<job_id>/parameters")
    def parameters(job_id: str) -> flask.Response:
        return _xml(parameters_document(service.get(job_id), f"{root()}/{job_id}"))

    @blueprint.get("/<job_id>/parameters/<path:name>")
    def parameter(job_id: str, name: str) -> flask.Response:
        return sender.respond(service.part(job_id, name), caching=_OWN)

    @blueprint.post("/<job_id>/parameters")
    def add_parameters(job_id: str) -> flask.Response:
        service.add_parameters(job_id, pairs(), files())
        return _see(f"{root()}/{job_id}")

    @blueprint.get("/<job_id>/results")
    def results(job_id: str) -> flask.Response:
        return _xml(results_document(service.get(job_id), f"{root()}/{job_id}"))

    @blueprint.get("/<job_id>/results/<name>")
    def result(job_id: str, name: str) -> flask.Response:
        result, answer = service.result(job_id, name)
        return sender.respond(answer, inline=result.file_name is None, caching=_OWN)

    @blueprint.get("/<job_id>/error")
    def error(job_id: str) -> flask.Response:
        job = service.get(job_id)
        if job.error is None:
            raise NotFoundError(f"This job has no error; it is {job.phase}.")
        # DALI 1.1 §4.2: the document arrived as it should, so the status is 200
        document, media_type = words(ServiceError(job.error.message))
        return _fresh(flask.Response(document, content_type=media_type))


def _waited(service: JobService, job_id: str) -> Job:
    given = params()
    phase = single(given, "PHASE")
    return service.wait(job_id, wait_seconds(given), None if phase is None else phase_of(phase))


def _session() -> str | None:
    token = flask.request.cookies.get(_COOKIE)
    return _digest(token) if token else None


def _client() -> str | None:
    address = flask.g.get("client")
    return _digest(address) if address else None


def _digest(token: str) -> str:
    # what lies in the database must not be enough to pose as somebody
    return hashlib.sha256(token.encode()).hexdigest()


def _see(address: str) -> flask.Response:
    return flask.Response(status=303, headers={"Location": address}, content_type=TEXT)


def _text(text: str) -> flask.Response:
    return _fresh(flask.Response(text, content_type=TEXT))


def _xml(body: bytes) -> flask.Response:
    return _fresh(flask.Response(body, content_type="text/xml; charset=utf-8"))


def _fresh(response: flask.Response) -> flask.Response:
    response.headers["Cache-Control"] = "no-store"  # a job changes from one moment to the next
    return response
