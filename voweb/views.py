"""What all pages load: stylesheets, scripts, pictures of the frame."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path

import flask
from markupsafe import Markup
from werkzeug.security import safe_join

from epntap.errors import NotFoundError
from epntap.http.documents import Document, to_conditional_response
from epntap.media import media_type
from epntap.pages import Pages
from epntap.pages.render import STATIC

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
            return _sent(_packed(pages.others[name], started), name, is_current=version == current)
        paths = (safe_join(str(folder), name) for folder in pages.assets)
        document = next((found for path in paths if path and (found := _document(path, started))), None)
        if document is None:
            raise NotFoundError(f"There is no {name[:200]!r} among what pages load.")
        return _sent(document, name, is_current=version == current)

    return blueprint


@lru_cache(maxsize=200)
def _document(path: str, started: datetime) -> Document | None:
    """A file, as it was when it was first asked for; None when there is none."""
    try:
        body = Path(path).read_bytes()
    except OSError:
        return None
    return _packed(body, started)


def _packed(body: bytes, started: datetime) -> Document:
    return Document(body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:32], started)


def _sent(document: Document, name: str, *, is_current: bool) -> flask.Response:
    response = to_conditional_response(document, _type_of(name))
    response.headers["Cache-Control"] = _FOR_EVER if is_current else _ASK_AGAIN
    return response


def _type_of(name: str) -> str:
    kind = media_type(name)
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def texts_blueprint(pages: Pages) -> flask.Blueprint:
    """/about and /legal, where the operator says something there."""
    blueprint = flask.Blueprint("texts", __name__)
    for path, title, text in ((ABOUT, "About", pages.site.about), (LEGAL, "Legal", pages.site.legal)):
        if text:
            # the operator's own, made of Markdown without HTML in it
            page = pages.render("voweb/text.html", title=title, text=Markup(text))  # noqa: S704
            blueprint.add_url_rule(path, title.lower(), partial(str, page))
    return blueprint
