"""The routes of this room."""

from __future__ import annotations

from amdarest.data.answer import DataFiles
from amdarest.data.tickets import Tickets
from amdarest.products import Products
from amdarest.views import amda_blueprint
from epntap.addresses import AMDA
from epntap.answer.admission import Admission
from epntap.answer.kept import KeptFiles
from epntap.answer.watch import Watcher
from epntap.archive.finding.finder import Finder
from epntap.archive.holdings import Holdings
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from epntap.uws.service import JobService
from eventtables.files import TableFiles

__all__ = ["data_files", "routes"]


def data_files(finder: Finder, watcher: Watcher, settings: Settings, admission: Admission) -> DataFiles:
    """What makes files with data, in a process of the web or in a worker."""
    return DataFiles(
        connect=finder.connect,
        watcher=watcher,
        places=admission.share("amda files", 1 / 4, computes=True),
        most_bytes=settings.soda_async_bytes,
        at_once_bytes=settings.soda_sync_bytes,
        addresses=settings.addresses,
        kept=KeptFiles(settings.amda_dir, settings.amda_bytes),
    )


def routes(
    finder: Finder,
    tables: TableFiles,
    jobs: JobService,
    tickets: Tickets,
    sender: Sender,
    settings: Settings,
    admission: Admission,
    pages: Pages,
) -> Wing:
    """/php/rest, and what its answers point to."""
    files = data_files(finder, sender.watcher, settings, admission)
    holdings = Holdings(finder.connect, finder.catalog, Products)
    return Wing(
        name="amda",
        blueprints=(amda_blueprint(settings, holdings, files, tickets, jobs, tables, sender, pages),),
        open_to_other_origins=(AMDA,),
    )
