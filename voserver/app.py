"""The web application: servers, error pages, one log line a request. It knows none of them by name."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

import flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from epntap.access import SigningIn
from epntap.http.body import limit_bodies
from epntap.http.browsers.cors import allow_other_origins
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.browsers.negotiation import wants_page
from epntap.http.browsers.policy import protect_pages
from epntap.http.callers.recognise import recognise_callers
from epntap.http.encoding import Utf8Request
from epntap.http.faults import HTML, TEXT, answer_faults, as_text
from epntap.http.host import notice_hosts
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from voserver.metrics import observe_answer, observe_request

__all__ = ["create_app"]

log = logging.getLogger("epntap.request")

_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})


def create_app(
    wings: Iterable[Wing], settings: Settings, pages: Pages | None = None, signing_in: SigningIn | None = None
) -> flask.Flask:
    """The application around its servers; `pages` say to people what goes wrong, `signing_in` knows who asks."""
    app = flask.Flask("epntap")
    app.request_class = Utf8Request
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # its redirections would be made of the Host header
    open_paths: list[str] = []
    for wing in wings:
        wing.register(app)
        open_paths += wing.open_to_other_origins
    _add_errors(app, FaultPages(pages or Pages()))
    protect_pages(app)
    allow_other_origins(app, open_paths)
    _add_log(app, frozenset(settings.trusted_proxies.replace(" ", "").split(",")))
    limit_bodies(app, settings)
    notice_hosts(app, settings)
    if signing_in is not None:
        recognise_callers(app, signing_in, settings.addresses)
    return app


def _add_errors(app: flask.Flask, people: FaultPages) -> None:
    def said(message: str, status: int) -> flask.Response:
        if wants_page():
            response = flask.Response(people.page(status, [message]), status, content_type=HTML)
        else:
            response = flask.Response(f"{message}\n", status=status, content_type=TEXT)
        response.vary.add("Accept")
        return response

    def wrong_method(error: MethodNotAllowed) -> flask.Response:
        allowed = ", ".join(sorted(error.valid_methods or ()))
        path, method = urlsplit(flask.request.url).path, flask.request.method
        response = said(f"{path} does not take {method}; it takes {allowed}.", 405)
        response.headers["Allow"] = allowed
        return response

    answer_faults(app, lambda _error: as_text, people)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> flask.Response | HTTPException:
        if error.response is not None or error.code is None:
            return error
        if error.code == 404:
            return said(f"There is nothing at {urlsplit(flask.request.url).path}; the page / lists what is here.", 404)
        if isinstance(error, MethodNotAllowed):
            return wrong_method(error)
        response = said(error.description or error.name, error.code)
        response.headers.update({k: v for k, v in error.get_headers() if k not in {"Content-Type", "Content-Length"}})
        return response

    @app.errorhandler(Exception)
    def bug(error: Exception) -> flask.Response:
        log.error("unhandled error", exc_info=error, extra={"request_id": flask.g.get("request_id", "")})
        number = flask.g.get("request_id", "")
        return said(
            f"The service failed on this request; the operators find the reason in the log under {number}.", 500
        )


def _client(trusted: frozenset[str]) -> str | None:
    """Who asks: what the last proxy that is believed says of it, or the other end of the connection."""
    address = flask.request.remote_addr
    for one in reversed(flask.request.headers.get("X-Forwarded-For", "").split(",")):
        if address not in trusted or not one.strip():
            break
        address = one.strip()[:100]
    return address


def _add_log(app: flask.Flask, trusted: frozenset[str]) -> None:
    @app.before_request
    def start() -> None:
        flask.g.request_id = uuid.uuid4().hex[:16]
        flask.g.started = time.monotonic()
        flask.g.client = _client(trusted)
        if "\0" in flask.request.path:  # no name has it, and no database takes it
            flask.abort(404)

    @app.after_request
    def finish(response: flask.Response) -> flask.Response:
        request_id, started, answer = flask.g.request_id, flask.g.started, flask.g.get("answer")
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        # the pattern, of which there are few; the address may be anything
        endpoint = flask.request.url_rule.rule if flask.request.url_rule else "none"
        method = flask.request.method if flask.request.method in _METHODS else "other"
        entry = {
            "request_id": request_id,
            "method": flask.request.method,
            "path": flask.request.path,
            "status": response.status_code,
            "client": flask.g.client,
            "agent": flask.request.headers.get("User-Agent", ""),
        }

        def closed() -> None:
            seconds = time.monotonic() - started
            entry["seconds"] = round(seconds, 4)
            observe_request(endpoint, method, response.status_code, seconds)
            if answer is not None:
                entry["bytes"] = answer.bytes_sent
                entry["ending"] = answer.ending
                if answer.outcome is not None:
                    entry["rows"] = answer.outcome.rows
                observe_answer(answer.outcome.rows if answer.outcome else 0, answer.bytes_sent)
            log.info("request", extra=entry)

        response.call_on_close(closed)
        return response
