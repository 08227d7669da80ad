"""What a job is (UWS 1.1 §2.1). Plain data, no I/O here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

from epntap.access import ANONYMOUS, Caller
from epntap.errors import ForbiddenError, NotFoundError, UnavailableError

__all__ = [
    "ACTIVE",
    "Filters",
    "IllegalTransitionError",
    "Job",
    "JobCancelledError",
    "JobError",
    "JobRequest",
    "JobResult",
    "Part",
    "Phase",
    "Progress",
    "ResultError",
    "Run",
    "Sink",
    "is_job_id",
    "no_such_job",
]

_JOB_ID = re.compile("[0-9a-f]{32}")


class Phase(StrEnum):
    """Execution phases (UWS 1.1 §2.1.3); jobs here are never HELD, SUSPENDED, ARCHIVED or UNKNOWN."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    UNKNOWN = "UNKNOWN"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"


#: phases that a job can still leave: only here does WAIT wait (UWS 1.1 §2.2.1.2)
ACTIVE = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING})


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job has no result."""

    message: str
    is_transient: bool = False


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a result file holds."""

    media_type: str
    extension: str
    size_bytes: int
    #: Content-Encoding, when the file is compressed
    encoding: str | None = None
    #: last part of its address
    name: str = "result"
    #: under which it is saved, if it has a name of its own
    file_name: str | None = None
    #: of a table; None for what has no rows
    rows: int | None = None
    #: whether there were more rows than were asked for, or than are given at once
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A file that was posted with a job."""

    #: of the part of the request; what a parameter refers to
    name: str
    #: last part of the name of the file that keeps it
    file: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a new job is asked to do, and who asks."""

    #: (name, value) in order
    parameters: Sequence[tuple[str, str]]
    #: files that are posted, by the names of their parts
    files: Mapping[str, BinaryIO] = field(default_factory=dict)
    #: digest of the cookie that lists jobs together
    session: str | None = None
    caller: Caller = ANONYMOUS
    #: digest of the address that asks; jobs of one take turns with those of others
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come."""

    done: int
    total: int
    #: what it is working at
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it was at one moment. Times are UTC."""

    job_id: str
    kind: str
    phase: Phase
    created: datetime
    destruction: datetime
    execution_duration_s: int
    #: whose it is; None for nobody in particular: whoever knows its name
    owner: str | None = None
    run_id: str | None = None
    queued: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    #: (name, value) in order, as they were posted
    parameters: tuple[tuple[str, str], ...] = ()
    attempt: int = 0
    error: JobError | None = None
    #: in the order in which they were made; empty unless COMPLETED
    results: tuple[JobResult, ...] = ()
    progress: Progress | None = None
    #: files that were posted, each name once
    parts: tuple[Part, ...] = ()
    #: with whose rights it was run: who fetches a result is in all of them still
    groups: frozenset[str] = frozenset()

    def part(self, name: str) -> Part | None:
        """The file that was posted under this name, or None."""
        return next((part for part in self.parts if part.name == name), None)

    @property
    def quote(self) -> datetime:
        """When the job ends at the latest, counted from the last thing known of it (UWS 1.1 §2.1.6)."""
        if self.ended is not None:
            return self.ended
        return (self.started or self.queued or self.created) + timedelta(seconds=self.execution_duration_s)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Job:  # values of the columns of uws.job
        """The job in a row of uws.job."""
        error = None
        if row["error_message"] is not None:
            error = JobError(row["error_message"], row["error_is_transient"])
        return cls(
            job_id=row["job_id"],
            kind=row["kind"],
            phase=Phase(row["phase"]),
            created=row["created"].astimezone(UTC),
            destruction=row["destruction"].astimezone(UTC),
            execution_duration_s=row["execution_duration_s"],
            owner=row["owner"],
            run_id=row["run_id"],
            queued=_utc(row["queued"]),
            started=_utc(row["started"]),
            ended=_utc(row["ended"]),
            parameters=tuple((name, value) for name, value in row["parameters"]),
            attempt=row["attempt"],
            error=error,
            results=tuple(JobResult(**result) for result in row["results"] or ()),
            progress=None if row["progress"] is None else Progress(**row["progress"]),
            parts=tuple(Part(**part) for part in row["parts"]),
            groups=frozenset(row["groups"]),
        )


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which jobs a list shows (UWS 1.1 §2.2.2.1); all of them hold at once."""

    #: any of these; empty: all but ARCHIVED
    phases: tuple[Phase, ...] = ()
    #: created later than this
    after: datetime | None = None
    #: only so many, the newest
    last: int | None = None


class Sink(Protocol):
    """Where a running job writes its result, or its results one after the other."""

    def describe(self, media_type: str, extension: str, encoding: str | None = None) -> None:
        """Say what will be written, and its Content-Encoding if it has one."""
        ...

    def begin(self, name: str, media_type: str, extension: str, *, file_name: str | None = None) -> None:
        """Begin the next of several results; it takes the place of `describe`."""
        ...

    def rewind(self) -> None:
        """Forget the current result; `begin` begins another in its place."""
        ...

    def report(self, done: int, total: int, doing: str = "") -> None:
        """Say how far the job has come; cheap."""
        ...

    def write(self, block: bytes) -> object:
        """Take the next bytes. Raises JobCancelledError when nobody wants them now, ResultError for a full disk."""
        ...

    def count(self, rows: int, *, is_cut: bool) -> None:
        """Say how many rows were written, and whether there were more."""
        ...

    def on_cancel(self, cancel: Callable[[], None]) -> None:
        """Register what ends the work at once; it may be called from another thread, and more than once."""
        ...


class Run(Protocol):
    """What a worker calls to run the jobs of one kind. Our errors become the phase ERROR with their sentence."""

    def __call__(self, job: Job, sink: Sink) -> None:
        """Write the result of the job to the sink."""
        ...


class IllegalTransitionError(ForbiddenError):
    """The job is not in a phase from which this can be done (UWS 1.1 §2.2: status 403)."""


class JobCancelledError(Exception):
    """The job was aborted, deleted or taken from this worker while it ran."""


class ResultError(UnavailableError):
    """The result of a job cannot be kept."""


def is_job_id(text: str) -> bool:
    """True for what can be the name of a job; everything else is unknown without looking."""
    return _JOB_ID.fullmatch(text) is not None


def no_such_job(job_id: str) -> NotFoundError:
    """The error for a job that does not exist, or no longer."""
    return NotFoundError(f"There is no job {job_id[:40]!r}; it may have been deleted or have reached its destruction.")
