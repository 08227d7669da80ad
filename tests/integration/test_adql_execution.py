"""The statements of the unit cases, run: PostgreSQL takes them, and hands over the types that were promised."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from epntap.adql import translate
from epntap.db.pool import Database
from tests.unit.adql.sample import BASE_URL, CATALOG
from tests.unit.adql.test_cases import CASES

# what psycopg calls the types that ResultColumn.pg_type may name
_TYPE_NAMES = {
    "text": "text",
    "boolean": "bool",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "timestamp": "timestamp",
    "bytea": "bytea",
    "double precision[]": "float8[]",
    "bigint[]": "int8[]",
}


@pytest.fixture(scope="module")
def tables(module_database: Database) -> Iterator[psycopg.Connection]:
    """A database that has the tables of the sample catalogue, empty but for a few rows of lab.things."""
    with psycopg.connect(module_database.url, cursor_factory=psycopg.ClientCursor) as connection:
        for table in CATALOG.tables:
            if table.schema == "tap_schema":
                continue
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(table.schema)))
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.pg_type))  # type: ignore[arg-type]
                for c in table.columns
            ]
            connection.execute(
                sql.SQL("CREATE TABLE {} ({})").format(
                    sql.Identifier(table.schema, table.name), sql.SQL(", ").join(columns)
                )
            )
        yield connection


@pytest.mark.parametrize("case", [c for c in CASES if not c.is_refused], ids=lambda case: f"{case.file}:{case.line}")
def test_postgres_takes_the_statement_and_gives_the_types(case: object, tables: psycopg.Connection) -> None:
    result = translate(case.query, CATALOG, base_url=BASE_URL, row_limit=10)  # type: ignore[attr-defined]
    with tables.transaction(force_rollback=True), tables.cursor() as cursor:
        cursor.execute(result.statement, result.params)
        assert cursor.description is not None
        types = psycopg.adapters.types
        found = [
            str(types[column.type_code].name) + ("[]" if _is_array(column.type_code) else "")
            for column in cursor.description
        ]
        assert found == [_TYPE_NAMES[column.pg_type] for column in result.columns]


def _is_array(oid: int) -> bool:
    info = psycopg.adapters.types.get(oid)
    return info is not None and info.array_oid == oid


@pytest.fixture(scope="module")
def module_database(postgres_server: Database, template_database: str) -> Iterator[Database]:
    """One database for all cases: they only read."""
    name = f"adql_{template_database[-8:]}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template_database))
        )
    from tests.conftest import _named

    yield _named(postgres_server, name)
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
