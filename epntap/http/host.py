"""Which address of the service a client has reached, and whether addresses may be made of it."""

from __future__ import annotations

import flask

from epntap.addresses import REACHED_AT, is_known_host
from epntap.settings import Settings

__all__ = ["notice_hosts"]


def notice_hosts(app: flask.Flask, settings: Settings) -> None:
    """Make addresses of what a client has asked, where it cannot be somebody else's invention.

    The Host header says what the client, or whoever made the link that it follows, takes for the service.
    """
    if settings.public_url:
        return
    allowed = frozenset(settings.allowed_hosts.lower().replace(" ", "").split(","))

    @app.before_request
    def notice() -> None:
        host = flask.request.headers.get("Host", "")
        REACHED_AT.set(f"{flask.request.scheme}://{host}" if is_known_host(host, allowed) else "")
        flask.g.host_is_unknown = not REACHED_AT.get()
