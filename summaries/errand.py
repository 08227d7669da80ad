"""Making a year of summaries, as workers are asked for it."""

from __future__ import annotations

import os
from contextlib import suppress

from cutouts.processes.one_thread import ONE_THREAD
from epntap.archive.model import ArchiveFile
from epntap.spread.errand import Errand
from summaries.build import YearMade, YearPlan, build_year

__all__ = ["YEAR", "step_back"]


def step_back() -> None:
    """Let everybody else's work go first."""
    with suppress(OSError):
        os.nice(5)


YEAR = Errand("year", build_year, (YearPlan, YearMade, ArchiveFile), begin=step_back, environ=ONE_THREAD)
