"""Forms that change something are of a page that this browser was given: each bears a word that no other site knows."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import flask

from epntap.addresses import Addresses
from epntap.errors import ForbiddenError
from epntap.http.browsers.origin import refuse_other_sites
from epntap.http.callers.cookie import session_cookie

__all__ = ["FIELD", "Forms", "local_path"]

#: what forms call the word
FIELD = "form_word"
_COOKIE = "epntap_form"
_LONGEST_PATH = 2_000
#: begins with one slash; no backslash, no control, nothing that a browser takes for another host
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f-\x9f]*")


@dataclass(frozen=True, slots=True)
class Forms:
    """Makes the words of forms and looks at them."""

    #: the key with which words are made
    key: Callable[[], bytes]
    addresses: Addresses

    def word(self) -> str:
        """The word for the forms of this page: of the session, or of a cookie where there is none (see `keep`)."""
        basis = session_cookie()
        if not basis:
            basis = flask.g.form_cookie = flask.request.cookies.get(_COOKIE) or secrets.token_urlsafe(24)
        return self._word(basis)

    def keep(self, response: flask.Response) -> flask.Response:
        """Let the browser keep what the words of the page are made of."""
        if cookie := flask.g.get("form_cookie"):
            response.set_cookie(
                _COOKIE,
                cookie,
                httponly=True,
                samesite="Strict",
                secure=self.addresses.base.startswith("https:"),
                path=urlsplit(self.addresses.base).path or "/",
            )
        return response

    def check(self) -> None:
        """Raises ForbiddenError for a form of another site, and for one without its word."""
        refuse_other_sites(self.addresses)
        basis = session_cookie() or flask.request.cookies.get(_COOKIE, "")
        said = flask.request.form.get(FIELD, "").encode("utf-8", "surrogatepass")
        if not basis or not hmac.compare_digest(said, self._word(basis).encode()):
            raise ForbiddenError("This form is not of a page of this session any more; please load the page again.")

    def _word(self, basis: str) -> str:
        return hmac.new(self.key(), basis.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def local_path(text: str | None, otherwise: str) -> str:
    """A path of this service to go to, or `otherwise` for whatever could lead elsewhere."""
    if text and len(text) <= _LONGEST_PATH and _LOCAL.fullmatch(text):
        return text
    return otherwise
