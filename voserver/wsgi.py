"""The composition root: builds what answering and running jobs need in this process, and joins it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

import flask
import psycopg
from psycopg_pool import ConnectionPool

from cutouts.cutouts import CutoutService
from datalink.bulk.params import Identifiers
from datalink.links.descriptors import descriptors_for_answer
from datalink.links.spans import ServiceSpans
from datalink.routes import blueprints
from datalink.soda.job import run_cut_job
from datalink.soda.params import SEVERAL_IN_JOBS
from epntap.answer.admission import Slots
from epntap.archive.finder import DatalinkService
from epntap.catalog.load import CatalogCache
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect, open_pool, pooled
from epntap.errors import SetupError, UnavailableError
from epntap.settings import Settings, load_settings
from epntap.tap.identifiers import column_values
from epntap.tap.job import run_query_job
from epntap.tap.pipeline import TapService
from epntap.uws.changes import JobWaits
from epntap.uws.model import Job, Sink
from epntap.uws.results import Results
from epntap.uws.send import FileSender
from epntap.uws.service import JobService
from epntap.uws.store import JobStore
from epntap.uws.views import text_error, uws_blueprint
from epntap.uws.worker import MISSING_BEATS, Worker
from voserver.app import create_app
from voserver.long_bodies import LongBodies
from voserver.metrics import Metrics

__all__ = ["build_app", "build_worker", "create"]

#: where TAP is, and where it was on a DaCHS installation
TAP_PATHS = ("/tap", "/__system__/tap/run")
#: seconds after which the database notices that a worker was killed while its query ran
_CHECK_CLIENT = "2s"


def build_app(settings: Settings, database: Database) -> flask.Flask:
    """The application on this database, with pools of its own: call it after a fork, not before."""
    timeout_ms = f"{settings.sync_timeout_s * 1000:.0f}"
    queries = open_pool(
        database, Role.READER, size=settings.query_connections, name="queries", statement_timeout=timeout_ms
    )
    internal = open_pool(database, Role.SERVICE, size=4, name="internal")
    catalog = CatalogCache(lambda: pooled(internal))
    service = _tap_service(settings, queries, catalog, ServiceSpans(lambda: pooled(internal), catalog))
    links = DatalinkService(settings=settings, connect=lambda: pooled(internal), catalog=catalog)

    def ask(query: str, most: int) -> Identifiers:
        return Identifiers(*column_values(service, query, "granule_uid", most))

    bodies = Slots(settings.threads // 4)
    jobs_pool = open_pool(database, Role.SERVICE, size=4, name="jobs")
    jobs = _job_service(settings, database, jobs_pool)
    assert jobs.waiting is not None
    metrics = Metrics(
        slots={"queries": service.running, "slow answers": service.slow, "waits": jobs.waiting, "long bodies": bodies},
        pools={"queries": queries, "internal": internal, "jobs": jobs_pool},
        connect=lambda: pooled(internal),
        worker_dead_after_s=settings.job_heartbeat_s * MISSING_BEATS,
    )
    metrics.start()
    app = create_app(
        service,
        [*blueprints(links, ask), *_async_blueprints(settings, service, jobs), metrics.blueprint()],
        ready=lambda: _check_ready(settings, internal),
    )
    app.wsgi_app = LongBodies(app.wsgi_app, bodies, service.watcher)  # type: ignore[method-assign]
    return app


def _check_ready(settings: Settings, internal: ConnectionPool[Connection]) -> None:
    try:
        with pooled(internal) as connection:
            connection.execute("SELECT version FROM archive.catalog_version")
        folder = settings.results_dir
        if folder.exists() and not os.access(folder, os.W_OK):
            raise UnavailableError("The folder of results cannot be written.")
    except psycopg.Error as exc:
        raise UnavailableError("The database is not initialised for this version.") from exc


def _tap_service(
    settings: Settings, queries: ConnectionPool[Connection], catalog: CatalogCache, spans: ServiceSpans
) -> TapService:
    # the same for the web and for workers, so that a job is answered as /sync would answer
    return TapService(
        settings=settings,
        pool=queries,
        catalog=catalog,
        describe=lambda columns: descriptors_for_answer(settings.base_url, columns, spans),
    )


def _job_service(settings: Settings, database: Database, pool: ConnectionPool[Connection]) -> JobService:
    # a pool of its own: asking how a job is doing never waits for a query
    return JobService(
        kind="tap",
        settings=settings,
        store=JobStore(lambda: pooled(pool)),
        results=Results(settings.results_dir / "jobs"),
        waits=JobWaits(lambda: connect(database, Role.SERVICE, autocommit=True)),
    )


def _async_blueprints(settings: Settings, service: TapService, jobs: JobService) -> list[flask.Blueprint]:
    cuts = replace(jobs, kind="soda", adding_up=SEVERAL_IN_JOBS)
    sender = FileSender(service.slow, settings.send_timeout_s, service.watcher)
    return [
        *(uws_blueprint(jobs, sender, path=f"{path}/async", name=f"async{n}") for n, path in enumerate(TAP_PATHS, 1)),
        uws_blueprint(cuts, sender, path="/datalink/soda/async", name="soda_async", error=text_error),
    ]


def build_worker(settings: Settings, database: Database) -> Worker:
    """A worker for all kinds of jobs on this database."""
    settings = settings.with_changes(query_connections=settings.worker_jobs, threads=2 * settings.worker_jobs)
    # the worker itself ends a job that takes too long; what the database and the stream know is only the safety net
    longest_s = settings.async_timeout_hard_s + 60
    queries = open_pool(
        database,
        Role.READER,
        size=settings.worker_jobs,
        name="queries",
        statement_timeout=f"{longest_s * 1000}",
        client_connection_check_interval=_CHECK_CLIENT,
    )
    internal = open_pool(database, Role.SERVICE, size=settings.worker_jobs + 1, name="internal")
    catalog = CatalogCache(lambda: pooled(internal))
    cutouts = CutoutService(DatalinkService(settings=settings, connect=lambda: pooled(internal), catalog=catalog))
    service = _tap_service(settings, queries, catalog, ServiceSpans(lambda: pooled(internal), catalog))

    results = Results(settings.results_dir / "jobs")

    def run_tap(job: Job, sink: Sink) -> None:
        parts = {part.name: partial(results.open_part, job, part) for part in job.parts}
        run_query_job(service, job.parameters, sink, timeout_s=longest_s, parts=parts)

    return Worker(
        settings=settings,
        store=JobStore(lambda: pooled(internal)),
        results=results,
        connect=lambda: connect(database, Role.SERVICE, autocommit=True),
        runs={"tap": run_tap, "soda": lambda job, sink: run_cut_job(cutouts, job.parameters, sink)},
        yielding=frozenset({"soda"}),
    )


def create() -> flask.Flask:
    """For `gunicorn 'voserver.wsgi:create()'`; the database must be named by EPNTAP_DATABASE_URL."""
    settings = load_settings()
    if not settings.database_url:
        raise SetupError("EPNTAP_DATABASE_URL is not set; 'epntap serve' starts the embedded database instead.")
    return build_app(settings, Database(settings.database_url))
