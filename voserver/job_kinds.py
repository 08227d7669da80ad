"""All kinds of jobs, one line each: a new one is a function that runs a job, and a line here."""

from __future__ import annotations

from functools import partial

from amdarest.data.job import run_amda_job
from amdarest.products import Products
from amdarest.routes import data_files
from datalink.soda.job import run_cut_job
from epntap.access import ANONYMOUS, Caller
from epntap.archive.holdings import Held, Holdings
from epntap.errors import ForbiddenError
from epntap.tap.query.job import run_query_job
from epntap.uws.kind import JobKind
from epntap.uws.model import Job, Sink
from eventtables.measured.job import run_measure_job
from eventtables.measured.measuring import Measuring
from summaries.reader import Summaries
from voserver.house import House
from voserver.operating.summarising import run_summary_job

__all__ = ["job_kinds"]


def job_kinds(house: House, longest_s: int) -> tuple[JobKind, ...]:
    """What a worker runs; a query of it may take so many seconds."""
    settings, finder, jobs = house.settings, house.finder, house.jobs
    owner = partial(_owner, house)

    def query(job: Job, sink: Sink) -> None:
        parts = {part.name: partial(jobs.results.open_part, job, part) for part in job.parts}
        run_query_job(house.tap, job.parameters, sink, timeout_s=longest_s, parts=parts, caller=owner(job))

    most, most_bytes = settings.soda_async_combinations, settings.soda_async_bytes

    def cuts(job: Job, sink: Sink) -> None:
        ends = house.events.ends
        run_cut_job(house.cutouts, ends, job.parameters, sink, most=most, most_bytes=most_bytes, caller=owner(job))

    files = data_files(finder, house.watcher, settings, house.admission)
    products = Holdings(finder.connect, finder.catalog, Products)

    def amda(job: Job, sink: Sink) -> None:
        run_amda_job(files, lambda: products()[1], job.parameters, sink, owner(job))

    holdings = Holdings(finder.connect, finder.catalog, Held)
    measuring = Measuring(finder.connect, Summaries(finder.connect, settings.summaries_dir))

    def statistics(job: Job, sink: Sink) -> None:
        run_measure_job(measuring, lambda: holdings()[1], job.parameters, sink, owner(job))

    return (
        JobKind("tap", query),
        JobKind("soda", cuts, lasts=True),
        JobKind("amda", amda, lasts=True),
        JobKind("statistics", statistics, lasts=True),
        JobKind("summary", partial(run_summary_job, settings, house.database), aside=True),
    )


def _owner(house: House, job: Job) -> Caller:
    """Who a job is for, with the groups of this moment: whoever fetches the result needs them all.

    Raises ForbiddenError for somebody who may not sign in any more.
    """
    if job.owner is None:
        return ANONYMOUS
    found = house.accounts.named(job.owner)
    if found is None:
        raise ForbiddenError(f"The account {job.owner} may not sign in any more, so its jobs are not run.")
    house.jobs.store.note_groups(job, found.groups)
    return found
