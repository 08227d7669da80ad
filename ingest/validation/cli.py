"""`epntap check`: are the granules of a service as EPN-TAP wants them, here or anywhere."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import click

from epntap.db.migrate import check_migrated
from epntap.db.published import complete_schema
from epntap.db.server import open_database
from epntap.epncore.rules.all_rules import ALL_RULES, NO_SEVERITIES, Severity, parse_severities
from epntap.errors import DefinitionError, SetupError
from epntap.settings import settings_of
from ingest.terminal import terminal_progress
from ingest.validation.page import to_html
from ingest.validation.published import check_published
from ingest.validation.remote import DEFAULT_MAXREC, check_remote
from ingest.validation.report import CheckReport

__all__ = ["check"]


def _list_rules(*, as_json: bool) -> None:
    if as_json:
        rules = [
            {
                "id": rule.id,
                "severity": rule.severity.value,
                "section": rule.section,
                "taplint": rule.taplint,
                "expected": rule.expected,
            }
            for rule in ALL_RULES
        ]
        click.echo(json.dumps(rules, indent=2))
        return
    for rule in ALL_RULES:
        click.echo(f"{rule.id:<40} {rule.severity.value:<10} §{rule.section:<16} {rule.taplint:<7} {rule.expected}")


@click.command("check")
@click.argument("target", metavar="SCHEMA|URL", required=False, shell_complete=complete_schema)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report, or the rules, as JSON.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as a page as well.")
@click.option("--table", "table_name", metavar="NAME", help="Which table of a TAP service, such as amdadb.epn_core.")
@click.option(
    "--maxrec",
    type=click.IntRange(1),
    default=DEFAULT_MAXREC,
    show_default=True,
    help="The most rows to fetch from a TAP service.",
)
@click.option(
    "--severities",
    type=click.Path(path_type=Path),
    metavar="SERVICE.toml",
    help="Weigh the rules as [validation] of this service definition does.",
)
@click.option("--rules", is_flag=True, help="List the rules, and do nothing else.")
@click.pass_context
def check(
    context: click.Context,
    target: str | None,
    table_name: str | None,
    maxrec: int,
    html: Path | None,
    severities: Path | None,
    *,
    as_json: bool,
    rules: bool,
) -> None:
    """Check the granules of a published schema, or of an EPN-TAP table at any TAP address.

    Ends with exit code 1 when a rule of severity refuse is broken.
    """
    if rules:
        _list_rules(as_json=as_json)
        return
    if target is None:
        raise click.MissingParameter(ctx=context, param_type="argument", param_hint="'SCHEMA|URL'")
    settings = settings_of(context.obj)
    chosen = _severities(severities)
    is_remote = "://" in target
    # rows from elsewhere only need room for a moment, whatever the database holds or does not hold yet
    with open_database(settings, create=is_remote) as database:
        if is_remote:
            report = check_remote(database, target, table_name=table_name, maxrec=maxrec, severities=chosen)
        else:
            check_migrated(database)
            with terminal_progress(quiet=as_json) as progress:
                report = check_published(database, target, chosen, progress)
    _show(report, html, as_json=as_json)
    if report.refused:
        context.exit(1)


def _show(report: CheckReport, html: Path | None, *, as_json: bool) -> None:
    if html is not None:
        try:
            html.write_text(to_html([report]), encoding="utf-8")
        except OSError as exc:
            raise SetupError(f"The report cannot be written to {html}: {exc.strerror}.") from exc
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else report.to_text())


def _severities(file: Path | None) -> Mapping[str, Severity]:
    if file is None:
        return NO_SEVERITIES
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise DefinitionError(f"The service definition {file} cannot be read: {exc}.") from exc
    return parse_severities(document.get("validation", {}), f"{file}: [validation]")
