"""What follows the public address, for all that this service publishes. No I/O here.

Ingestion writes addresses down without the public address in front (`Addresses()`), so that the service can move.
Every address of a granule names its service: two services may give one name to different granules.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode

__all__ = [
    "ACCOUNT",
    "AMDA",
    "ASYNC",
    "BULK",
    "DAS2",
    "DATA",
    "DATASETS",
    "EVENTS",
    "FILES",
    "GRANULES",
    "GROUPS",
    "HAPI",
    "HAPI_SERVER",
    "HELP",
    "JOBS",
    "LINKS",
    "LOGIN",
    "LOGOUT",
    "MINE",
    "PLOT",
    "PREVIEW",
    "QUERY",
    "REACHED_AT",
    "REGISTER",
    "SEARCH",
    "SERVICES",
    "SODA",
    "SODA_ASYNC",
    "SODA_SYNC",
    "STATISTICS_ASYNC",
    "STATUS",
    "TAP",
    "TAP_PATHS",
    "Addresses",
    "around_uid",
    "file_place",
    "is_known_host",
]

TAP = "/tap"
#: where TAP is, and where it was on a DaCHS installation
TAP_PATHS = (TAP, "/__system__/tap/run")
#: below the address of a service: its jobs
ASYNC = "/async"
LINKS = "/datalink/links"
HAPI = "/datalink/hapi"
#: our own server of datasets
HAPI_SERVER = "/hapi"
#: the same datasets as das2 streams
DAS2 = "/das2"
#: the same datasets by AMDA's REST interface
AMDA = "/php"
#: for people: how all this is used
HELP = "/help"
#: for people: their jobs of all kinds
JOBS = "/jobs"
QUERY = "/query"
#: for people: granules without ADQL
SEARCH = "/search"
SERVICES = "/services"
#: for people: what is measured, and one granule with its plot
DATASETS = "/datasets"
GRANULES = "/granules"
#: tables of events, as pages and as files
EVENTS = "/events"
#: jobs that make statistics of parameters for each event of a table
STATISTICS_ASYNC = f"/statistics{ASYNC}"
#: for people: how the service is
STATUS = "/status"
BULK = "/datalink/bulk"
SODA = "/datalink/soda"
SODA_SYNC = f"{SODA}/sync"
SODA_ASYNC = f"{SODA}{ASYNC}"
#: granules as a whole, and files that are published as they are
DATA = "/data"
FILES = "/files"
#: pictures of granules, datasets and services
PREVIEW = "/preview"
#: where one signs in, whether a person or a program, and out
LOGIN = "/login"
LOGOUT = "/logout"
REGISTER = "/register"
#: one's own account, and groups that one leads
ACCOUNT = "/account"
GROUPS = "/groups"
#: tables and queries that somebody keeps
MINE = "/mine"
#: values of a dataset, few enough to be drawn
PLOT = "/plot"

#: the address at which a client has reached the service, while its request is answered and where it can be believed
REACHED_AT: ContextVar[str] = ContextVar("reached_at", default="")

#: a host and a port; nothing else may come into an address
_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::[0-9]{1,5})?")
#: no character of a schema, and one that quoting leaves alone
_PLACE = "~"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes addresses. `schema` is the service that a granule is from, None where nobody knows it."""

    #: the public address without a trailing slash; empty for addresses that are relative to it
    public: str = ""
    #: where there is none: the address on this machine, unless the client of the request at hand has reached another
    local: str = ""

    @property
    def base(self) -> str:
        """What addresses begin with."""
        if self.public or not self.local:
            return self.public
        return REACHED_AT.get() or self.local

    def at(self, path: str) -> str:
        """Of a path that begins with a slash."""
        return f"{self.base}{path}"

    def absolute(self, address: str) -> str:
        """Of what is stored: relative to the public address, or somewhere else altogether."""
        return self.at(address) if address.startswith("/") else address

    def tap(self, resource: str = "") -> str:
        """Of TAP, or of what is below it: sync, async, tables ..."""
        return self.at(f"{TAP}/{resource}" if resource else TAP)

    def links(self, granule_uid: str | None = None, schema: str | None = None) -> str:
        """Of {links}, or of the links of a granule."""
        if granule_uid is None:
            return self.at(LINKS)
        where = f"&{urlencode(_where(schema))}" if schema else ""
        return self.at(f"{LINKS}?ID={quote(granule_uid, safe='')}{where}")

    def data(self, granule_uid: str, extension: str, schema: str | None) -> str:
        """Of a granule as a whole: a path, so that its end is the name of a file."""
        return self.at(f"{DATA}/{f'{schema}/' if schema else ''}{quote(granule_uid)}.{extension}")

    def preview(self, granule_uid: str, schema: str, width: int | None = None) -> str:
        """Of a picture of a granule or dataset, of so many pixels."""
        query = f"?width={width}" if width else ""
        return self.at(f"{PREVIEW}/{schema}/{quote(granule_uid)}.png{query}")

    def dataset_page(self, schema: str, dataset_id: str) -> str:
        """Of the page of a dataset."""
        return self.at(f"{DATASETS}/{schema}/{quote(dataset_id, safe='')}")

    def granule_page(self, schema: str, granule_uid: str) -> str:
        """Of the page of a granule."""
        return self.at(f"{GRANULES}/{schema}/{quote(granule_uid, safe='')}")

    def soda(self, resource: str = "sync") -> str:
        """Of a resource of the cut-out service: sync, async, capabilities, availability."""
        return self.at(f"{SODA}/{resource}")

    def cutout(self, asked_for: Iterable[tuple[str, str]], schema: str | None) -> str:
        """Of a cut-out with these parameters, which are not SCHEMA."""
        return f"{self.at(SODA_SYNC)}?{urlencode([*asked_for, *_where(schema)])}"

    def hapi(self) -> str:
        """Of the redirection to the HAPI server of a dataset."""
        return self.at(HAPI)

    def file(self, schema: str, path: str) -> str:
        """Of a file that is published as it is."""
        return self.at(f"{FILES}/{schema}/{quote(path, safe='/')}")


def _where(schema: str | None) -> list[tuple[str, str]]:
    return [("SCHEMA", schema)] if schema else []


def around_uid(address_of: Callable[[str], str]) -> tuple[str, str]:
    """What stands before and after a granule_uid in the address that a function makes of it."""
    before, _, after = address_of(_PLACE).rpartition(_PLACE)
    return before, after


def file_place(address: str) -> tuple[str, str] | None:
    """The schema and the path of a published file with this relative address; None for other addresses."""
    if not address.startswith(f"{FILES}/"):
        return None
    schema, _, path = address.removeprefix(f"{FILES}/").partition("/")
    return schema, unquote(path)


def is_known_host(host: str, allowed: frozenset[str] = frozenset()) -> bool:
    """Whether it names this machine, or is one that the operator allows, with or without its port."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"].lower()
    if name == "localhost" or host.lower() in allowed or name in allowed:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
