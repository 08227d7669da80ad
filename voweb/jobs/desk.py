"""The jobs of all kinds, as somebody in a browser deals with them. No HTTP here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from epntap.access import Caller
from epntap.addresses import Addresses
from epntap.errors import NotFoundError
from epntap.uws.model import Job, JobRequest, Phase, is_job_id, no_such_job
from epntap.uws.service import JobService
from voweb.jobs.shown import ShownJob

__all__ = ["Desk"]

#: in a list; older ones are still there at their addresses
MOST = 200


@dataclass(frozen=True, slots=True)
class Desk:
    """Knows the services of all kinds of jobs by the path of their trees."""

    services: Mapping[str, JobService]
    addresses: Addresses

    @property
    def _any(self) -> JobService:
        return next(iter(self.services.values()))

    @property
    def lifetime_s(self) -> int:
        """How long a job is kept."""
        return self._any.settings.job_lifetime_s

    @property
    def shows_all(self) -> bool:
        """Whether everybody sees the jobs of all."""
        return self._any.settings.public_jobs

    def listed(self, session: str | None, caller: Caller) -> list[ShownJob]:
        """The newest jobs of somebody, or else of a browser, with the beginnings of what they ask."""
        if caller.is_anonymous and session is None and not self.shows_all:
            return []
        found = self._any.store.shown(session, MOST, everybody=self.shows_all, owner=caller.name or None)
        return [self._shown(job) for job in found if job.kind in {one.kind for one in self.services.values()}]

    def get(self, job_id: str, caller: Caller) -> ShownJob:
        """One job: that of somebody for its owner, others for whoever knows the name. Raises NotFoundError."""
        return self._shown(self._found(job_id, caller)[1])

    def run(self, job_id: str, caller: Caller, client: str | None) -> None:
        """Start a job that waits for it."""
        self._found(job_id, caller)[0].run(job_id, caller, client)

    def abort(self, job_id: str, caller: Caller) -> None:
        """Stop a job that has not ended; one that just has is left as it is."""
        service, job = self._found(job_id, caller)
        if job.phase in {Phase.PENDING, Phase.QUEUED, Phase.EXECUTING}:
            service.abort(job_id, caller)

    def delete(self, job_id: str, caller: Caller) -> None:
        """Remove a job and its results."""
        self._found(job_id, caller)[0].delete(job_id, caller)

    def repeat(self, job_id: str, session: str | None, client: str | None, caller: Caller) -> str:
        """Begin another job that asks the same; its name."""
        service, job = self._found(job_id, caller)
        with ExitStack() as stack:
            files = {part.name: stack.enter_context(service.results.open_part(job, part)) for part in job.parts}
            asked = [*job.parameters, ("PHASE", "RUN")]
            return service.create(JobRequest(asked, files, session, caller, client)).job_id

    def _found(self, job_id: str, caller: Caller) -> tuple[JobService, Job]:
        if is_job_id(job_id):
            for service in self.services.values():
                try:
                    return service, service.get(job_id, caller)
                except NotFoundError:
                    continue
        raise no_such_job(job_id)

    def _shown(self, job: Job) -> ShownJob:
        path = next(path for path, service in self.services.items() if service.kind == job.kind)
        return ShownJob(job, self.addresses.at(f"{path}/{job.job_id}"))
