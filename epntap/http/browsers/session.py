"""The cookie that lists together what one browser has begun. It opens nothing but that list."""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import urlsplit

import flask

from epntap.addresses import Addresses
from epntap.http.browsers.origin import is_of_other_site

__all__ = ["client_digest", "keep_session", "new_session", "session_digest"]

_COOKIE = "epntap_jobs"


def new_session() -> str:
    """The word in the cookie of whoever asks, or a new one that nobody can guess."""
    return flask.request.cookies.get(_COOKIE) or secrets.token_urlsafe(24)


def session_digest(token: str | None = None) -> str | None:
    """What the database keeps of a word, or of that in the cookie; None where there is none."""
    token = token or flask.request.cookies.get(_COOKIE)
    return _digest(token) if token else None


def client_digest() -> str | None:
    """What the database keeps of the address that asks."""
    address = flask.g.get("client")
    return _digest(address) if address else None


def keep_session(response: flask.Response, token: str, addresses: Addresses, lifetime_s: int) -> None:
    """Have the browser keep the word, and send it from pages of this service only.

    What the page of another site has sent is without the cookie: a new word would take the place of the one it keeps.
    """
    if is_of_other_site(addresses):
        return
    response.set_cookie(
        _COOKIE,
        token,
        max_age=lifetime_s,
        httponly=True,
        samesite="Lax",
        secure=addresses.base.startswith("https:"),
        path=urlsplit(addresses.base).path or "/",  # other pages of the host need not see it
    )


def _digest(token: str) -> str:
    # what lies in the database must not be enough to pose as somebody
    return hashlib.sha256(token.encode()).hexdigest()
