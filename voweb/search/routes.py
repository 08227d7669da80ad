"""The routes of the search."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from epntap.catalog.model import Catalog
from epntap.connection import Connection
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from voweb.search.shelf import Shelves
from voweb.search.views import search_blueprint

__all__ = ["routes"]


def routes(
    pages: Pages,
    settings: Settings,
    catalog: Callable[[], Catalog],
    connect: Callable[[], AbstractContextManager[Connection]],
) -> Wing:
    """Search for people; `connect` lends a connection in the service role."""
    return Wing(name="search", blueprints=(search_blueprint(pages, settings, Shelves(catalog, connect), connect),))
