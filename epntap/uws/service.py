"""What users may do with jobs: create, look, wait, run, abort, delete. No HTTP here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import BinaryIO

from epntap.access import ANONYMOUS, Caller, Scope
from epntap.answer.admission import Slots
from epntap.answer.blocks import Blocks
from epntap.dali.params import SECRET_PARAMETERS, read_params, single
from epntap.errors import ForbiddenError, NotFoundError, ParameterError, TooOftenError, UploadError
from epntap.settings import Settings
from epntap.uws.changes import JobWaits
from epntap.uws.model import ACTIVE, Filters, Job, JobRequest, JobResult, Part, Phase, is_job_id, no_such_job
from epntap.uws.results import Results
from epntap.uws.store import JobStore, Limit, Parameters, new_job_id

__all__ = ["JobService"]

#: files that are posted, by the names of their parts
Files = Mapping[str, BinaryIO]

#: how long a wait trusts that it will be told
_LOOK_AGAIN_S = 2.0
_RUNID_LENGTH = 64
#: seconds after which a job may have ended
_ENDS_SOON_S = 30


@dataclass(frozen=True, slots=True)
class JobService:
    """The jobs of one kind, as their users see them: built once in each web process."""

    kind: str
    settings: Settings
    store: JobStore
    results: Results
    waits: JobWaits
    #: waits in progress hold threads of the web server, so they are counted, for all kinds of jobs together
    waiting: Slots
    #: names (upper case) of parameters that a job can have several of, from several posts (DALI 1.1 §3.4.5)
    adding_up: frozenset[str] = frozenset({"UPLOAD"})
    #: somebody with the groups of this moment, None where they may no more
    named: Callable[[str], Caller | None] = lambda _name: None

    def create(self, request: JobRequest) -> Job:
        """A new job, started when PHASE=RUN is among the parameters (UWS 1.1 §2.2.3.1).

        That of somebody in particular is theirs alone; else it is there for whoever knows its name.
        """
        caller = request.caller
        _check_scopes(caller, with_files=bool(request.files))
        limit = self._limit(caller, request.client)
        if limit:  # before its files are kept, and again when it is
            limit.check(*self.store.held(limit.owner, limit.client))
        phase = single(read_params(request.parameters), "PHASE")
        if phase is not None and phase.upper() != "RUN":
            raise ParameterError(f"PHASE={phase!r} cannot be asked of a new job; give RUN or leave it out.")
        kept = _kept(request.parameters)
        job_id = new_job_id()
        with self._kept_files(job_id, request.files) as parts:
            job = self.store.create(
                self.kind,
                kept,
                phase=Phase.PENDING if phase is None else Phase.QUEUED,
                owner=caller.name or None,
                session=request.session if caller.is_anonymous else None,
                client=request.client,
                run_id=_run_id(kept),
                execution_duration_s=self.settings.async_timeout_s,
                lifetime_s=self.settings.job_lifetime_s,
                job_id=job_id,
                parts=parts,
                limit=limit,
            )
        if phase is not None:
            self._wait(job.job_id, caller, self.settings.run_wait_s, _has_ended)
        return job

    def get(self, job_id: str, caller: Caller = ANONYMOUS) -> Job:
        """The job as it is now. Raises NotFoundError, here and below for that of somebody else as well."""
        if not is_job_id(job_id):
            raise no_such_job(job_id)
        return self.store.get(self.kind, job_id, owner=caller.name or None)

    def owner_of(self, job_id: str) -> Caller:
        """Whose a job is, with the groups of this moment: for whoever brings an address that is a secret by itself,
        because the protocol has no place for credentials. Raises NotFoundError, also when the owner may no more.
        """  # noqa: D205  # one sentence
        if not is_job_id(job_id):
            raise no_such_job(job_id)
        owner = self.store.owner_of(self.kind, job_id)
        if owner is None:
            return ANONYMOUS
        found = self.named(owner)
        if found is None:
            raise no_such_job(job_id)
        return found

    def visible(self, filters: Filters, session: str | None, caller: Caller = ANONYMOUS) -> list[Job]:
        """The jobs that this caller may see, the newest first."""
        return self.store.visible(
            self.kind, filters, session=session, everybody=self.settings.public_jobs, owner=caller.name or None
        )

    def wait(self, job_id: str, seconds: float | None, phase: Phase | None = None, caller: Caller = ANONYMOUS) -> Job:
        """The job, after its phase has changed or the time is over (UWS 1.1 §2.2.1.2).

        Returns at once when the job is not in `phase`, has ended, or too many are waiting; negative seconds mean
        as long as the service allows.
        """
        job = self.get(job_id, caller)
        if not seconds or job.phase not in ACTIVE or (phase is not None and phase is not job.phase):
            return job
        longest = self.settings.wait_max_s
        limit = longest if seconds < 0 else min(seconds, longest)
        return self._wait(job_id, caller, limit, lambda now: now.phase is not job.phase) or job

    def run(self, job_id: str, caller: Caller = ANONYMOUS, client: str | None = None) -> None:
        """Start a PENDING job, and wait a moment: a short one is done when this returns.

        Raises TooOftenError, as `create` does, for who has too many that wait or run, or too much that is kept.
        """
        self._known(job_id, caller)
        self.store.run(self.kind, job_id, owner=caller.name or None, limit=self._limit(caller, client))
        self._wait(job_id, caller, self.settings.run_wait_s, _has_ended)

    def abort(self, job_id: str, caller: Caller = ANONYMOUS) -> None:
        """End a job that has not ended; what it was doing in the database is cancelled."""
        self._known(job_id, caller)
        self.store.abort(self.kind, job_id, owner=caller.name or None)

    def delete(self, job_id: str, caller: Caller = ANONYMOUS) -> None:
        """Remove a job and its result, and end it if it runs."""
        self._known(job_id, caller)
        self.results.remove(self.store.delete(self.kind, job_id, owner=caller.name or None))

    def add_parameters(
        self,
        job_id: str,
        parameters: Parameters,
        files: Files = MappingProxyType({}),
        caller: Caller = ANONYMOUS,
    ) -> None:
        """Add to the parameters of a PENDING job. A new value takes the place of an old one, but uploads add up."""
        _check_scopes(caller, with_files=bool(files))
        job = self.get(job_id, caller)
        before = sum(part.size_bytes for part in job.parts if part.name not in files)
        kept = _kept(parameters)
        replaced = {name.upper() for name, _ in kept} - self.adding_up
        with self._kept_files(job_id, files, before) as parts:
            self.store.add_parameters(
                self.kind,
                job_id,
                kept,
                replaced=replaced,
                run_id=_run_id(kept),
                parts=parts,
                owner=caller.name or None,
            )

    def set_duration(self, job_id: str, seconds: int, caller: Caller = ANONYMOUS) -> None:
        """Limit the time of a job; 0 asks for no limit, and the service has one (UWS 1.1 §2.1.4)."""
        self._known(job_id, caller)
        hard = self.settings.async_timeout_hard_s
        limit = min(seconds, hard) if seconds > 0 else hard
        self.store.set_duration(self.kind, job_id, limit, owner=caller.name or None)

    def set_destruction(self, job_id: str, instant: datetime, caller: Caller = ANONYMOUS) -> None:
        """Have the job destroyed at this time, or when the service wants it, whichever is earlier."""
        self._known(job_id, caller)
        lifetime_s = self.settings.job_lifetime_s
        self.store.set_destruction(self.kind, job_id, instant, lifetime_s, owner=caller.name or None)

    def result(self, job_id: str, name: str, caller: Caller = ANONYMOUS) -> tuple[JobResult, Blocks]:
        """A result of a COMPLETED job. Raises NotFoundError when there is none (DALI 1.1 §4.2)."""
        job = self.get(job_id, caller)
        if lost := sorted(job.groups - caller.groups):
            raise ForbiddenError(
                f"This job was run with the rights of the group {lost[0]!r}, in which you are no more; "
                "please run it again."
            )
        if not job.results:
            why = f": {job.error.message}" if job.error else "."  # some clients look nowhere else
            raise NotFoundError(f"This job has no result; it is {job.phase}{why}")
        for number, result in enumerate(job.results):
            if result.name == name:
                return result, self.results.blocks(job, number)
        if len(job.results) == 1:
            known = f"its only one is called {job.results[0].name}"
        else:
            known = f"its results are called {job.results[0].name} to {job.results[-1].name}"
        raise NotFoundError(f"This job has no result {name[:40]!r}; {known}.")

    def part(self, job_id: str, name: str, caller: Caller = ANONYMOUS) -> Blocks:
        """A file that was posted with a job, or the text of a parameter. Raises NotFoundError."""
        job = self.get(job_id, caller)
        part = job.part(name)
        if part is not None:
            return self.results.part_blocks(job, part)
        values = [value for one, value in job.parameters if one.upper() == name.upper()]
        if not values:
            known = ", ".join(sorted({one for one, _ in job.parameters})) or "none"
            raise NotFoundError(f"This job has no parameter {name[:40]!r}; it has {known}.")
        text = "\n".join(values).encode()
        return Blocks([text], "text/plain; charset=utf-8", length=len(text))

    @contextmanager
    def _kept_files(self, job_id: str, files: Files, before: int = 0) -> Iterator[list[Part]]:
        """The files kept for this job, unless the block fails."""
        parts: list[Part] = []
        try:
            for name, file in files.items():
                parts.append(self.results.keep_part(job_id, name, file))
                before += parts[-1].size_bytes
                self._check_size(before)
            yield parts
        except BaseException:
            for part in parts:
                self.results.remove_part(job_id, part)
            raise

    def _check_size(self, size: int) -> None:
        if size > self.settings.upload_bytes:
            raise UploadError(
                f"The uploads of this job are larger than {self.settings.upload_bytes:,} bytes, "
                "which is the limit for all of them together."
            )

    def _limit(self, caller: Caller, client: str | None) -> Limit | None:
        settings = self.settings
        most_jobs, most_bytes = (
            (settings.anonymous_jobs_at_once, settings.anonymous_stored_bytes)
            if caller.is_anonymous
            else (settings.jobs_at_once, settings.stored_bytes)
        )
        if not (most_jobs or most_bytes):
            return None
        whose = "Your address" if caller.is_anonymous else "You"
        verb = "has" if caller.is_anonymous else "have"

        def check(jobs: int, kept: int, until_s: int) -> None:
            if most_jobs and jobs >= most_jobs:
                raise TooOftenError(
                    f"{whose} {verb} {jobs} jobs that wait or run, and may have {most_jobs}; "
                    "please wait until one has ended.",
                    _ENDS_SOON_S,
                )
            if most_bytes and kept >= most_bytes:
                raise TooOftenError(
                    f"{whose} {verb} {kept:,} bytes of results and uploads here, and may have {most_bytes:,}; "
                    "please delete jobs that are not needed any more.",
                    max(1, until_s),
                )

        return Limit(caller.name or None, client, check)

    def _known(self, job_id: str, caller: Caller) -> None:
        _check_scopes(caller)
        if not is_job_id(job_id):
            raise no_such_job(job_id)

    def _wait(self, job_id: str, caller: Caller, limit_s: float, is_over: Callable[[Job], bool]) -> Job | None:
        if limit_s <= 0 or not self.waiting.acquire():
            return None
        try:
            deadline = time.monotonic() + limit_s
            with self.waits.watching(job_id) as changed:
                while True:
                    changed.clear()
                    job = self.get(job_id, caller)
                    left = deadline - time.monotonic()
                    if is_over(job) or left <= 0:
                        return job
                    changed.wait(min(left, _LOOK_AGAIN_S))
        finally:
            self.waiting.release()


def _check_scopes(caller: Caller, *, with_files: bool = False) -> None:
    """Raises ForbiddenError for a token that is not good for jobs, or for bringing tables along."""
    for scope in (Scope.RUN, Scope.UPLOAD) if with_files else (Scope.RUN,):
        if scope not in caller.scopes:
            raise ForbiddenError(f"This token does not do that; it lacks the scope {scope.value!r}.")


def _has_ended(job: Job) -> bool:
    return job.phase not in ACTIVE


def _kept(parameters: Parameters) -> list[tuple[str, str]]:
    # PostgreSQL has no text with a NUL character in it, nor has XML
    cleaned = ((name.replace("\0", "\ufffd"), value.replace("\0", "\ufffd")) for name, value in parameters)
    return [(name, value) for name, value in cleaned if name.upper() not in {"PHASE", *SECRET_PARAMETERS}]


def _run_id(parameters: Parameters) -> str | None:
    # repeated or overlong ones are complained about when the job runs; here the first is as good as any
    given = [value for name, value in parameters if name.upper() == "RUNID" and value.strip()]
    return given[0][:_RUNID_LENGTH] if given else None
