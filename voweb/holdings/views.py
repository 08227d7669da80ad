"""/, which is also the page of TAP, /services and /services/<schema>, and the same as JSON."""

from __future__ import annotations

from typing import Any

import flask

from epntap.addresses import SERVICES, TAP
from epntap.http.faults import HTML
from epntap.pages import Pages
from epntap.settings import Settings
from voweb.holdings.facts import Holdings

__all__ = ["holdings_blueprint"]

#: asked about each time: a publication is seen at once
_CACHING = "no-cache"
#: that the first page leads to
_MOST_TARGETS = 12


def holdings_blueprint(holdings: Holdings, pages: Pages, settings: Settings) -> flask.Blueprint:
    """The routes of what is published."""
    blueprint = flask.Blueprint("holdings", __name__)

    @blueprint.get("/")
    @blueprint.get(TAP)
    def home() -> flask.Response:
        services = holdings.all()
        return _page(
            pages.render(
                "voweb.holdings/home.html",
                services=services,
                targets=holdings.targets(_MOST_TARGETS),
                tap=settings.addresses.tap(),
                maxrec=settings.maxrec_default,
                unknown_host=flask.request.headers.get("Host", "") if flask.g.get("host_is_unknown") else None,
            )
        )

    @blueprint.get(SERVICES)
    def services() -> flask.Response:
        return _page(pages.render("voweb.holdings/services.html", services=holdings.all()))

    @blueprint.get(f"{SERVICES}.json")
    def services_json() -> flask.Response:
        return _json({"services": [one.to_json(settings.addresses) for one in holdings.all()]})

    @blueprint.get(f"{SERVICES}/<schema>")
    def service(schema: str) -> flask.Response:
        tap = settings.addresses.tap()
        if schema.endswith(".json"):
            return _json(holdings.get(schema.removesuffix(".json")).to_json(settings.addresses))
        one = holdings.get(schema)
        return _page(pages.render("voweb.holdings/service.html", one=one, tap=tap, citation=one.citation(tap)))

    return blueprint


def _page(text: str) -> flask.Response:
    return flask.Response(text, headers={"Cache-Control": _CACHING}, content_type=HTML)


def _json(document: dict[str, Any]) -> flask.Response:  # of any shape
    response = flask.jsonify(document)
    response.headers["Cache-Control"] = _CACHING
    return response
