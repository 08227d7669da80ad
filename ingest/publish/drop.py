"""A service taken back: its tables, and every row about it; what users made of it stays."""

from __future__ import annotations

import psycopg
from psycopg import sql

from epntap.archive.services import Service, services
from epntap.catalog.ddl import LOCK_TIMEOUT_S
from epntap.catalog.indexes import CLOSED, RELEASED, SEEN
from epntap.catalog.narrow.tables import drop_narrow
from epntap.catalog.publish import raise_catalog_version
from epntap.connection import Connection
from epntap.errors import NotFoundError, SetupError
from epntap.hints import did_you_mean

__all__ = ["delete_service", "service_of"]


def service_of(connection: Connection, schema: str) -> Service:
    """The service of a schema. Raises NotFoundError when there is none."""
    known = {service.schema_name: service for service in services(connection)}
    if schema not in known:
        said = f"published are {', '.join(known)}" if known else "nothing is published"
        raise NotFoundError(f"There is no service {schema}; {said}.{did_you_mean(schema, known)}")
    return known[schema]


def delete_service(connection: Connection, schema: str) -> None:
    """Delete the tables of a service, what TAP_SCHEMA says of them, and all that the archive knows of it.

    Part of the caller's transaction. Raises SetupError when queries are using the tables.
    """
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(LOCK_TIMEOUT_S * 1000)}ms",))
    try:
        for kind, name in _relations(connection, schema):
            connection.execute(sql.SQL("DROP {} {}").format(sql.SQL(kind), sql.Identifier(schema, name)))
        drop_narrow(connection, schema)
    except psycopg.errors.LockNotAvailable as exc:
        raise SetupError(
            f"Queries are using the tables of {schema}; nothing was changed, please try again when they are done."
        ) from exc
    _drop_schema(connection, schema)
    _delete_descriptions(connection, schema)
    for table in _tables_about_schemas(connection):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE schema_name = %s").format(sql.Identifier("archive", table)), (schema,)
        )
    raise_catalog_version(connection)


def _relations(connection: Connection, schema: str) -> list[tuple[str, str]]:
    """What TAP_SCHEMA names of a schema, and the closed rows, views first, as DROP wants it said."""
    return connection.execute(
        """
        SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, c.relname
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm') AND (c.relname = ANY (%s) OR EXISTS (
            SELECT FROM tap_schema.tables t
            WHERE t.schema_name = n.nspname AND t.table_name = n.nspname || '.' || c.relname
        ))
        ORDER BY c.relkind IN ('r', 'p'), c.relname
        """,
        (schema, [SEEN, RELEASED, CLOSED]),
    ).fetchall()


def _drop_schema(connection: Connection, schema: str) -> None:
    """Drop the schema, unless somebody has put something else in it."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {}").format(sql.Identifier(schema)))
    except psycopg.errors.DependentObjectsStillExist:
        pass


def _delete_descriptions(connection: Connection, schema: str) -> None:
    tables = sql.SQL("SELECT table_name FROM tap_schema.tables WHERE schema_name = %(schema)s")
    keys = sql.SQL("SELECT key_id FROM tap_schema.keys WHERE from_table IN ({0}) OR target_table IN ({0})").format(
        tables
    )
    for statement in (
        sql.SQL("DELETE FROM tap_schema.key_columns WHERE key_id IN ({})").format(keys),
        sql.SQL("DELETE FROM tap_schema.keys WHERE key_id IN ({})").format(keys),
        sql.SQL("DELETE FROM tap_schema.columns WHERE table_name IN ({})").format(tables),
        sql.SQL("DELETE FROM tap_schema.tables WHERE schema_name = %(schema)s"),
        sql.SQL("DELETE FROM tap_schema.schemas WHERE schema_name = %(schema)s"),
    ):
        connection.execute(statement, {"schema": schema})


def _tables_about_schemas(connection: Connection) -> list[str]:
    """Tables of the archive that have rows of services; that of the services themselves comes last."""
    rows = connection.execute(
        """
        SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'archive' AND c.relkind = 'r' AND a.attname = 'schema_name' AND NOT a.attisdropped
        ORDER BY c.relname = 'service', c.relname
        """
    )
    return [name for (name,) in rows]
