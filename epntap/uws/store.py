"""The job table: each transition one method, one transaction, one guard on the current phase.

The database tells every change of phase (trigger in sql/080_uws.sql), so nothing here has to.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from epntap.connection import Connection, taking_turns
from epntap.db.queries import named_queries
from epntap.db.rows.failures import from_psycopg
from epntap.uws.model import (
    Filters,
    IllegalTransitionError,
    Job,
    JobError,
    JobResult,
    Part,
    Phase,
    Progress,
    no_such_job,
)

__all__ = ["JobStore", "Limit", "new_job_id"]

Parameters = Sequence[tuple[str, str]]

#: a list longer than this helps nobody; AFTER and PHASE narrow it
_LONGEST_LIST = 10_000
_EXPIRED_AT_ONCE = 200
#: run once more when a worker dies; a job that kills two workers would kill a third
_ATTEMPTS = 2


def new_job_id() -> str:
    """A name for a job that nobody can guess."""
    return secrets.token_hex(16)


_QUERIES = named_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Limit:
    """How much somebody may have at once: looked at while nobody else makes jobs for them."""

    owner: str | None
    client: str | None
    #: is told what `held` answers, and raises where that is too much
    check: Callable[[int, int, int], None]


@contextmanager
def _within(connection: Connection, limit: Limit | None) -> Iterator[None]:
    if limit is None:
        yield
        return
    with taking_turns(connection, f"jobs {limit.owner or ''} {'' if limit.owner else limit.client}"):
        limit.check(*_held(connection, limit.owner, limit.client))
        yield


def _held(connection: Connection, owner: str | None, client: str | None) -> tuple[int, int, int]:
    row = connection.execute(_QUERIES["held"], {"owner": owner, "client": client}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


@dataclass(frozen=True, slots=True)
class JobStore:
    """Jobs in the database. All methods raise UnavailableError when it is away."""

    #: lends a connection in the service role, autocommit
    connect: Callable[[], AbstractContextManager[Connection]]

    # for users ------------------------------------------------------------

    def create(
        self,
        kind: str,
        parameters: Parameters,
        *,
        phase: Phase,
        session: str | None,
        client: str | None,
        owner: str | None = None,
        run_id: str | None,
        execution_duration_s: int,
        lifetime_s: float,
        job_id: str | None = None,
        parts: Iterable[Part] = (),
        limit: Limit | None = None,
    ) -> Job:
        """A new job, PENDING or QUEUED, with a name that nobody can guess (see `new_job_id`)."""
        return self._rows(
            "create",
            limit=limit,
            job_id=job_id or new_job_id(),
            parts=Jsonb([asdict(part) for part in parts]),
            kind=kind,
            phase=phase,
            owner=owner,
            session=session,
            client=client,
            run_id=run_id,
            execution_duration_s=execution_duration_s,
            lifetime_s=lifetime_s,
            parameters=Jsonb(parameters),
        )[0]

    def get(self, kind: str, job_id: str, *, owner: str | None = None) -> Job:
        """The job as it is now. Raises NotFoundError, here and below for that of another owner as well."""
        found = self._rows("get", kind=kind, job_id=job_id, owner=owner)
        if not found:
            raise no_such_job(job_id)
        return found[0]

    def owner_of(self, kind: str, job_id: str) -> str | None:
        """Whose a job is, None for nobody's. Raises NotFoundError."""
        with self._connection() as connection:
            row = connection.execute(_QUERIES["owner"], {"kind": kind, "job_id": job_id}).fetchone()
        if row is None:
            raise no_such_job(job_id)
        return None if row[0] is None else str(row[0])

    def held(self, owner: str | None, client: str | None) -> tuple[int, int, int]:
        """Of an owner, or else of an address: jobs that wait or run, bytes kept, seconds until some of them go."""
        with self._connection() as connection:
            return _held(connection, owner, client)

    def visible(
        self, kind: str, filters: Filters, *, session: str | None, everybody: bool, owner: str | None = None
    ) -> list[Job]:
        """The jobs of an owner, or else of a session or of everybody, the newest first (UWS 1.1 §2.2.2.1).

        They come without parameters; those of an owner are in no list of others.
        """
        return self._rows(
            "list",
            kind=kind,
            owner=owner,
            session=session,
            everybody=everybody,
            phases=list(filters.phases or (phase for phase in Phase if phase is not Phase.ARCHIVED)),
            after=filters.after,
            most=min(_LONGEST_LIST, _LONGEST_LIST if filters.last is None else filters.last),
        )

    def shown(self, session: str | None, most: int, *, everybody: bool, owner: str | None = None) -> list[Job]:
        """The same of all kinds, with the beginnings of what they ask."""
        return self._rows("shown", session=session, everybody=everybody, most=most, owner=owner)

    def run(self, kind: str, job_id: str, *, owner: str | None = None, limit: Limit | None = None) -> Job:
        """PENDING → QUEUED."""
        return self._moved("run", "can be started", "a PENDING job", kind=kind, job_id=job_id, owner=owner, limit=limit)

    def abort(self, kind: str, job_id: str, *, owner: str | None = None) -> Job:
        """PENDING, QUEUED, EXECUTING → ABORTED; the worker ends the work when it hears of it."""
        return self._moved("abort", "can be aborted", "a job that has not ended", kind=kind, job_id=job_id, owner=owner)

    def add_parameters(
        self,
        kind: str,
        job_id: str,
        parameters: Parameters,
        *,
        replaced: Iterable[str],
        run_id: str | None,
        parts: Iterable[Part] = (),
        owner: str | None = None,
    ) -> Job:
        """Add to the parameters of a PENDING job, instead of what it has under the names (upper case) in `replaced`."""
        return self._moved(
            "add_parameters",
            "takes more parameters",
            "a PENDING job",
            kind=kind,
            job_id=job_id,
            parameters=Jsonb(parameters),
            parts=Jsonb([asdict(part) for part in parts]),
            replaced=list(replaced),
            run_id=run_id,
            owner=owner,
        )

    def set_duration(self, kind: str, job_id: str, seconds: int, *, owner: str | None = None) -> Job:
        """Another time limit for a job that has not ended."""
        return self._moved(
            "set_duration",
            "takes another executionduration",
            "a job that has not ended",
            kind=kind,
            job_id=job_id,
            execution_duration_s=seconds,
            owner=owner,
        )

    def set_destruction(
        self, kind: str, job_id: str, instant: datetime, lifetime_s: float, *, owner: str | None = None
    ) -> None:
        """Another time at which job and result go, at most `lifetime_s` from now. It may be in the past."""
        if not self._rows(
            "set_destruction", kind=kind, job_id=job_id, destruction=instant, lifetime_s=lifetime_s, owner=owner
        ):
            raise no_such_job(job_id)

    def delete(self, kind: str, job_id: str, *, owner: str | None = None) -> Job:
        """Remove the row, whatever its phase; its last state. Raises NotFoundError."""
        gone = self._rows("delete", kind=kind, job_id=job_id, owner=owner)
        if not gone:
            raise no_such_job(job_id)
        return gone[0]

    # for workers ----------------------------------------------------------

    def claim(self, kinds: Iterable[str], worker: str) -> Job | None:
        """QUEUED → EXECUTING for the job that has waited longest of those whose turn it is, or None."""
        found = self._rows("claim", kinds=list(kinds), worker=worker)
        return found[0] if found else None

    def complete(self, job: Job, worker: str, results: Iterable[JobResult]) -> bool:
        """EXECUTING → COMPLETED; False when the job is no longer this worker's."""
        return bool(
            self._rows(
                "complete",
                job_id=job.job_id,
                worker=worker,
                attempt=job.attempt,
                results=Jsonb([asdict(result) for result in results]),
            )
        )

    def fail(self, job: Job, worker: str, error: JobError, phase: Phase = Phase.ERROR) -> bool:
        """EXECUTING → ERROR (or ABORTED, with a reason); False when the job is no longer this worker's."""
        return bool(
            self._rows(
                "fail",
                job_id=job.job_id,
                worker=worker,
                attempt=job.attempt,
                phase=phase,
                message=error.message,
                is_transient=error.is_transient,
            )
        )

    def tell_progress(self, job: Job, worker: str, progress: Progress) -> None:
        """Note how far a job has come, if it is still this worker's."""
        self._rows("progress", job_id=job.job_id, worker=worker, attempt=job.attempt, progress=Jsonb(asdict(progress)))

    def note_groups(self, job: Job, groups: Iterable[str]) -> None:
        """Write down with the rights of which groups a job is run."""
        with self._connection() as connection:
            values = {"job_id": job.job_id, "attempt": job.attempt, "groups": sorted(groups)}
            connection.execute(_QUERIES["note_groups"], values)

    def give_back(self, job: Job, worker: str) -> bool:
        """EXECUTING → QUEUED, for a worker that stops; False when the job is no longer its own."""
        return bool(self._rows("give_back", job_id=job.job_id, worker=worker, attempt=job.attempt))

    def present(self, worker: str, kinds: Iterable[str], jobs: int) -> None:
        """Say that a worker lives, and how many jobs of which kinds it runs at once."""
        with self._connection() as connection:
            connection.execute(_QUERIES["present"], {"worker": worker, "kinds": list(kinds), "jobs": jobs})

    def gone(self, worker: str) -> None:
        """Say that a worker has stopped."""
        with self._connection() as connection:
            connection.execute(_QUERIES["gone"], {"worker": worker})

    def beat(self, worker: str, job_ids: Iterable[str]) -> list[Job]:
        """Say that this worker lives; those of the jobs that are still its own."""
        return self._rows("beat", worker=worker, job_ids=list(job_ids))

    def recover(self, dead_after_s: float) -> list[Job]:
        """Jobs whose worker has not beaten for so long: QUEUED once more, then ERROR."""
        message = (
            "The job was ended because its worker stopped twice while running it; "
            "please narrow the request, or try again later."
        )
        return self._rows("recover", attempts=_ATTEMPTS, message=message, dead_after_s=dead_after_s)

    def expired(self) -> list[Job]:
        """Some of the jobs past their destruction."""
        return self._rows("expired", most=_EXPIRED_AT_ONCE)

    def expire(self, jobs: Iterable[Job]) -> None:
        """Remove the rows of jobs past their destruction."""
        with self._connection() as connection:
            connection.execute(_QUERIES["expire"], {"job_ids": [job.job_id for job in jobs]})

    def known(self, job_ids: Iterable[str]) -> set[str]:
        """Those of the names that belong to a job."""
        with self._connection() as connection:
            return {row[0] for row in connection.execute(_QUERIES["known"], {"job_ids": list(job_ids)})}

    # ----------------------------------------------------------------------

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self.connect() as connection:
                yield connection
        except psycopg.Error as exc:
            raise from_psycopg(exc, timeout_s=0) from exc

    def _rows(self, name: str, *, limit: Limit | None = None, **values: Any) -> list[Job]:  # what psycopg can adapt
        with (
            self._connection() as connection,
            _within(connection, limit),
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return [Job.from_row(row) for row in cursor.execute(_QUERIES[name], values)]

    def _moved(
        self, name: str, wish: str, those: str, *, kind: str, job_id: str, owner: str | None, **values: Any
    ) -> Job:
        moved = self._rows(name, kind=kind, job_id=job_id, owner=owner, **values)
        if moved:
            return moved[0]
        phase = self.get(kind, job_id, owner=owner).phase
        raise IllegalTransitionError(f"Only {those} {wish}, but this one is {phase}.")
