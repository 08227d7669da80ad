"""The routes of this room."""

from __future__ import annotations

from cutouts.processes.pool import Cutters
from epntap.addresses import PLOT, PREVIEW
from epntap.answer.admission import Admission
from epntap.answer.kept import KeptFiles
from epntap.archive.finding.finder import Finder
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from previews.marks import EventsWithin
from previews.service import Previews
from previews.views import plot_blueprint, preview_blueprint
from summaries.reader import Summaries

__all__ = ["routes"]


def routes(
    finder: Finder, events: EventsWithin, sender: Sender, settings: Settings, admission: Admission, pages: Pages
) -> Wing:
    """/preview and /plot, and what is below them."""
    service = Previews(
        connect=finder.connect,
        finder=finder,
        summaries=Summaries(finder.connect, settings.summaries_dir),
        watcher=sender.watcher,
        places=admission.share("pictures", 1 / 4, computes=True),
        drawing=admission.counted("pictures being drawn", admission.cores),
        kept=KeptFiles(settings.previews_dir, settings.preview_bytes),
        drawers=Cutters(
            module="previews.drawing.child",
            environ={"MPLBACKEND": "agg", "MPLCONFIGDIR": str(settings.previews_dir / "matplotlib")},
            what="picture",
            log_file=settings.log_file,
        ),
        events=events,
    )
    return Wing(
        name="previews",
        blueprints=(preview_blueprint(service, sender, pages), plot_blueprint(service, sender, pages)),
        open_to_other_origins=(PREVIEW, PLOT),
    )
