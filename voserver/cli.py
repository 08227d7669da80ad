"""The command line: every command says in one sentence what went wrong, and then exits with 1."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click

import epntap
from epntap.catalog.load import load_catalog
from epntap.db.migrate import apply_migrations, make_roles, pending_migrations
from epntap.db.pool import Database, Role, connect
from epntap.db.server import open_database
from epntap.errors import EpnTapError, SetupError
from epntap.settings import Settings, load_settings
from epntap.tap.cli import adql_command
from ingest.cli import ingest, terminal_progress
from ingest.newservice import new_service
from ingest.validation.cli import check
from voregistry.cli import registry_record_command
from voserver.lock import only_server, served_by

__all__ = ["main"]


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        try:
            return super().invoke(ctx)
        except EpnTapError as exc:
            click.echo(f"epntap: {exc.message}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(epntap.__version__, prog_name="epntap")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (TOML); EPNTAP_* variables win over it.")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Turn an archive of space plasma data into an EPN-TAP service."""
    ctx.obj = load_settings(file=config)


@main.command()
@click.option("--roles-only", is_flag=True, help="Make the roles and nothing else, for a backup to be restored.")
@click.pass_obj
def init(settings: Settings, *, roles_only: bool) -> None:
    """Make the database, or bring it to this version: roles, schemas, functions, rights. Safe to run again."""
    with open_database(settings, create=True) as database:
        if roles_only:
            make_roles(database)
            return
        applied = apply_migrations(database)
    click.echo(f"applied {', '.join(applied)}" if applied else "the database was up to date already")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Say where the database is and what it publishes."""
    with open_database(settings) as database:
        pending = pending_migrations(database)
        tables: list[dict[str, Any]] = []
        if not pending:
            with connect(database, Role.SERVICE) as connection:
                catalog = load_catalog(connection)
            tables = [
                {"table": table.qualified_name, "rows": table.rows, "columns": len(table.columns)}
                for table in catalog.tables
                if table.schema != "tap_schema"
            ]
        with connect(database, Role.ADMIN) as connection:
            version = connection.info.parameter_status("server_version")
        kind = "embedded" if database.embedded else "external"
    report = {
        "database": f"{kind} PostgreSQL {version}",
        "home": str(settings.home),
        "served": served_by(settings),
        "pending": pending,
        "published": tables,
    }
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(f"database   {report['database']}\nhome       {report['home']}")
    click.echo(f"served     {report['served'] or 'not at the moment'}")
    if pending:
        click.echo(f"not ready  {len(pending)} setup steps are missing; run 'epntap init'")
    elif not tables:
        click.echo("published  nothing yet; run 'epntap ingest SERVICE.toml'")
    for table in tables:
        click.echo(f"published  {table['table']}: {table['rows']} granules, {table['columns']} columns")


@contextmanager
def _shared_counts() -> Iterator[None]:
    """A folder for the files in which web processes count together; it is looked for when the library is imported."""
    here = os.getpid()
    folder = mkdtemp(prefix="epntap-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if os.getpid() == here:  # a web process that was forked inside the block leaves it too
            shutil.rmtree(folder, ignore_errors=True)


def _with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    changes: dict[str, Any] = {"host": host, "port": port}
    return dataclasses.replace(settings, **{name: value for name, value in changes.items() if value is not None})


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Answer queries until Ctrl-C."""
    settings = _with_address(settings, host, port)
    with ExitStack() as stack:
        stack.enter_context(_shared_counts())
        from voserver.listen import bound_socket, run_server  # noqa: PLC0415  # gunicorn is slow to import

        database = stack.enter_context(open_database(settings))
        stack.enter_context(only_server(settings))
        listener = stack.enter_context(bound_socket(settings))
        if pending_migrations(database):
            raise SetupError("The database is not initialised for this version; run 'epntap init' first.")
        click.echo(f"TAP address: {settings.base_url}/tap   (Ctrl-C stops)", err=True)
        run_server(settings, database, listener)


@main.command()
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
        database = (
            Database(settings.database_url, embedded=True, role_prefix=settings.role_prefix) if embedded else None
        )
        database = database or stack.enter_context(open_database(settings))
        if pending_migrations(database):
            raise SetupError("The database is not initialised for this version; run 'epntap init' first.")
        start_log(settings.log_file)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # log files that were moved are noticed without
        running = build_worker(settings, database)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: running.stop())
        running.run(parent)


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--prepare-only", is_flag=True, help="Make database and granules, but do not serve.")
@click.pass_obj
def demo(settings: Settings, host: str | None, port: int | None, *, prepare_only: bool) -> None:
    """Write synthetic files, ingest them as amdadb, illu67p and transplanet, and serve them until Ctrl-C."""
    from voserver.demo import prepare_demo, welcome  # noqa: PLC0415  # the generator is not needed otherwise

    # everybody may see the jobs of a demonstration, so that the job lists of all clients work
    settings = dataclasses.replace(_with_address(settings, host, port), public_jobs=True)

    def say(text: str) -> None:
        click.echo(text, err=True)

    with only_server(settings), ExitStack() as stack:
        stack.enter_context(_shared_counts())
        from voserver.listen import bound_socket, run_server  # noqa: PLC0415

        listener = None if prepare_only else stack.enter_context(bound_socket(settings))
        database = stack.enter_context(open_database(settings, create=True))
        with terminal_progress(quiet=False) as progress:
            reports = prepare_demo(settings, database, say, progress)
        for report in reports:
            say(f"{report.schema}.epn_core: {report.total_rows:,} granules")
        if listener is not None:
            say(welcome(settings))
            run_server(settings, database, listener)


for _command in (ingest, check, new_service, registry_record_command, adql_command):
    main.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
