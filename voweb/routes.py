"""The routes of this room."""

from __future__ import annotations

from collections.abc import Callable

from epntap.catalog.model import Catalog
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from voweb.views import assets_blueprint, home_blueprint

__all__ = ["routes"]


def routes(pages: Pages, catalog: Callable[[], Catalog], settings: Settings) -> Wing:
    """Pages of the service, and what all pages load."""
    return Wing(name="web", blueprints=(assets_blueprint(pages), home_blueprint(pages, catalog, settings)))
