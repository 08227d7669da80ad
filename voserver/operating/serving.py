"""`epntap serve`, `epntap worker` and `epntap demo`: the commands that stay."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import mkdtemp
from typing import Any

import click

from cutouts.processes.one_thread import ONE_THREAD
from epntap.addresses import is_known_host
from epntap.archive.kept.summaries import queue_summary
from epntap.db.migrate import check_migrated
from epntap.db.pool import Role, check_sessions, connect
from epntap.db.server import named_database, open_database
from epntap.db.standbys import check_standbys
from epntap.settings import Settings
from voserver.operating.folders import folders_of, why_not_written
from voserver.process.lock import only_server

__all__ = ["demo", "serve", "worker"]


@contextmanager
def _libraries_told() -> Iterator[None]:
    """What libraries look for in the environment when they are imported.

    That is a folder for the files in which web processes count together, and that no threads are wanted before a fork.
    """
    here = os.getpid()
    folder = mkdtemp(prefix="epntap-metrics-")
    os.environ.update(ONE_THREAD, PROMETHEUS_MULTIPROC_DIR=folder)
    try:
        yield
    finally:
        if os.getpid() == here:  # a web process that was forked inside the block leaves it too
            shutil.rmtree(folder, ignore_errors=True)


def _say_where(settings: Settings) -> None:
    """Warn when addresses in answers lead users to their own machines."""
    if not (settings.public_url or settings.allowed_hosts or is_known_host(settings.host)):
        click.echo(
            f"epntap: users who reach {settings.host} from elsewhere get addresses of their own machine "
            f"({settings.base_url}); set EPNTAP_PUBLIC_URL to the address that they see, or EPNTAP_ALLOWED_HOSTS.",
            err=True,
        )


def _say_what_cannot_be_kept(settings: Settings) -> None:
    """Warn of folders that cannot be written: queries are answered without, jobs and pictures fail one by one."""
    for what, folder in folders_of(settings).items():
        if what != "home" and (why := why_not_written(folder)):
            click.echo(
                f"epntap: no {what} can be kept in {folder}: {why}; set EPNTAP_{what.upper()} to another folder.",
                err=True,
            )


def _with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    changes: dict[str, Any] = {"host": host, "port": port}
    return dataclasses.replace(settings, **{name: value for name, value in changes.items() if value is not None})


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Answer queries until Ctrl-C."""
    settings = _with_address(settings, host, port)
    with ExitStack() as stack:
        stack.enter_context(_libraries_told())
        from voserver.process.listen import bound_socket, run_server  # noqa: PLC0415  # gunicorn is slow to import

        database = stack.enter_context(open_database(settings))
        stack.enter_context(only_server(settings))
        listener = stack.enter_context(bound_socket(settings))
        check_migrated(database)
        check_sessions(database)
        check_standbys(database)
        _say_where(settings)
        _say_what_cannot_be_kept(settings)
        click.echo(f"TAP address: {settings.addresses.tap()}   (Ctrl-C stops)", err=True)
        run_server(settings, database, listener)


@click.command()
@click.option("--jobs", type=click.IntRange(1, 64), help="Jobs to run at once.")
@click.option("--parent", type=int, hidden=True, help="Stop when this process is gone.")
@click.option("--embedded", is_flag=True, hidden=True, help="The database is the embedded one of the parent.")
@click.pass_obj
def worker(settings: Settings, jobs: int | None, parent: int | None, *, embedded: bool) -> None:
    """Run asynchronous jobs until Ctrl-C; start as many as you like, on any machine that sees the results folder."""
    from epntap.logs import start_log  # noqa: PLC0415  # only here
    from voserver.wsgi import build_worker  # noqa: PLC0415  # slow to import

    if jobs is not None:
        settings = dataclasses.replace(settings, worker_jobs=jobs)
    with ExitStack() as stack:
        database = named_database(settings, embedded=True) if embedded else None
        database = database or stack.enter_context(open_database(settings))
        check_migrated(database)
        check_sessions(database)
        check_standbys(database)
        start_log(settings.log_file)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # log files that were moved are noticed without
        running = build_worker(settings, database)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: running.stop())
        running.run(parent)


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--prepare-only", is_flag=True, help="Make database and granules, but do not serve.")
@click.pass_obj
def demo(settings: Settings, host: str | None, port: int | None, *, prepare_only: bool) -> None:
    """Write synthetic files, ingest them as amdadb, illu67p and transplanet, and serve them until Ctrl-C."""
    from ingest.terminal import terminal_progress  # noqa: PLC0415  # ingestion is not needed otherwise
    from voserver.operating.demo import prepare_demo, welcome  # noqa: PLC0415

    # everybody may see the jobs of a demonstration, so that the job lists of all clients work
    settings = dataclasses.replace(_with_address(settings, host, port), public_jobs=True)
    # a line for each request would soon have pushed away what is said here
    settings = dataclasses.replace(settings, log_file=settings.log_file or str(settings.home / "demo.log"))

    def say(text: str) -> None:
        click.echo(text, err=True)

    with only_server(settings), ExitStack() as stack:
        stack.enter_context(_libraries_told())
        from voserver.process.listen import bound_socket, run_server  # noqa: PLC0415

        listener = None if prepare_only else stack.enter_context(bound_socket(settings))
        database = stack.enter_context(open_database(settings, create=True))
        with terminal_progress(quiet=False) as progress:
            reports = prepare_demo(settings, database, say, progress)
        for report in reports:
            say(f"{report.schema}.epn_core: {report.total_rows:,} granules")
        if listener is not None:
            with connect(database, Role.SERVICE, autocommit=True) as connection:
                for report in reports:
                    queue_summary(connection, report.schema)
            say(welcome(settings))
            run_server(settings, database, listener)
