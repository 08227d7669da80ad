"""Names of published schemas, for the completion of command lines: at once or not at all."""

from __future__ import annotations

import click
import psycopg

from epntap.db.pool import Role
from epntap.db.server import running_database
from epntap.errors import EpnTapError
from epntap.settings import Settings, load_settings

__all__ = ["complete_schema", "published_schemas"]

_SCHEMAS = "SELECT schema_name FROM archive.service ORDER BY schema_name"


def published_schemas(settings: Settings) -> list[str]:
    """The schemas of all services; none where the database does not run or is not set up. Nothing is started."""
    database = running_database(settings)
    if database is None:
        return []
    try:
        with psycopg.connect(database.conninfo(Role.SERVICE)) as connection:
            return [str(row[0]) for row in connection.execute(_SCHEMAS)]
    except (psycopg.Error, EpnTapError):
        return []


def complete_schema(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Those that begin so, for click."""
    try:
        settings = load_settings(file=context.find_root().params.get("config"))
    except EpnTapError:
        return []  # the command itself will say what is wrong
    return [schema for schema in published_schemas(settings) if schema.startswith(incomplete)]
