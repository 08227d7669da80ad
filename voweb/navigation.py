"""The pages that every page leads to. A new page of the navigation is a line here."""

from __future__ import annotations

from epntap.pages import Entry

__all__ = ["NAVIGATION"]

NAVIGATION = (
    Entry("Examples", "/tap/examples"),
    Entry("HAPI", "/hapi"),
)
