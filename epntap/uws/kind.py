"""A kind of jobs, and how those that run it share the threads of a worker."""

from __future__ import annotations

from dataclasses import dataclass

from epntap.uws.model import Run

__all__ = ["JobKind"]


@dataclass(frozen=True, slots=True)
class JobKind:
    """What a worker can run."""

    #: as in the table of jobs
    name: str
    run: Run
    #: its jobs last, so that each of them leaves a thread to others
    lasts: bool = False
    #: nobody waits for its jobs: it has one thread of its own, and takes none from others
    aside: bool = False
