"""The routes of jobs, for whichever server has some."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flask

from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.uws.service import JobService
from epntap.uws.views import text_error, uws_blueprint, votable_error

__all__ = ["routes", "text_error", "votable_error"]


def routes(
    jobs: JobService,
    sender: Sender,
    paths: Sequence[str],
    error: Callable[[str], flask.Response] = votable_error,
) -> Wing:
    """The jobs of one kind at each of these paths, which name themselves in the addresses of jobs."""
    return Wing(
        name=f"{jobs.kind} jobs",
        blueprints=tuple(
            uws_blueprint(jobs, sender, path=path, name=f"{jobs.kind}_jobs_{number}", error=error)
            for number, path in enumerate(paths)
        ),
        open_to_other_origins=tuple(paths),
    )
