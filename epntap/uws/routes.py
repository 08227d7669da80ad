"""The routes of jobs, for whichever server has some."""

from __future__ import annotations

from collections.abc import Sequence

from epntap.http.faults import FaultBody, as_votable
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.uws.service import JobService
from epntap.uws.views import uws_blueprint

__all__ = ["routes"]


def routes(
    jobs: JobService,
    sender: Sender,
    pages: Pages,
    paths: Sequence[str],
    words: FaultBody = as_votable,
) -> Wing:
    """The jobs of one kind at each of these paths, which name themselves in the addresses of jobs."""
    return Wing(
        name=f"{jobs.kind} jobs",
        blueprints=tuple(
            uws_blueprint(jobs, sender, pages, path=path, name=f"{jobs.kind}_jobs_{number}", words=words)
            for number, path in enumerate(paths)
        ),
        open_to_other_origins=tuple(paths),
    )
