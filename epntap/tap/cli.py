"""`epntap adql`: what a query becomes, without running it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from psycopg import ClientCursor

from epntap import adql
from epntap.adql.translate import Translation
from epntap.catalog.load import load_catalog
from epntap.db.pool import Role, connect
from epntap.db.server import open_database
from epntap.settings import Settings

__all__ = ["adql_command"]


@click.command("adql")
@click.argument("query")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def adql_command(settings: Settings, query: str, *, as_json: bool) -> None:
    """Show the SQL that an ADQL QUERY becomes and the columns of its answer; nothing is run.

    The limits that the service adds (MAXREC) are left out. What is wrong with a query is shown with its place.
    """
    with open_database(settings) as database, connect(database, Role.SERVICE) as connection:
        catalog = load_catalog(connection)
        translation = adql.translate(query, catalog, base_url=settings.base_url)
        statement = ClientCursor(connection).mogrify(translation.statement, translation.params)
    if as_json:
        columns = [asdict(column) for column in translation.columns]
        click.echo(json.dumps({"sql": statement, "tables": list(translation.tables), "columns": columns}, indent=2))
    else:
        click.echo(f"{statement};\n{_columns(translation)}")


def _columns(translation: Translation) -> str:
    rows = [
        (
            column.name,
            f"{column.datatype}[{column.arraysize}]" if column.arraysize else column.datatype,
            column.unit or "",
        )
        for column in translation.columns
    ]
    widths = [max(map(len, texts)) for texts in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"-- {line}".rstrip() for line in lines)
