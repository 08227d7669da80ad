"""`epntap summarise`, and the jobs that run it: in a process of its own, which can be ended at any moment."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

import click

from epntap.archive.services import services
from epntap.connection import Connection
from epntap.db.migrate import check_migrated
from epntap.db.pool import Database, Role, connect
from epntap.db.server import named_database, open_database
from epntap.errors import NotFoundError, ServiceError
from epntap.hints import did_you_mean
from epntap.settings import Settings, settings_of
from epntap.spread.choice import executor_for, where_options
from epntap.spread.executor import Executor
from epntap.uws.model import Job, Sink

__all__ = ["run_summary_job", "summarise_command"]

log = logging.getLogger(__name__)

#: exit code when something could not be summarised, as `epntap ingest` has it
_IN_PART = 3


@click.command("summarise")
@click.argument("schema", required=False)
@click.argument("datasets", metavar="DATASET…", nargs=-1)
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes that read files; one for each core.")
@where_options
@click.option("--json", "as_json", is_flag=True, help="Print what became of each dataset as JSON.")
@click.option("--quiet", is_flag=True, help="No progress, and no report unless --json is given.")
@click.option("--lines", is_flag=True, hidden=True, help="One line of JSON as each dataset is done.")
@click.option("--parent", type=int, hidden=True, help="Stop when this process is gone.")
@click.option("--embedded", is_flag=True, hidden=True, help="The database is the embedded one of the parent.")
@click.pass_context
def summarise_command(
    context: click.Context,
    schema: str | None,
    datasets: tuple[str, ...],
    jobs: int | None,
    parent: int | None,
    scan_on: str,
    scheduler: str | None,
    *,
    as_json: bool,
    quiet: bool,
    lines: bool,
    embedded: bool,
) -> None:
    """Make the summaries of services or datasets, or bring them up to date: statistics of every variable in bins.

    Only days whose files have moved are read. A run that is ended loses what it had in hand; the next one goes on.

    Ends with exit code 0, or with 3 when something could not be summarised; its last summary goes on being served.
    """
    settings = settings_of(context.obj)
    with ExitStack() as stack:
        database = named_database(settings, embedded=True) if embedded else None
        database = database or stack.enter_context(open_database(settings))
        check_migrated(database)
        if lines:
            with suppress(OSError):
                os.nice(5)  # who waits for an answer goes first
        executor = stack.enter_context(_executor(scan_on, scheduler, database))
        done = _run(
            settings, database, schema, datasets, jobs, executor, _Parent(parent), quiet=quiet or lines, lines=lines
        )
    if as_json:
        click.echo(json.dumps(done, indent=2))
    elif not (quiet or lines):
        for text in _report(done):
            click.echo(text)
    context.exit(_IN_PART if any(one["failures"] for one in done) else 0)


def _run(
    settings: Settings,
    database: Database,
    schema: str | None,
    datasets: tuple[str, ...],
    jobs: int | None,
    executor: Executor | None,
    parent: _Parent,
    *,
    quiet: bool,
    lines: bool,
) -> list[dict[str, Any]]:
    from ingest.terminal import terminal_progress  # noqa: PLC0415  # only here
    from summaries.run import summarise  # noqa: PLC0415  # slow to import

    lend = _lender(database)
    with lend() as connection:
        known = [one.schema_name for one in services(connection)]
    if schema is not None and schema not in known:
        said = f"published are {', '.join(known)}" if known else "nothing is published"
        raise NotFoundError(f"There is no service {schema}; {said}.{did_you_mean(schema, known)}")
    found: list[dict[str, Any]] = []
    with terminal_progress(quiet=quiet) as progress:
        for one in known if schema is None else [schema]:
            for done, total in summarise(
                lend, settings.summaries_dir, one, datasets, jobs=jobs, executor=executor, progress=progress
            ):
                found.append(done.to_json())
                if lines:
                    click.echo(json.dumps({**found[-1], "done": len(found), "total": total}))
                parent.check()
    return found


def _executor(scan_on: str, scheduler: str | None, database: Database) -> AbstractContextManager[Executor | None]:
    from summaries.errand import YEAR  # noqa: PLC0415  # slow to import

    return executor_for(scan_on, scheduler, database, [YEAR])


def _lender(database: Database) -> Callable[[], AbstractContextManager[Connection]]:
    @contextmanager
    def lend() -> Iterator[Connection]:
        with connect(database, Role.SERVICE, autocommit=True) as connection:
            yield connection

    return lend


class _Parent:
    """The process for which this one works, if it is another's."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid

    def check(self) -> None:
        """End when it is gone."""
        if self._pid is not None and os.getppid() != self._pid:
            raise SystemExit(_IN_PART)


def _report(done: Iterable[dict[str, Any]]) -> Iterator[str]:
    """For people: a line for each dataset in which something was made, and the sentences of what was not."""
    some = list(done)
    for one in some:
        if one["made"]:
            years = "year" if one["made"] == 1 else "years"
            yield (
                f"{one['schema']}.{one['dataset']}: {one['made']} {years} made, {one['kept']} kept; "
                f"{one['records']:,} records, {one['size_bytes']:,} bytes"
            )
    for one in some:
        yield from (f"not summarised: {one['schema']}.{sentence}" for sentence in one["failures"])
    yield f"{len(some)} datasets, {sum(not one['made'] and not one['failures'] for one in some)} of them as they were"


# -- as a job ---------------------------------------------------------------------------------------------------------


def run_summary_job(settings: Settings, database: Database, job: Job, sink: Sink) -> None:
    """Bring the summaries of the service that the job names up to date; its result is a text for the operator."""
    schema = dict(job.parameters).get("SCHEMA", "")
    command = [sys.executable, "-m", "voserver.cli", "summarise", schema, "--jobs", "1", "--lines"]
    command += ["--parent", str(os.getpid()), *(["--embedded"] if database.embedded else [])]
    environ = {**os.environ, **settings.environ(), "EPNTAP_DATABASE_URL": database.url}
    sink.describe("text/plain;charset=utf-8", "txt")
    done: list[dict[str, Any]] = []
    with subprocess.Popen(  # noqa: S603  # our own command
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        sink.on_cancel(process.kill)
        assert process.stdout is not None
        for line in process.stdout:
            done.append(json.loads(line))
            sink.report(done[-1]["done"], done[-1]["total"], done[-1]["dataset"])
            for sentence in done[-1]["failures"]:
                log.warning("not summarised: %s", sentence, extra={"schema": schema})
        assert process.stderr is not None
        said = process.stderr.read()
    if process.returncode not in {0, _IN_PART}:
        log.error("summaries of %s were not finished", schema, extra={"said": said[-2000:]})
        raise ServiceError(f"The summaries of {schema} were not finished; the next run goes on.")
    sink.write("".join(f"{text}\n" for text in _report(done)).encode())
