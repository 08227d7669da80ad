"""What all pages load: stylesheets, scripts, pictures of the frame."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import flask
from werkzeug.security import safe_join

from epntap.errors import NotFoundError
from epntap.http.documents import Document, to_conditional_response
from epntap.pages import Pages
from epntap.pages.render import STATIC, assets_version

__all__ = ["assets_blueprint"]

_FOR_EVER = "public, max-age=31536000, immutable"
#: asked for at the address of another version: by a page that was made before, or by another process during an upgrade
_ASK_AGAIN = "no-cache"


def assets_blueprint(pages: Pages) -> flask.Blueprint:
    """The route of stylesheets and scripts."""
    blueprint = flask.Blueprint("assets", __name__)

    started = datetime.now(UTC).replace(microsecond=0)

    @blueprint.get(f"{STATIC}/<version>/<path:name>")
    def asset(version: str, name: str) -> flask.Response:
        current = assets_version(tuple(pages.assets))
        paths = (safe_join(str(folder), name) for folder in pages.assets)
        document = next((found for path in paths if path and (found := _document(path, started))), None)
        if document is None:
            raise NotFoundError(f"There is no {name[:200]!r} among what pages load.")
        response = to_conditional_response(document, _type_of(name))
        response.headers["Cache-Control"] = _FOR_EVER if version == current else _ASK_AGAIN
        return response

    return blueprint


@lru_cache(maxsize=200)
def _document(path: str, started: datetime) -> Document | None:
    """A file, as it was when it was first asked for; None when there is none."""
    try:
        body = Path(path).read_bytes()
    except OSError:
        return None
    return Document(body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:32], started)


def _type_of(name: str) -> str:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
