"""Signed addresses, for programs that have no place for credentials: SAMP clients, lists for wget.

`/signed/<what it says>/<path>?<parameters>` is the same as `<path>?<parameters>`, asked by whoever had it signed. It
holds for one path with its parameters, to be read, for an hour at most, and as long as the account may sign in; what
its owner may have is asked again each time. The signature is taken off before anything is written to the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import itsdangerous

from epntap.errors import AuthenticationError, ParameterError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["LIFETIME_S", "SIGNED", "Signatures", "SignedPaths", "signature_of"]

#: before the path of a signed address
SIGNED = "/signed"
LIFETIME_S = 3600
#: in the environment of a request, what stood before its path
_GIVEN = "epntap.signature"
_PURPOSE = "addresses"
_NO_LONGER = "This address is not good, or no longer: it held for an hour. Please have it signed again."


class Signatures:
    """Signs addresses, and knows again whom it signed them for."""

    def __init__(self, key: bytes) -> None:
        self._signer = itsdangerous.URLSafeTimedSerializer(
            key, salt=_PURPOSE, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )

    def sign(self, address: str, base: str, name: str) -> str:
        """The address, which is one below `base`, as somebody of this name may hand it to a program.

        Raises ParameterError for other addresses.
        """
        parts = urlsplit(address)
        path = unquote(address.removeprefix(base).partition("?")[0])
        is_ours = address.startswith(f"{base}/") and address.isprintable()  # it becomes one line of a list
        if not is_ours or parts.fragment or path.startswith(f"{SIGNED}/") or _climbs(path):
            raise ParameterError(
                f"{address[:100]!r} is no address of this service; expected one that begins with {base}/."
            )
        said = self._signer.dumps([name, _digest(path, parts.query)])
        return f"{base}{SIGNED}/{said}{address.removeprefix(base)}"

    def name_in(self, signature: str, path: str, query: str) -> str:
        """Whose address it is. Raises AuthenticationError for one that was signed long ago, for others, or never."""
        try:
            name, digest = self._signer.loads(signature, max_age=LIFETIME_S)
        except (itsdangerous.BadData, ValueError, TypeError):
            raise AuthenticationError(_NO_LONGER) from None
        if digest != _digest(path, query):
            raise AuthenticationError(_NO_LONGER)
        return str(name)


class SignedPaths:
    """Takes the signature off the path of a request, so that no server and no log ever sees it."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """As WSGI has it."""
        path = environ.get("PATH_INFO", "")
        if path.startswith(f"{SIGNED}/"):
            signature, slash, rest = path.removeprefix(f"{SIGNED}/").partition("/")
            environ[_GIVEN] = signature
            environ["PATH_INFO"] = f"{slash}{rest}"
            for name in ("RAW_URI", "REQUEST_URI"):  # web servers read them again when they have answered
                if name in environ:
                    environ[name] = _spelled(environ)
        return self._app(environ, start_response)


def _spelled(environ: WSGIEnvironment) -> str:
    """The path and its parameters as they might have been sent."""
    path, query = quote(environ["PATH_INFO"], encoding="latin-1"), environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def signature_of(environ: WSGIEnvironment) -> str | None:
    """What stood before the path of the request; None for one that is not signed."""
    found = environ.get(_GIVEN)
    return None if found is None else str(found)


def _digest(path: str, query: str) -> str:
    """Of a path without its escapes, and of parameters in any order."""
    pairs = "&".join(
        sorted(f"{quote(name)}={quote(value)}" for name, value in parse_qsl(query, keep_blank_values=True))
    )
    return hashlib.sha256(f"{path}?{pairs}".encode("utf-8", "surrogateescape")).hexdigest()[:40]


def _climbs(path: str) -> bool:
    return ".." in path.split("/")
