"""/account/addresses: addresses signed for programs that have no place for credentials."""

from __future__ import annotations

import flask

from epntap.addresses import ACCOUNT, Addresses
from epntap.errors import AuthenticationError, ParameterError
from epntap.http.faults import TEXT
from epntap.http.request import caller, handed_on, pairs

__all__ = ["add_addresses"]

_MOST = 10_000


def add_addresses(blueprint: flask.Blueprint, addresses: Addresses) -> None:
    """Add the route."""

    @blueprint.post(f"{ACCOUNT}/addresses")
    def signed() -> flask.Response:
        if caller().is_anonymous:
            raise AuthenticationError("Addresses are signed for somebody who has signed in.")
        asked = [value for name, value in pairs() if name.upper() == "ADDRESS"]
        if not 0 < len(asked) <= _MOST:
            raise ParameterError(
                f"ADDRESS is to be given once for each address, {_MOST:,} times at most; it came {len(asked):,} times."
            )
        text = "".join(f"{handed_on(one, addresses.base)}\n" for one in asked)
        return flask.Response(text, content_type=TEXT)
