"""What runs in a process: the application for the web, or a worker for jobs."""

from __future__ import annotations

import threading
from functools import partial

import flask

from amdarest.data.job import run_amda_job
from amdarest.products import Products
from amdarest.routes import data_files
from datalink.soda.job import run_cut_job
from epntap.access import ANONYMOUS, Caller
from epntap.archive.holdings import Held, Holdings
from epntap.db.pool import Database, Role, connect
from epntap.db.server import named_database
from epntap.errors import ForbiddenError, SetupError
from epntap.settings import Settings, load_settings
from epntap.spread.helper import Helper
from epntap.tap.query.job import run_query_job
from epntap.uws.model import Job, Sink
from epntap.uws.worker import Worker
from eventtables.measured.job import run_measure_job
from eventtables.measured.measuring import Measuring
from ingest.kinds.errand import SCAN
from summaries.errand import YEAR
from summaries.reader import Summaries
from voserver.app import create_app
from voserver.house import build_house, worker_pools
from voserver.operating.summarising import run_summary_job
from voserver.process.long_bodies import LongBodies
from voserver.routes import wings

__all__ = ["build_app", "build_worker", "create"]


def build_app(settings: Settings, database: Database) -> flask.Flask:
    """The application on this database, with pools of its own: call it after a fork, not before."""
    house = build_house(settings, database)
    app = create_app(wings(house), settings, house.pages, house.accounts)
    bodies = house.admission.share("long bodies", 1 / 4)
    app.wsgi_app = LongBodies(app.wsgi_app, bodies, house.watcher)  # type: ignore[method-assign]
    return app


def build_worker(settings: Settings, database: Database) -> Worker:
    """A worker for all kinds of jobs on this database."""
    settings = settings.with_changes(query_connections=settings.worker_jobs, threads=2 * settings.worker_jobs)
    # the worker itself ends a job that takes too long; what the database and the stream know is only the safety net
    longest_s = settings.async_timeout_hard_s + 60
    house = build_house(settings, database, worker_pools(settings, database, longest_s))
    results = house.jobs.results

    def owner(job: Job) -> Caller:
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

    def run_query(job: Job, sink: Sink) -> None:
        parts = {part.name: partial(results.open_part, job, part) for part in job.parts}
        run_query_job(house.tap, job.parameters, sink, timeout_s=longest_s, parts=parts, caller=owner(job))

    def run_cuts(job: Job, sink: Sink) -> None:
        most, most_bytes = settings.soda_async_combinations, settings.soda_async_bytes
        run_cut_job(
            house.cutouts,
            house.events.ends,
            job.parameters,
            sink,
            most=most,
            most_bytes=most_bytes,
            caller=owner(job),
        )

    holdings = Holdings(house.finder.connect, house.finder.catalog, Held)
    measuring = Measuring(house.finder.connect, Summaries(house.finder.connect, settings.summaries_dir))

    def run_statistics(job: Job, sink: Sink) -> None:
        run_measure_job(measuring, lambda: holdings()[1], job.parameters, sink, owner(job))

    amda_files = data_files(house.finder, house.watcher, settings, house.admission)
    products = Holdings(house.finder.connect, house.finder.catalog, Products)

    def run_amda(job: Job, sink: Sink) -> None:
        run_amda_job(amda_files, lambda: products()[1], job.parameters, sink, owner(job))

    service = partial(connect, database, Role.SERVICE, autocommit=True)

    def help_out(stopping: threading.Event) -> None:
        Helper(worker.name, settings.worker_jobs, [SCAN, YEAR], service).run(stopping)

    worker = Worker(
        settings=settings,
        store=house.jobs.store,
        results=results,
        connect=service,
        runs={
            "tap": run_query,
            "soda": run_cuts,
            "amda": run_amda,
            "statistics": run_statistics,
            "summary": partial(run_summary_job, settings, database),
        },
        yielding=frozenset({"soda", "amda", "statistics"}),
        aside=frozenset({"summary"}),
        beside={"scan": help_out},
    )
    return worker


def create() -> flask.Flask:
    """For `gunicorn 'voserver.wsgi:create()'`; the database must be named by EPNTAP_DATABASE_URL."""
    settings = load_settings()
    if not settings.database_url:
        raise SetupError("EPNTAP_DATABASE_URL is not set; 'epntap serve' starts the embedded database instead.")
    return build_app(settings, named_database(settings))
