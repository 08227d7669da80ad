"""The pages that every page leads to. A new page of the navigation is a line here."""

from __future__ import annotations

from epntap.addresses import DATASETS, EVENTS, HAPI_SERVER, HELP, JOBS, QUERY, SEARCH, SERVICES, STATUS, TAP
from epntap.pages import Entry

__all__ = ["NAVIGATION"]

NAVIGATION = (
    Entry("Search", SEARCH),
    Entry("Datasets", DATASETS),
    Entry("Events", EVENTS),
    Entry("Services", SERVICES),
    Entry("Query", QUERY),
    Entry("Examples", f"{TAP}/examples"),
    Entry("HAPI", HAPI_SERVER),
    Entry("Jobs", JOBS),
    Entry("Status", STATUS),
    Entry("Help", HELP),
)
