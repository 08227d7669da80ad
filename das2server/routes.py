"""The routes of this room."""

from __future__ import annotations

from das2server.answer import Streams
from das2server.planes import Datasets
from das2server.views import das2_blueprint
from epntap.addresses import DAS2
from epntap.answer.admission import Admission
from epntap.archive.finding.finder import Finder
from epntap.archive.holdings import Holdings
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from summaries.reader import Summaries

__all__ = ["routes"]


def routes(finder: Finder, sender: Sender, settings: Settings, admission: Admission, pages: Pages) -> Wing:
    """/das2/server."""
    streams = Streams(
        finder.connect,
        Summaries(finder.connect, settings.summaries_dir),
        sender.watcher,
        admission.share("das streams", 1 / 4, computes=True),
        settings.hapi_bytes,
    )
    holdings = Holdings(finder.connect, finder.catalog, Datasets)
    return Wing(
        name="das2",
        blueprints=(das2_blueprint(settings, holdings, streams, sender, pages),),
        open_to_other_origins=(DAS2,),
    )
