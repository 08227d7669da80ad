"""The cookie of a session: sent by browsers to this service only, and read by no script."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import flask

from epntap.addresses import Addresses

__all__ = ["forget_session", "keep_signed_in", "session_cookie"]

_COOKIE = "epntap_session"


def session_cookie() -> str:
    """What the request has of it; empty without."""
    return flask.request.cookies.get(_COOKIE, "")


def keep_signed_in(response: flask.Response, value: str, expires: datetime, addresses: Addresses) -> None:
    """Have the browser keep the session until then."""
    lifetime_s = int((expires - datetime.now(UTC)).total_seconds())
    response.set_cookie(
        _COOKIE,
        value,
        max_age=lifetime_s,
        httponly=True,
        samesite="Lax",
        secure=addresses.base.startswith("https:"),
        path=_path(addresses),
    )


def forget_session(response: flask.Response, addresses: Addresses) -> None:
    """Have the browser forget it."""
    response.delete_cookie(
        _COOKIE, path=_path(addresses), httponly=True, samesite="Lax", secure=addresses.base.startswith("https:")
    )


def _path(addresses: Addresses) -> str:
    return urlsplit(addresses.base).path or "/"
