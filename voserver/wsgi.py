"""What runs in a process: the application for the web, or a worker for jobs."""

from __future__ import annotations

import threading
from functools import partial

import flask

from epntap.db.pool import Database, Role, connect
from epntap.db.server import named_database
from epntap.errors import SetupError
from epntap.settings import Settings, load_settings
from epntap.spread.helper import Helper
from epntap.uws.worker import Worker
from ingest.kinds.errand import SCAN
from summaries.errand import YEAR
from voserver.app import create_app
from voserver.house import build_house, worker_pools
from voserver.job_kinds import job_kinds
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
    service = partial(connect, database, Role.SERVICE, autocommit=True)

    def help_out(stopping: threading.Event) -> None:
        Helper(worker.name, settings.worker_jobs, [SCAN, YEAR], service).run(stopping)

    worker = Worker(
        settings=settings,
        store=house.jobs.store,
        results=house.jobs.results,
        connect=service,
        kinds={kind.name: kind for kind in job_kinds(house, longest_s)},
        beside={"scan": help_out},
    )
    return worker


def create() -> flask.Flask:
    """For `gunicorn 'voserver.wsgi:create()'`; the database must be named by EPNTAP_DATABASE_URL."""
    settings = load_settings()
    if not settings.database_url:
        raise SetupError("EPNTAP_DATABASE_URL is not set; 'epntap serve' starts the embedded database instead.")
    return build_app(settings, named_database(settings))
