"""The routes of this package, put together."""

from __future__ import annotations

from collections.abc import Callable

import flask

from datalink.bulk.params import Identifiers
from datalink.bulk.service import BulkService
from datalink.bulk.views import bulk_blueprint
from datalink.cutout import CutoutService
from datalink.service import DatalinkService
from datalink.soda.views import soda_blueprint
from datalink.views import links_blueprint

__all__ = ["blueprints"]


def blueprints(service: DatalinkService, ask: Callable[[str, int], Identifiers]) -> list[flask.Blueprint]:
    """What the web application registers; `ask` answers a query with the granules of at most so many rows."""
    cutouts = CutoutService(service)
    return [links_blueprint(service), soda_blueprint(cutouts), bulk_blueprint(BulkService(cutouts, ask))]
