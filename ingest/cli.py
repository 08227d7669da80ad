"""`epntap ingest`: read a service definition, bring the service up to date, say what happened."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from epntap.db.migrate import pending_migrations
from epntap.db.server import open_database
from epntap.errors import SetupError
from epntap.settings import Settings, load_settings
from ingest.descriptor import load_definition
from ingest.pipeline import ingest_service
from ingest.progress import Progress, Silent

__all__ = ["ingest", "terminal_progress"]

_FOLDER = click.Path(path_type=Path)


@click.command("ingest", short_help="Load a service from its definition, or bring it up to date.")
@click.argument("definition", metavar="SERVICE.toml", type=click.Path(path_type=Path))
@click.option("--archive", type=_FOLDER, metavar="DIR", help="Folder of CDF files, in place of that in the definition.")
@click.option(
    "--spase", type=_FOLDER, metavar="DIR", help="Folder of SPASE records, in place of that in the definition."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option("--quiet", is_flag=True, help="No progress, and no report unless --json is given.")
@click.pass_context
def ingest(
    context: click.Context, definition: Path, archive: Path | None, spase: Path | None, *, as_json: bool, quiet: bool
) -> None:
    """Load the service that SERVICE.toml defines, or bring it up to date.

    Readers of the published table are not disturbed: they see the old rows until the new ones are complete. Running
    it again with the same input changes nothing.
    """
    service = load_definition(definition, archive=archive, spase=spase)
    settings = context.obj if isinstance(context.obj, Settings) else load_settings()
    with open_database(settings) as database:
        if pending_migrations(database):
            raise SetupError("The database is not initialised or not up to date; run 'epntap init' first.")
        with terminal_progress(quiet=quiet) as progress:
            report = ingest_service(service, database, progress=progress)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    elif not quiet:
        click.echo(report.to_text())


@contextmanager
def terminal_progress(*, quiet: bool) -> Iterator[Progress]:
    """Progress as bars on standard error; silence when that is no terminal, or on request."""
    if quiet or not sys.stderr.isatty():
        yield Silent()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        yield _Bars(bars)


class _Bars:
    """A bar for the piece of work in hand."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def stage(self, title: str, total: int | None = None) -> None:
        """Replace the bar of the piece before."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(title, total=total)

    def advance(self, steps: int = 1) -> None:
        """Move the current bar."""
        if self._task is not None:
            self._bars.advance(self._task, steps)
