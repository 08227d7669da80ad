"""/help and what is below it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import flask
import werkzeug
from werkzeug.security import safe_join

from epntap.addresses import HELP
from epntap.errors import NotFoundError
from epntap.http.browsers.policy import PAGE_POLICY
from epntap.http.documents import to_conditional_response
from epntap.pages import Pages
from voweb.files import content_type, file_document

__all__ = ["FIRST", "help_blueprint"]

#: the page that a site begins with
FIRST = "index.html"
#: what the site is made of, and the hashes of the scripts and styles within its pages
_MANIFEST = "site.json"
#: pages name stylesheets and scripts with a digest of what is in them
_WITH_DIGEST = "public, max-age=31536000, immutable"


def help_blueprint(pages: Pages, site: Path) -> flask.Blueprint:
    """The routes, for the site in this folder."""
    blueprint = flask.Blueprint("help", __name__)
    started = datetime.now(UTC).replace(microsecond=0)

    @blueprint.get(f"{HELP}/")
    def first() -> werkzeug.Response:
        if flask.request.path == HELP:  # addresses within the site are relative to its folder
            return flask.redirect(pages.site.at(f"{HELP}/"), 308)
        return page(FIRST)

    @blueprint.get(f"{HELP}/<path:name>")
    def page(name: str) -> werkzeug.Response:
        path = safe_join(str(site), name)
        document = file_document(path, started) if path else None
        if document is None:
            raise NotFoundError(_missing(name, site))
        response = to_conditional_response(document, content_type(name))
        if "v" in flask.request.args and not name.endswith(".html"):
            response.headers["Cache-Control"] = _WITH_DIGEST
        if name.endswith(".html"):
            response.headers["Content-Security-Policy"] = _policy(site)
        return response

    return blueprint


def _missing(name: str, site: Path) -> str:
    if (site / FIRST).is_file():
        return f"There is no {name[:200]!r} in the help; {HELP}/ lists all pages and searches them."
    return (
        "The help has not been built in this installation. One that is installed from a wheel has it; in a clone "
        "'make docs' builds it, and the same pages can be read as Markdown in the folder docs."
    )


def _policy(site: Path) -> str:
    """The policy of all pages, which allows within a page what has been there when the site was built."""
    hashes = json.loads((site / _MANIFEST).read_text(encoding="utf-8"))["policy"]
    return "; ".join([PAGE_POLICY, *(f"{name} 'self' {' '.join(allowed)}" for name, allowed in hashes.items())])
