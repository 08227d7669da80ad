"""/query over HTTP: the page, and what its script asks for. The page does all of it without scripts too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import flask

from epntap.addresses import JOBS, QUERY
from epntap.dali.params import single
from epntap.errors import AdqlError, EpnTapError, ParameterError, Problem
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.browsers.origin import refuse_other_sites
from epntap.http.browsers.session import client_digest, keep_session, new_session, session_digest
from epntap.http.documents import Documents, to_conditional_response
from epntap.http.faults import HTML, answer_faults, as_text, status_of
from epntap.http.request import caller, client_socket, files, params
from epntap.pages import Pages
from epntap.tap.examples import examples_for
from epntap.tap.query.explain import Explanation
from epntap.tap.query.pipeline import TapService
from epntap.uws.model import JobRequest
from epntap.uws.service import JobService
from voweb.islands import island
from voweb.query.code import code_of
from voweb.query.form import LIMITS, PAGE_ROWS, Action, Form, read_form
from voweb.query.result import Result, ask
from voweb.query.schema import datasets_document, parameters_document, schema_document, written_table

__all__ = ["query_blueprint"]

_JSON = "application/json"
#: a longer query is no address
_LONGEST_LINK = 4_000


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the page says below the form."""

    status: int = 200
    error: str = ""
    problems: tuple[Problem, ...] = ()
    explanation: Explanation | None = None
    result: Result | None = None


def query_blueprint(pages: Pages, service: TapService, jobs: JobService) -> flask.Blueprint:
    """The routes of the query page."""
    blueprint = flask.Blueprint("query", __name__, url_prefix=QUERY)

    @blueprint.route("", methods=["GET", "POST"])
    def page() -> flask.Response:
        form = Form()
        try:
            form = read_form(params(), files())
            if form.action is Action.JOB:
                return _job(jobs, form, pages)
            outcome = _outcome(service, form)
        except EpnTapError as exc:
            problems = exc.problems if isinstance(exc, AdqlError) else ()
            outcome = _Outcome(status_of(exc), exc.message, problems)
        response = flask.Response(_page(pages, service, form, outcome), outcome.status, content_type=HTML)
        response.headers["Cache-Control"] = "no-store" if flask.request.method == "POST" else "private, no-cache"
        return response

    _add_documents(blueprint, service)
    _add_questions(blueprint, service)
    answer_faults(blueprint, lambda _error: as_text, FaultPages(pages))
    return blueprint


def _add_documents(blueprint: flask.Blueprint, service: TapService) -> None:
    documents = Documents(service.started)

    @blueprint.get("/schema.json")
    def schema() -> flask.Response:
        given, catalog = params(), service.catalog()
        name, dataset_id = single(given, "SCHEMA"), single(given, "DATASET")
        if name is None:
            document = documents.get("schema", catalog, schema_document)
        elif dataset_id is None:
            document = documents.get(
                f"datasets of {name}", catalog, lambda _: datasets_document(service, catalog, name)
            )
        else:
            document = documents.get(
                f"{name}, {dataset_id}", catalog, lambda _: parameters_document(service, catalog, name, dataset_id)
            )
        return to_conditional_response(document, _JSON)


def _add_questions(blueprint: flask.Blueprint, service: TapService) -> None:
    @blueprint.route("/check.json", methods=["GET", "POST"])
    def check() -> flask.Response:
        form = read_form(params(), files())
        try:
            service.check(form.request(caller()))
        except EpnTapError as exc:
            return _told(exc, 200)  # the question was what is wrong
        return _json({"message": "", "problems": []})

    @blueprint.route("/explain.json", methods=["GET", "POST"])
    def explain() -> flask.Response:
        form = read_form(params(), files())
        try:
            found = service.explain(form.request(caller()))
        except EpnTapError as exc:
            return _told(exc, status_of(exc))
        return _json(
            {
                "sql": found.sql,
                "rows": found.rows,
                "seconds": found.seconds,
                "sentences": found.sentences,
                "is_long": found.is_long,
            }
        )

    @blueprint.route("/code.json", methods=["GET", "POST"])
    def code() -> flask.Response:
        return _json(_code(service, read_form(params(), files())))


def _outcome(service: TapService, form: Form) -> _Outcome:
    if flask.request.method == "HEAD":
        return _Outcome()
    match form.action:
        case Action.RUN:
            return _Outcome(result=ask(service, form, caller(), client_socket()))
        case Action.EXPLAIN:
            return _Outcome(explanation=service.explain(form.request(caller())))
        case _:
            return _Outcome()


def _job(jobs: JobService, form: Form, pages: Pages) -> flask.Response:
    """A job of it, begun; raises ParameterError where there is none."""
    if flask.request.method != "POST":
        raise ParameterError("A job is begun by the button of the form, not by a link.")
    refuse_other_sites(jobs.settings.addresses)
    form.request(caller())
    token = new_session()
    everything = replace(form, maxrec=jobs.settings.maxrec_hard)
    pairs = [*everything.pairs, ("RESPONSEFORMAT", "votable"), ("PHASE", "RUN")]
    job = jobs.create(JobRequest(pairs, form.files, session_digest(token), caller(), client_digest()))
    response = flask.Response(status=303, headers={"Location": pages.site.at(f"{JOBS}/{job.job_id}")})
    if job.owner is None:
        keep_session(response, token, jobs.settings.addresses, jobs.settings.job_lifetime_s)
    return response


def _page(pages: Pages, service: TapService, form: Form, outcome: _Outcome) -> str:
    catalog, site = service.catalog(), pages.site
    is_link = bool(form.query) and len(form.query) <= _LONGEST_LINK
    tables = {written_table(table): table for table in catalog.tables}
    uploads = form.upload is not None
    return pages.render(
        "voweb.query/page.html",
        form=form,
        limits=LIMITS,
        page_rows=PAGE_ROWS,
        outcome=outcome,
        corrections=[_corrections(form.query, problem) for problem in outcome.problems],
        permalink=site.at(QUERY, sql=form.query) if is_link else "",
        page_link=(lambda number: site.at(QUERY, sql=form.query, maxrec=form.maxrec, do="run", page=number))
        if is_link and not uploads
        else None,
        tables=tables,
        shown=tables.get(form.shown),
        examples=examples_for(catalog),
        code=_code(service, form) if form.query else {},
        island=island("query"),
        most_rows=service.settings.maxrec_hard,
        most_upload_rows=service.settings.upload_rows,
        most_upload_bytes=service.settings.upload_bytes,
    )


def _code(service: TapService, form: Form) -> Mapping[str, str]:
    return code_of(form.query, service.settings.addresses.tap(), form.table if form.upload is not None else None)


def _corrections(query: str, problem: Problem) -> list[tuple[str, str]]:
    """For each suggestion, what it is and the whole query with it."""
    lines = query.split("\n")
    start = sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1
    end = start + problem.length
    return [(one, query[:start] + one + query[end:]) for one in problem.suggestions if len(query) <= _LONGEST_LINK]


def _told(error: EpnTapError, status: int) -> flask.Response:
    """What is wrong with a query, for the script."""
    problems = error.problems if isinstance(error, AdqlError) else ()
    response = _json(
        {
            "message": error.message,
            "problems": [
                {
                    "message": problem.message,
                    "line": problem.line,
                    "column": problem.column,
                    "length": problem.length,
                    "suggestions": problem.suggestions,
                }
                for problem in problems
            ],
        }
    )
    response.status_code = status
    return response


def _json(document: Mapping[str, Any]) -> flask.Response:  # of any shape
    text = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    return flask.Response(text, content_type=_JSON, headers={"Cache-Control": "no-store"})
