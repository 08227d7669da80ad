"""The bodies of requests: how large they may be, and what is said to a client that sends more.

Parts with a file name go to temporary files as they arrive; everything else is a parameter and stays in memory.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress

import flask
from werkzeug.exceptions import RequestEntityTooLarge

from epntap.errors import ParameterError, TooLargeError
from epntap.settings import Settings

__all__ = ["limit_bodies"]

#: of the parameters of one request: a query, or thousands of identifiers
MOST_FORM_BYTES = 20_000_000
MOST_FORM_PARTS = 20_000
#: a client that is refused hears why only when it has sent all: so much is taken in and thrown away, for so long
_MOST_IGNORED_BYTES = 1_000_000_000
_IGNORED_WITHIN_S = 20.0
_BLOCK = 1024 * 1024
_BARE_BOUNDARY = re.compile(r"(;\s*boundary=)([^\s\";]+)", re.IGNORECASE)


def limit_bodies(app: flask.Flask, settings: Settings) -> None:
    """Receive the body of every request before its view runs. Views then find the form and the files ready.

    Raises TooLargeError with the limits.
    """
    app.config.update(
        MAX_CONTENT_LENGTH=settings.upload_bytes + MOST_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_FORM_BYTES,
        MAX_FORM_PARTS=MOST_FORM_PARTS,
    )

    @app.before_request
    def receive() -> None:
        request = flask.request
        if not request.content_length and "Transfer-Encoding" not in request.headers:
            return
        request.environ["CONTENT_TYPE"] = _with_quoted_boundary(request.environ.get("CONTENT_TYPE", ""))
        if request.is_json:
            raise ParameterError(
                "The body is JSON, but parameters are taken as a form (application/x-www-form-urlencoded or "
                "multipart/form-data); please send them as one."
            )
        try:
            _ = request.form
        except RequestEntityTooLarge as exc:
            _ignore_body()
            raise TooLargeError(
                "The request is larger than is accepted: all uploaded tables together may have "
                f"{settings.upload_bytes:,} bytes, and the other parameters {MOST_FORM_BYTES:,} bytes in at most "
                f"{MOST_FORM_PARTS:,} parts."
            ) from exc


def _with_quoted_boundary(content_type: str) -> str:
    # astroquery writes boundary====1700000000===, whose equals signs call for quotes (RFC 2045 §5.1), and whose body is
    # otherwise as it should be; without a boundary the whole form would count as empty
    return _BARE_BOUNDARY.sub(r'\1"\2"', content_type)


def _ignore_body() -> None:
    stream = flask.request.environ["wsgi.input"]
    until = time.monotonic() + _IGNORED_WITHIN_S
    ignored = 0
    with suppress(OSError):
        while ignored < _MOST_IGNORED_BYTES and time.monotonic() < until and (block := stream.read(_BLOCK)):
            ignored += len(block)
