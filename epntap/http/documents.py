"""Metadata documents over HTTP: made once for each state of the catalogue, sent again only when they have changed."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import flask

from epntap.access import ANONYMOUS, Caller
from epntap.catalog.model import Catalog

__all__ = ["Document", "Documents", "to_conditional_response"]

#: documents that are kept: clients can ask for some of them at many addresses of this machine
_MOST = 200
#: such a document is sent hundreds of times for each time that it is compressed
_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a document, as they are and compressed, and what names this version of them."""

    body: bytes
    packed: bytes
    tag: str
    #: UTC, whole seconds
    changed: datetime


class Documents:
    """What was made of the current catalogue."""

    def __init__(self, started: datetime) -> None:
        self._started = started.replace(microsecond=0)
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        self._made: dict[str, Document] = {}

    def get(
        self, name: str, catalog: Catalog, make: Callable[[Catalog], bytes], caller: Caller = ANONYMOUS
    ) -> Document:
        """The document of this name, made if it is the first time for this catalogue.

        One for somebody in a group is made for them alone.
        """
        if caller.groups:
            return self._document(make(catalog), catalog.changed)
        with self._lock:
            if catalog is not self._catalog or len(self._made) >= _MOST:
                self._catalog, self._made = catalog, {}
            if (found := self._made.get(name)) is None:
                found = self._made[name] = self._document(make(catalog), catalog.changed)
            return found

    def _document(self, body: bytes, published: datetime | None) -> Document:
        # a new version of the software or a setting may change a document as well as a publication
        changed = max(self._started, published.replace(microsecond=0)) if published else self._started
        return Document(body, gzip.compress(body, _LEVEL, mtime=0), hashlib.sha256(body).hexdigest()[:32], changed)


def to_conditional_response(document: Document, content_type: str) -> flask.Response:
    """The document, or 304 when the client has it. Each encoding has an ETag of its own (RFC 9110 §8.8.3.3)."""
    request = flask.request
    response = flask.Response(content_type=content_type)
    if request.accept_encodings.quality("gzip") > 0:
        response.set_data(document.packed)
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(f"{document.tag}-gzip")
    else:
        response.set_data(document.body)
        response.set_etag(document.tag)
    response.last_modified = document.changed
    response.headers["Vary"] = "Accept-Encoding"
    # kept by whoever likes, and asked about each time: a publication is seen at once, and the question costs nothing
    response.headers["Cache-Control"] = "public, no-cache"
    response.make_conditional(request)
    return response
