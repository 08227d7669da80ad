"""The routes of this room."""

from __future__ import annotations

from cutouts.interval import EventEnds
from epntap.addresses import HAPI_SERVER
from epntap.answer.admission import Admission
from epntap.archive.finding.finder import Finder
from epntap.archive.holdings import Holdings
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from hapiserver.data.answer import Records
from hapiserver.datasets import Datasets
from hapiserver.info import Terms
from hapiserver.views import hapi_blueprint

__all__ = ["routes"]


def routes(
    finder: Finder, events: EventEnds, sender: Sender, settings: Settings, admission: Admission, pages: Pages
) -> Wing:
    """/hapi and what is below it."""
    places = admission.share("records", 1 / 4, computes=True)
    records = Records(finder.connect, sender.watcher, places, Terms(settings.hapi_bytes, settings.hapi_license))
    holdings = Holdings(finder.connect, finder.catalog, Datasets)
    return Wing(
        name="hapi",
        blueprints=(hapi_blueprint(settings, holdings, records, events, sender, pages),),
        open_to_other_origins=(HAPI_SERVER,),
    )
