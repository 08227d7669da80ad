"""The routes of granules."""

from __future__ import annotations

from epntap.archive.finding.finder import Finder
from epntap.http.wing import Wing
from epntap.pages import Pages
from voweb.granules.facts import Granules
from voweb.granules.views import granules_blueprint

__all__ = ["routes"]


def routes(pages: Pages, finder: Finder) -> Wing:
    """/granules and what is below it."""
    granules = Granules(finder.catalog, finder.connect)
    return Wing(name="granules", blueprints=(granules_blueprint(granules, finder, pages),))
