"""`epntap init`, `status` and `definition-schema`: what there is to look at. Nothing slow is imported here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from epntap.catalog.load import load_catalog
from epntap.db.migrate import apply_migrations, pending_migrations
from epntap.db.pool import Role, connect
from epntap.db.restore import restore_backup
from epntap.db.server import open_database
from epntap.settings import Settings
from voserver.process.lock import served_by

__all__ = ["definition_schema_command", "init", "status"]


@click.command()
@click.option(
    "--restore", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Fill it from a backup of pg_dump."
)
@click.pass_obj
def init(settings: Settings, restore: Path | None) -> None:
    """Make the database, or bring it to this version: roles, schemas, functions, rights. Safe to run again."""
    with open_database(settings, create=True) as database:
        if restore:
            restore_backup(database, restore)
        applied = apply_migrations(database)
    if restore:
        click.echo(f"restored {restore}")
    click.echo(f"applied {', '.join(applied)}" if applied else "the database was up to date already")


@click.command()
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
                if table.name == "epn_core"
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


@click.command("definition-schema")
def definition_schema_command() -> None:
    """Print the JSON Schema of service definitions, by which editors check and complete them."""
    from ingest.definition.schema import definition_schema  # noqa: PLC0415  # slow, and only here
    from voregistry.authority import LISTS, keys  # noqa: PLC0415

    click.echo(json.dumps(definition_schema(keys(), LISTS), indent=2))
