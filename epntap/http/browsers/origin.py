"""Forms that change something are taken from pages of this service only."""

from __future__ import annotations

from urllib.parse import urlsplit

import flask

from epntap.addresses import Addresses
from epntap.errors import ForbiddenError

__all__ = ["is_of_other_site", "refuse_other_sites"]


def refuse_other_sites(addresses: Addresses) -> None:
    """Raises ForbiddenError for what the page of another site has sent; browsers say where a form is from.

    The cookie is not sent along by other sites either (SameSite), and the names of jobs cannot be guessed.
    """
    if is_of_other_site(addresses):
        raise ForbiddenError("This form comes from a page of another site; please use the page of this service.")


def is_of_other_site(addresses: Addresses) -> bool:
    """Whether the page of another site has sent the request, as far as browsers say that."""
    headers = flask.request.headers
    site = headers.get("Sec-Fetch-Site")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    origin = headers.get("Origin")
    if origin is None:  # no browser, or one that sends forms of the same site without
        return False
    return _host_of(origin) not in {headers.get("Host", ""), urlsplit(addresses.base).netloc} - {""}


def _host_of(origin: str) -> str:
    """Host and port; empty for what is no address of a site, such as null."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
