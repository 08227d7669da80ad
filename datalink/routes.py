"""The routes of this package, put together."""

from __future__ import annotations

from collections.abc import Callable

import flask

from cutouts.cutouts import CutoutService
from datalink.bulk.params import Identifiers
from datalink.bulk.service import BulkService
from datalink.bulk.views import bulk_blueprint
from datalink.links.views import links_blueprint
from datalink.soda.views import soda_blueprint
from epntap.archive.finder import DatalinkService

__all__ = ["blueprints"]


def blueprints(service: DatalinkService, ask: Callable[[str, int], Identifiers]) -> list[flask.Blueprint]:
    """What the web application registers; `ask` answers a query with the granules of at most so many rows."""
    cutouts = CutoutService(service)
    return [links_blueprint(service), soda_blueprint(cutouts), bulk_blueprint(BulkService(cutouts, ask))]
