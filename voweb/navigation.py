"""The pages that every page leads to. A new page of the navigation is a line here."""

from __future__ import annotations

from epntap.addresses import HAPI_SERVER, JOBS, SERVICES, STATUS, TAP
from epntap.pages import Entry

__all__ = ["NAVIGATION"]

NAVIGATION = (
    Entry("Services", SERVICES),
    Entry("Examples", f"{TAP}/examples"),
    Entry("HAPI", HAPI_SERVER),
    Entry("Jobs", JOBS),
    Entry("Status", STATUS),
)
