"""The routes of this room: links, cut-outs and files, and many cut-outs at once."""

from __future__ import annotations

from cutouts.cutouts import Cutouts
from cutouts.interval import EventEnds
from datalink.bulk.params import Ask
from datalink.bulk.service import BulkService
from datalink.bulk.views import bulk_blueprint
from datalink.links.document import Links
from datalink.links.views import links_blueprint
from datalink.soda.views import soda_blueprint
from datalink.soda.vosi import soda_capabilities
from epntap.addresses import BULK, DATA, FILES, SODA
from epntap.answer.admission import Admission
from epntap.archive.finding.finder import Finder
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings

__all__ = ["bulk", "links", "soda"]


def links(finder: Finder, sender: Sender, settings: Settings, admission: Admission, pages: Pages) -> Wing:
    """{links} of granules."""
    service = Links(finder, settings.addresses, admission.share("link documents", 1 / 4), pages)
    return Wing(name="links", blueprints=(links_blueprint(service, sender),), open_to_other_origins=("/datalink",))


def soda(cutouts: Cutouts, events: EventEnds, sender: Sender, settings: Settings, pages: Pages) -> Wing:
    """Cut-outs that are made while the client waits, and files as they are."""

    def capabilities() -> bytes:
        return soda_capabilities(settings, signs_in=pages.has_accounts())

    return Wing(
        name="soda",
        blueprints=(soda_blueprint(cutouts, events, sender, capabilities, pages),),
        open_to_other_origins=(SODA, DATA, FILES),
        capabilities=f"{SODA}/capabilities",
    )


def bulk(
    cutouts: Cutouts,
    ask: Ask,
    events: EventEnds,
    sender: Sender,
    settings: Settings,
    admission: Admission,
    pages: Pages,
) -> Wing:
    """Many cut-outs in one answer; `ask` answers a query with the granules of at most so many rows."""
    service = BulkService(
        cutouts,
        ask,
        events,
        admission.share("bulk answers", 1 / 8),
        settings.bulk_members,
        settings.bulk_bytes,
        settings.results_dir / "spool",
        settings.send_timeout_s,
    )
    return Wing(name="bulk", blueprints=(bulk_blueprint(service, sender, pages),), open_to_other_origins=(BULK,))
