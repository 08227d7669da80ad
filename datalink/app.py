"""The routes of this package, put together."""

from __future__ import annotations

import flask

from datalink.cutout import CutoutService
from datalink.service import DatalinkService
from datalink.soda.views import soda_blueprint
from datalink.views import links_blueprint

__all__ = ["blueprints"]


def blueprints(service: DatalinkService) -> list[flask.Blueprint]:
    """What the web application registers."""
    return [links_blueprint(service), soda_blueprint(CutoutService(service))]
