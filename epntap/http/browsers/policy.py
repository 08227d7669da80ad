"""What browsers are told about pages: nothing from elsewhere runs in them (Content Security Policy)."""

from __future__ import annotations

import flask

from epntap.addresses import FILES

__all__ = ["PAGE_POLICY", "protect_pages"]

#: scripts and styles of our own only, as files; SAMP hubs of the reader's machine; pictures of whatever granules have
PAGE_POLICY = (
    "default-src 'self'; connect-src 'self' http://localhost:21012 http://127.0.0.1:21012; "
    "img-src 'self' data: https: http:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)
#: of files that others have made: shown, but nothing in them runs or counts as ours
_FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
_PAGES = frozenset({"text/html", "application/xhtml+xml"})


def protect_pages(app: flask.Flask) -> None:
    """Give every page its policy, and every file of others another."""

    @app.after_request
    def protect(response: flask.Response) -> flask.Response:
        is_file = flask.request.path.startswith(f"{FILES}/") and response.status_code < 400
        if response.mimetype == "application/pdf":  # a browser shows none within a sandbox
            return response
        if is_file or response.mimetype == "image/svg+xml":
            response.headers["Content-Security-Policy"] = _FILE_POLICY
        elif response.mimetype in _PAGES:
            # a page may have brought one of its own
            response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            response.headers["Referrer-Policy"] = "same-origin"
        return response
