"""The routes of this room."""

from __future__ import annotations

from amdarest.answer import DataFiles
from amdarest.products import Products
from amdarest.views import amda_blueprint
from epntap.addresses import AMDA
from epntap.answer.admission import Admission
from epntap.archive.finding.finder import Finder
from epntap.archive.holdings import Holdings
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from eventtables.files import TableFiles

__all__ = ["routes"]


def routes(
    finder: Finder, tables: TableFiles, sender: Sender, settings: Settings, admission: Admission, pages: Pages
) -> Wing:
    """/php/rest, and what its answers point to."""
    places = admission.share("amda files", 1 / 4, computes=True)
    files = DataFiles(finder.connect, sender.watcher, places, settings.hapi_bytes, settings.addresses)
    holdings = Holdings(finder.connect, finder.catalog, Products)
    return Wing(
        name="amda",
        blueprints=(amda_blueprint(settings, holdings, files, tables, sender, pages),),
        open_to_other_origins=(AMDA,),
    )
