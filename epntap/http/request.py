"""What a request says, read once for all servers: parameters, files, who asks and over which connection."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import BinaryIO, cast

import flask

from epntap.access import ANONYMOUS, Caller
from epntap.dali.params import Params, read_params

__all__ = ["accepts_gzip", "caller", "client_socket", "files", "handed_on", "is_http_1_0", "pairs", "params"]


def pairs() -> list[tuple[str, str]]:
    """All parameters in order as (name, value), from the address and then from the body, however it is encoded."""
    request = flask.request
    return [*request.args.items(multi=True), *request.form.items(multi=True)]


def params() -> Params:
    """All parameters by upper-case name."""
    return read_params(pairs())


def files() -> Mapping[str, BinaryIO]:
    """The parts of the body that have a file name, by the names of the parts."""
    return {name: cast("BinaryIO", part.stream) for name, part in flask.request.files.items()}


def caller() -> Caller:
    """Who asks: whoever was recognised before the view, or nobody in particular."""
    found = flask.g.get("caller", ANONYMOUS)
    assert isinstance(found, Caller)
    return found


def handed_on(address: str, base: str) -> str:
    """An address below `base`, as it is given to a program that has no place for credentials: signed for the caller.

    As it is for nobody in particular. Raises ParameterError for an address that is none of ours.
    """
    sign = flask.g.get("sign")
    return address if sign is None else str(sign(address, base))


def client_socket() -> socket.socket | None:
    """The connection of the client, where the server lends it (gunicorn does)."""
    found = flask.request.environ.get("gunicorn.socket")
    return found if isinstance(found, socket.socket) else None


def is_http_1_0() -> bool:
    """Whether the client knows no chunks, so that an early end of the connection looks like the end of an answer."""
    return flask.request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0"


def accepts_gzip() -> bool:
    """Whether the answer may be compressed."""
    return flask.request.accept_encodings.quality("gzip") > 0
