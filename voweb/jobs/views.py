"""/jobs and what is below it, and the same as JSON. Whatever changes something is posted by a form of these pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask

from epntap.access import Caller
from epntap.addresses import JOBS
from epntap.errors import NotFoundError
from epntap.http.browsers.origin import refuse_other_sites
from epntap.http.browsers.session import client_digest, keep_session, new_session, session_digest
from epntap.http.faults import HTML
from epntap.http.request import caller
from epntap.pages import Pages
from voweb.jobs.desk import MOST, Desk

__all__ = ["jobs_blueprint"]


def jobs_blueprint(desk: Desk, pages: Pages) -> flask.Blueprint:
    """The routes of jobs."""
    blueprint = flask.Blueprint("jobs", __name__, url_prefix=JOBS)
    _add_pages(blueprint, desk, pages)
    _add_actions(blueprint, desk, pages)

    # the list at the same address with .json, which is beside the prefix and not below it
    @blueprint.record_once
    def beside(state: Any) -> None:  # a BlueprintSetupState, of the framework's inside
        def as_json() -> flask.Response:
            return _json({"jobs": [one.to_json() for one in desk.listed(session_digest(), caller())]})

        state.app.add_url_rule(f"{JOBS}.json", f"{blueprint.name}.list_json", as_json)

    return blueprint


def _add_pages(blueprint: flask.Blueprint, desk: Desk, pages: Pages) -> None:
    @blueprint.get("")
    def listed() -> flask.Response:
        page = pages.render(
            "voweb.jobs/list.html",
            jobs=desk.listed(session_digest(), caller()),
            has_session=session_digest() is not None or not caller().is_anonymous,
            shows_all=desk.shows_all,
            lifetime_s=desk.lifetime_s,
            most=MOST,
        )
        return _own(flask.Response(page, content_type=HTML))

    @blueprint.get("/<job_id>")
    def one(job_id: str) -> flask.Response:
        if job_id.endswith(".json"):
            return _json(desk.get(job_id.removesuffix(".json"), caller()).to_json())
        shown = desk.get(job_id, caller())
        return _own(flask.Response(pages.render("voweb.jobs/job.html", shown=shown, job=shown.job), content_type=HTML))

    @blueprint.get("/open")
    def found() -> flask.Response:
        # a name or an address of a job, as somebody has kept it
        job_id = flask.request.args.get("job", "").strip().rstrip("/").rpartition("/")[2]
        if not job_id:
            raise NotFoundError("No job is named; paste the name or the address of one.")
        return _see(pages.site.at(f"{JOBS}/{desk.get(job_id, caller()).job.job_id}"))


def _add_actions(blueprint: flask.Blueprint, desk: Desk, pages: Pages) -> None:
    def action(name: str, do: Callable[[str, Caller], None], after: str = "") -> None:
        def view(job_id: str) -> flask.Response:
            refuse_other_sites(desk.addresses)
            do(job_id, caller())
            return _see(after or pages.site.at(f"{JOBS}/{job_id}"))

        blueprint.add_url_rule(f"/<job_id>/{name}", name, view, methods=["POST"])

    action("run", lambda job_id, who: desk.run(job_id, who, client_digest()))
    action("abort", desk.abort)
    action("delete", desk.delete, pages.site.at(JOBS))

    @blueprint.post("/<job_id>/repeat")
    def repeat(job_id: str) -> flask.Response:
        refuse_other_sites(desk.addresses)
        token = new_session()
        other = desk.repeat(job_id, session_digest(token), client_digest(), caller())
        response = _see(pages.site.at(f"{JOBS}/{other}"))
        if caller().is_anonymous:
            keep_session(response, token, desk.addresses, desk.lifetime_s)
        return response


def _see(address: str) -> flask.Response:
    return flask.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})


def _json(document: dict[str, Any]) -> flask.Response:  # of any shape
    return _own(flask.jsonify(document))


def _own(response: flask.Response) -> flask.Response:
    # whose jobs they are is told by a cookie, and they change from one moment to the next
    response.headers["Cache-Control"] = "private, no-store"
    response.vary.add("Cookie")
    return response
