"""What all pages of an installation have in common."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import epntap
from epntap.addresses import Addresses

__all__ = ["Entry", "Site", "site_prefix"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the navigation."""

    label: str
    #: path, which begins with a slash
    path: str


@dataclass(frozen=True, slots=True)
class Site:
    """The frame of every page."""

    #: stands in the header and in the titles of pages
    name: str = "EPN-TAP service"
    navigation: tuple[Entry, ...] = ()
    #: of what stands at the end of each page
    footer: tuple[Entry, ...] = ()
    tagline: str = ""
    #: HTML of the pages that the operator has written
    about: str = ""
    legal: str = ""
    #: address of whoever answers for the service, https: or mailto:
    contact: str = ""
    #: names of files that pages load; empty for none
    logo: str = ""
    colours: str = ""
    #: a script that every page loads, which makes buttons of what can be sent to other programs
    sends: str = ""
    #: path of the public address, without a slash at the end: pages lead to each other without naming the host
    prefix: str = ""
    #: of this software
    version: str = epntap.__version__

    def has(self, path: str) -> bool:
        """Whether the navigation leads to a page of this path."""
        return any(entry.path == path for entry in self.navigation)

    def at(self, path: str, /, **query: object) -> str:
        """The address of a path of this service, from a page; parameters that are None are left out."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        # half of a surrogate has no UTF-8
        asked = f"?{urlencode(given, errors='replace')}" if given else ""
        return f"{self.prefix}{quote(path, safe='/~@:;,=+!*', errors='replace')}{asked}"


def site_prefix(addresses: Addresses) -> str:
    """The path of the public address: empty unless the service is below a path of its host."""
    return urlsplit(addresses.public).path.rstrip("/")
