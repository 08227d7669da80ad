"""`epntap registry-record`: the record by which clients will find a service."""

from __future__ import annotations

from pathlib import Path

import click

from epntap.addresses import Addresses
from epntap.archive import services as services_store
from epntap.catalog.load import load_catalog
from epntap.db.migrate import check_migrated
from epntap.db.pool import Database, Role, connect
from epntap.db.published import complete_schema
from epntap.db.server import open_database
from epntap.errors import NotFoundError, SetupError
from epntap.hints import did_you_mean
from epntap.settings import settings_of
from voregistry.authority import SUBJECTS, Authority, read_authority
from voregistry.extent import read_extent
from voregistry.record import registry_record

__all__ = ["make_record", "registry_record_command"]


@click.command("registry-record")
@click.argument("schema", shell_complete=complete_schema)
@click.option(
    "--definition",
    type=click.Path(path_type=Path),
    metavar="SERVICE.toml",
    help="Take what is not given here from [registry] of this service definition.",
)
@click.option("--authority", help="Naming authority: the first part of the identifiers, such as cdpp.")
@click.option("--contact-name", help="Whom to write to.")
@click.option("--contact-email", help="Where to write to.")
@click.option("--tap-record", metavar="IVOID", help="Record of the TAP service; ivo://<authority>/tap by default.")
@click.option("--identifier", metavar="IVOID", help="Identifier; ivo://<authority>/<schema>/epn by default.")
@click.option("--subject", "subjects", multiple=True, help=f"UAT term; one of {', '.join(SUBJECTS)} is needed.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file.")
@click.pass_context
def registry_record_command(
    context: click.Context,
    /,
    schema: str,
    definition: Path | None,
    output: Path | None,
    **options: str | tuple[str, ...] | None,
) -> None:
    """Write the registry record of a published schema, to be harvested or handed in."""
    settings = settings_of(context.obj)
    authority = read_authority(definition, options)
    with open_database(settings) as database:
        check_migrated(database)
        record = make_record(database, schema, authority, settings.addresses)
    if output is None:
        click.echo(record.decode(), nl=False)
        return
    try:
        output.write_bytes(record)
    except OSError as exc:
        raise SetupError(f"The record cannot be written to {output}: {exc.strerror}.") from exc


def make_record(database: Database, schema: str, authority: Authority, addresses: Addresses) -> bytes:
    """The record of a published schema. Raises NotFoundError when there is no such service."""
    with connect(database, Role.SERVICE) as connection:
        published = {service.schema_name: service for service in services_store.services(connection)}
        connection.rollback()  # the catalogue wants a snapshot of its own
        catalog = load_catalog(connection)
        table = catalog.table(schema, "epn_core")
        if schema not in published or table is None:
            said = f"published are {', '.join(published)}" if published else "nothing is published yet"
            raise NotFoundError(f"There is no service {schema}; {said}.{did_you_mean(schema, published)}")
        extent = read_extent(connection, table)
    beside = [one for one in catalog.tables if one.schema == schema and one is not table]
    return registry_record(published[schema], [table, *beside], extent, authority, addresses)
