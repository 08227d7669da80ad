"""The routes of the query page."""

from __future__ import annotations

from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.tap.query.pipeline import TapService
from epntap.uws.service import JobService
from voweb.query.views import query_blueprint

__all__ = ["routes"]


def routes(pages: Pages, service: TapService, jobs: JobService) -> Wing:
    """ADQL for people; `jobs` are those of queries."""
    return Wing(name="query", blueprints=(query_blueprint(pages, service, jobs),))
