"""`epntap usage`: what was had of the data, by month, dataset and group."""

from __future__ import annotations

import json

import click

from epntap.settings import Settings
from voaccounts.cli.connected import connected, table
from voaccounts.store.usage import usage as usage_of

__all__ = ["usage"]


@click.command("usage")
@click.option("--month", default="", metavar="YYYY-MM", help="Of this month only.")
@click.option("--service", default="", metavar="SCHEMA", help="Of this service only.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def usage(settings: Settings, month: str, service: str, *, as_json: bool) -> None:
    """Show what was had of the data: answers and bytes, by month, dataset and group. Nobody is named."""
    with connected(settings) as connection:
        found = usage_of(connection, month, service)
    if as_json:
        names = ("month", "service", "dataset", "group", "answers", "bytes")
        click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in found], indent=2))
        return
    if not found:
        click.echo("nothing was had yet")
        return
    rows = [
        [when, schema, dataset, team or "-", f"{n:,}", f"{size:,}"] for when, schema, dataset, team, n, size in found
    ]
    table([["MONTH", "SERVICE", "DATASET", "GROUP", "ANSWERS", "BYTES"], *rows])
