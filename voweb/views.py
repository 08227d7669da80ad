"""What all pages load: stylesheets, scripts, pictures of the frame."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import flask
from markupsafe import Markup
from werkzeug.security import safe_join

from epntap.errors import NotFoundError
from epntap.http.documents import Document, to_conditional_response
from epntap.pages import Pages
from epntap.pages.render import STATIC
from voweb.files import content_type, document_of, file_document

__all__ = ["ABOUT", "LEGAL", "assets_blueprint", "texts_blueprint"]

ABOUT = "/about"
LEGAL = "/legal"

_FOR_EVER = "public, max-age=31536000, immutable"
#: asked for at the address of another version: by a page that was made before, or by another process during an upgrade
_ASK_AGAIN = "no-cache"


def assets_blueprint(pages: Pages) -> flask.Blueprint:
    """The route of stylesheets and scripts."""
    blueprint = flask.Blueprint("assets", __name__)

    started = datetime.now(UTC).replace(microsecond=0)

    @blueprint.get(f"{STATIC}/<version>/<path:name>")
    def asset(version: str, name: str) -> flask.Response:
        current = pages.assets_version
        if name in pages.others:
            return _sent(document_of(pages.others[name], started), name, is_current=version == current)
        paths = (safe_join(str(folder), name) for folder in pages.assets)
        document = next((found for path in paths if path and (found := file_document(path, started))), None)
        if document is None:
            raise NotFoundError(f"There is no {name[:200]!r} among what pages load.")
        return _sent(document, name, is_current=version == current)

    return blueprint


def _sent(document: Document, name: str, *, is_current: bool) -> flask.Response:
    response = to_conditional_response(document, content_type(name))
    response.headers["Cache-Control"] = _FOR_EVER if is_current else _ASK_AGAIN
    return response


def texts_blueprint(pages: Pages) -> flask.Blueprint:
    """/about and /legal, where the operator says something there."""
    blueprint = flask.Blueprint("texts", __name__)
    for path, title, text in ((ABOUT, "About", pages.site.about), (LEGAL, "Legal", pages.site.legal)):
        if text:
            # the operator's own, made of Markdown without HTML in it
            page = pages.render("voweb/text.html", title=title, text=Markup(text))  # noqa: S704
            blueprint.add_url_rule(path, title.lower(), partial(str, page))
    return blueprint
