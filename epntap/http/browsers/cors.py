"""Pages of other sites may ask this service (CORS): there is nothing here that a cookie or a login would open."""

from __future__ import annotations

from collections.abc import Sequence

import flask

__all__ = ["allow_other_origins"]

#: headers of an answer that a script may read, besides those that it always may
_EXPOSED = (
    "Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Range", "ETag", "Location", "Retry-After",
    "X-Maxrec", "X-Overflow", "X-Remarks", "X-Request-Id",
)  # fmt: skip
#: headers of a request that a script may send, besides those that it always may
_ACCEPTED = ("Authorization", "Content-Type", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Range")
#: seconds for which a browser need not ask again
_MAX_AGE = 86_400


def allow_other_origins(app: flask.Flask, prefixes: Sequence[str]) -> None:
    """Let browsers read what is at and below these paths, errors included, and answer their preflight requests."""

    @app.after_request
    def allow(response: flask.Response) -> flask.Response:
        path = flask.request.path
        if not any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes):
            return response
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = ", ".join(_EXPOSED)
        if flask.request.method == "OPTIONS" and "Access-Control-Request-Method" in flask.request.headers:
            response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
            response.headers["Access-Control-Allow-Headers"] = ", ".join(_ACCEPTED)
            response.headers["Access-Control-Max-Age"] = str(_MAX_AGE)
        return response
