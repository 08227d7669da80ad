"""What a client is told about how to sign in (IVOA SSO 2.0, RFC 9110 §11.6.1)."""

from __future__ import annotations

import flask

from epntap.addresses import LOGIN, Addresses

__all__ = ["challenge", "name_caller"]

_BY_FORM = 'standard_id="ivo://ivoa.net/sso#tls-with-password"'
REALM = "epntap"


def challenge(
    response: flask.Response, addresses: Addresses, *, refused: bool = False, to_browser: bool = False
) -> None:
    """Say how one may sign in: with status 200 it is an offer, with 401 it is needed.

    A browser asks for a password itself where it hears of Basic, so it hears of the page only.
    """
    login = f'{_BY_FORM}, access_url="{addresses.at(LOGIN)}"'
    offers = [f"ivoa_cookie {login}"]
    if not to_browser:
        error = ' error="invalid_token"' if refused else ""
        offers += [
            f'Basic realm="{REALM}", charset="UTF-8"',
            f"ivoa_bearer {login}",
            f'Bearer realm="{REALM}"{"," if error else ""}{error}',
        ]
    for offer in offers:
        response.headers.add("WWW-Authenticate", offer)


def name_caller(response: flask.Response, name: str) -> None:
    """Say who was recognised."""
    response.headers["X-VO-Authenticated"] = name
