"""`epntap ingest`: read a service definition, bring the service up to date, say what happened."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from epntap.db.migrate import pending_migrations
from epntap.db.server import open_database
from epntap.errors import EpnTapError, SetupError
from epntap.settings import load_settings
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
def ingest(definition: Path, archive: Path | None, spase: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Load the service that SERVICE.toml defines, or bring it up to date.

    Readers of the published table are not disturbed: they see the old rows until the new ones are complete. Running
    it again with the same input changes nothing.
    """
    try:
        service = load_definition(definition, archive=archive, spase=spase)
        with open_database(load_settings()) as database:
            if pending_migrations(database):
                raise SetupError("The database is not initialised or not up to date; run 'epntap init' first.")
            with terminal_progress(quiet=quiet) as progress:
                report = ingest_service(service, database, progress=progress)
    except EpnTapError as exc:
        raise click.ClickException(exc.message) from exc
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    elif not quiet:
        click.echo(report.to_text())


@contextmanager
def terminal_progress(*, quiet: bool) -> Iterator[Progress]:
    if quiet or not sys.stderr.isatty():
        yield Silent()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        yield _Bars(bars)


class _Bars:
    """One bar for each piece of work."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = None if not bars.tasks else bars.tasks[-1].id

    def stage(self, title: str, total: int | None = None) -> None:
        """Finish the bar of the piece before and begin another."""
        if self._task is not None:
            done = self._bars.tasks[self._task].completed
            self._bars.update(self._task, total=max(done, 1), completed=max(done, 1))
        self._task = self._bars.add_task(title, total=total)

    def advance(self, steps: int = 1) -> None:
        """Move the current bar."""
        if self._task is not None:
            self._bars.advance(self._task, steps)
