"""`epntap ingest`: read a service definition, bring the service up to date, say what happened."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from epntap.db.migrate import check_migrated
from epntap.db.server import open_database
from epntap.settings import settings_of
from ingest.definition.load import load_definition
from ingest.options import Options
from ingest.pipeline import ingest_service
from ingest.progress import Progress, Silent

__all__ = ["ingest", "terminal_progress"]

_FOLDER = click.Path(path_type=Path)


@click.command("ingest")
@click.argument("definition", metavar="SERVICE.toml", type=click.Path(path_type=Path))
@click.option("--archive", type=_FOLDER, metavar="DIR", help="Folder of CDF files, in place of that in the definition.")
@click.option(
    "--spase", type=_FOLDER, metavar="DIR", help="Folder of SPASE records, in place of that in the definition."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes that open files; one for each core.")
@click.option("--wait", is_flag=True, help="Wait while another ingestion of the service runs, instead of giving up.")
@click.option("--allow-deletions", is_flag=True, help="Go on even if most of what is published will be deleted.")
@click.option("--thorough", is_flag=True, help="Open all files and compare all granules, whether they moved or not.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option("--quiet", is_flag=True, help="No progress, and no report unless --json is given.")
@click.pass_context
def ingest(
    context: click.Context,
    /,
    definition: Path,
    archive: Path | None,
    spase: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    **options: Any,  # the fields of Options
) -> None:
    """Load the service that SERVICE.toml defines, or bring it up to date.

    Only files that are new or have moved are opened, and only granules that differ are written. Readers of the
    published table are not disturbed: they see the old rows until the new ones are complete.
    """
    service = load_definition(definition, archive=archive, spase=spase)
    settings = settings_of(context.obj)
    with open_database(settings) as database:
        check_migrated(database)
        with terminal_progress(quiet=quiet) as progress:
            report = ingest_service(service, database, progress=progress, options=Options(**options))
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
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars)


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """Show the speed of late, or of the whole task when that is done."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


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
