"""`epntap ingest`: read a service definition, bring the service up to date, say what happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from epntap.archive.kept.summaries import queue_summary
from epntap.db.migrate import check_migrated
from epntap.db.pool import Role, connect
from epntap.db.published import complete_schema
from epntap.db.server import open_database
from epntap.errors import DefinitionError, EpnTapError
from epntap.settings import settings_of
from epntap.spread.choice import executor_for, where_options
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.kinds.errand import SCAN
from ingest.options import Options
from ingest.pipeline import drop_service, find_service, ingest_service
from ingest.report import Report
from ingest.terminal import terminal_progress

__all__ = ["drop", "ingest"]

_FOLDER = click.Path(path_type=Path)


#: exit codes; 2 is for a command line that cannot be understood
NOTHING_LOADED, PUBLISHED_IN_PART = 1, 3


def _complete_definition(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files that may be definitions, and the folders on the way to them."""
    folder, _, begun = incomplete.rpartition("/")
    place = f"{folder}/" if folder or incomplete.startswith("/") else ""
    try:
        there = sorted(path for path in Path(place or ".").iterdir() if path.name.startswith(begun))
    except OSError:
        return []
    items = [
        CompletionItem(f"{place}{path.name}", type="dir" if path.is_dir() else "plain")
        for path in there
        if path.is_dir() or path.suffix == ".toml"
    ]
    return [item for item in items if begun.startswith(".") or not Path(item.value).name.startswith(".")]


@click.command("ingest")
@click.argument(
    "definitions",
    metavar="SERVICE.toml…",
    type=_FOLDER,
    nargs=-1,
    required=True,
    shell_complete=_complete_definition,
)
@click.option("--archive", type=_FOLDER, metavar="DIR", help="Folder of CDF files, in place of that in the definition.")
@click.option(
    "--spase", type=_FOLDER, metavar="DIR", help="Folder of SPASE records, in place of that in the definition."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes that open files; one for each core.")
@where_options
@click.option("--wait", is_flag=True, help="Wait while another ingestion of the service runs, instead of giving up.")
@click.option("--allow-deletions", is_flag=True, help="Go on even if most of what is published will be deleted.")
@click.option("--thorough", is_flag=True, help="Open all files and compare all granules, whether they moved or not.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option(
    "--max-refused",
    type=click.FloatRange(0, 100),
    default=10.0,
    show_default=True,
    metavar="PERCENT",
    help="End with exit code 3 when so many of the granules or files of a service are refused.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON; a list of several.")
@click.option("--quiet", is_flag=True, help="No progress, and no report unless --json is given.")
@click.pass_context
def ingest(
    context: click.Context,
    /,
    definitions: tuple[Path, ...],
    archive: Path | None,
    spase: Path | None,
    max_refused: float,
    scan_on: str,
    scheduler: str | None,
    *,
    as_json: bool,
    quiet: bool,
    **options: Any,  # the fields of Options
) -> None:
    """Load the services that SERVICE.toml files define, or bring them up to date.

    Only files that are new or have moved are opened (all with --thorough), and only granules that differ are written.
    Readers of the published tables are not disturbed: they see the old rows until the new ones are complete.

    Ends with exit code 0 when all is published, with 3 when a part is refused that is not small (--max-refused), and
    with 1 when nothing was loaded, of one service at least; other services are published all the same.
    """
    if len(definitions) > 1 and (archive is not None or spase is not None):
        raise DefinitionError("--archive and --spase stand in for the folders of one definition; give them one by one.")
    services = [load_definition(file, archive=archive, spase=spase) for file in definitions]
    _refuse_one_schema_twice(services)
    settings = settings_of(context.obj)
    reports: list[Report] = []
    failed = False
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        check_migrated(database)
        executor = stack.enter_context(executor_for(scan_on, scheduler, database, [SCAN]))
        asked = Options(distribute=settings.distribute, **options)
        for service in services:
            try:
                with terminal_progress(quiet=quiet) as progress:
                    report = ingest_service(service, database, progress=progress, options=asked, executor=executor)
            except EpnTapError as exc:
                if len(services) == 1:
                    raise
                failed = True
                click.echo(f"epntap: {service.schema}: {exc.message}", err=True)
                continue
            reports.append(report)
            if not options["dry_run"]:
                with connect(database, Role.SERVICE, autocommit=True) as connection:
                    queue_summary(connection, service.schema)
            if not (as_json or quiet):
                click.echo(report.to_text())
    if as_json:
        documents = [report.to_json() for report in reports]
        click.echo(json.dumps(documents[0] if len(services) == 1 else documents, indent=2))
    code = NOTHING_LOADED if failed else _exit_code(reports, max_refused)
    for report in reports:
        if not quiet and _exit_code([report], max_refused) == PUBLISHED_IN_PART:
            click.echo(
                f"epntap: {report.schema}: {100 * report.refused_share:.3g} % is refused; from {max_refused:g} % on "
                f"(--max-refused) the exit code is {PUBLISHED_IN_PART}.",
                err=True,
            )
    context.exit(code)


def _refuse_one_schema_twice(services: Sequence[Definition]) -> None:
    first: dict[str, Path] = {}
    for service in services:
        other = first.setdefault(service.schema, service.file)
        if other is not service.file:
            raise DefinitionError(f"{other} and {service.file} both define the service {service.schema}.")


def _exit_code(reports: Sequence[Report], max_refused: float) -> int:
    if any(not report.total_rows and report.granules.seen for report in reports):
        return NOTHING_LOADED
    shares = [100 * report.refused_share for report in reports]
    return PUBLISHED_IN_PART if any(share and share >= max_refused for share in shares) else 0


@click.command("drop")
@click.argument("schema", metavar="SCHEMA", shell_complete=complete_schema)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(context: click.Context, schema: str, *, yes: bool) -> None:
    """Delete the tables of a service and everything that is known of it; jobs and their results stay.

    Its files are not touched: the next ingestion of its definition publishes it again.
    """
    settings = settings_of(context.obj)
    with open_database(settings) as database:
        check_migrated(database)
        service = find_service(database, schema)
        if not yes:
            click.confirm(
                f"Delete {service.schema_name} ({service.title}; {service.granule_count:,} granules)?",
                abort=True,
                err=True,
            )
        drop_service(database, service.schema_name)
    click.echo(f"{service.schema_name} is gone: {service.granule_count:,} granules and all that was known of them.")
