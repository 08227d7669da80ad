"""What is offered to people after an error of links or cut-outs: the form again, with what they had filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from epntap.addresses import LINKS
from epntap.dali.params import MAXREC
from epntap.errors import EpnTapError, TooLargeError
from epntap.http.browsers.faultpage import Remedy, Way
from epntap.http.request import pairs
from epntap.pages import Pages

__all__ = ["OF_LINKS", "back_to_links", "form_address"]

#: parameters of {links} itself; the others belong into the fields of forms
OF_LINKS = frozenset({"ID", "SCHEMA", "RESPONSEFORMAT", MAXREC})
#: of what is filled in again
_MOST_FIELDS = 250


def back_to_links(pages: Pages) -> Callable[[EpnTapError], Remedy]:
    """What leads from an error to the forms of the granule that was asked for."""

    def remedy(error: EpnTapError) -> Remedy:
        asked = [] if isinstance(error, TooLargeError) else [(name, value) for name, value in pairs() if value]
        address = form_address(pages, asked)
        return Remedy(asked=asked, ways=[Way("Change the request", address)] if address else [])

    return remedy


def form_address(pages: Pages, asked: Sequence[tuple[str, str]]) -> str | None:
    """The page of the granule with its forms filled in; None when no single granule is asked for."""
    identifiers = [value for name, value in asked if name.upper() == "ID"]
    if len(identifiers) != 1:
        return None
    kept = [(name, value) for name, value in asked if name.upper() not in OF_LINKS]
    where = [(name.upper(), value) for name, value in asked if name.upper() in {"ID", "SCHEMA"}]
    return f"{pages.site.at(LINKS)}?{urlencode([*where, *kept[:_MOST_FIELDS]])}"
