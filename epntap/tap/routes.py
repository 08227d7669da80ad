"""The routes of TAP, without its jobs (epntap/uws)."""

from __future__ import annotations

from epntap.addresses import TAP, TAP_PATHS
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.tap.examples import examples_blueprint
from epntap.tap.query.pipeline import TapService
from epntap.tap.sync import sync_blueprint
from epntap.tap.vosi import vosi_blueprint

__all__ = ["routes"]


def routes(service: TapService, sender: Sender, pages: Pages) -> Wing:
    """Queries and what there is to be queried."""
    return Wing(
        name="tap",
        blueprints=(
            sync_blueprint(service, sender, pages),
            vosi_blueprint(service),
            examples_blueprint(service, pages),
        ),
        prefixes=TAP_PATHS,
        open_to_other_origins=TAP_PATHS,
        capabilities=f"{TAP}/capabilities",
    )
