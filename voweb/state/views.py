"""/status, and the same as JSON."""

from __future__ import annotations

import flask

from epntap.addresses import STATUS
from epntap.http.faults import HTML
from epntap.pages import Pages
from voweb.state.facts import MOST_REFUSED, States

__all__ = ["state_blueprint"]


def state_blueprint(states: States, pages: Pages) -> flask.Blueprint:
    """The routes of the state."""
    blueprint = flask.Blueprint("state", __name__)

    @blueprint.get(STATUS)
    def state() -> flask.Response:
        page = pages.render("voweb.state/status.html", state=states.now(), most_refused=MOST_REFUSED)
        return flask.Response(page, headers={"Cache-Control": "no-store"}, content_type=HTML)

    @blueprint.get(f"{STATUS}.json")
    def state_json() -> flask.Response:
        response = flask.jsonify(states.now().to_json())
        response.headers["Cache-Control"] = "no-store"
        return response

    return blueprint
