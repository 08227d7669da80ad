"""Statements over our tables: compiled by SQLAlchemy, run by psycopg on the pools that exist."""

from __future__ import annotations

import re
from dataclasses import fields

import psycopg
import pytest
from sqlalchemy import Table, bindparam, select

from epntap.archive.kept.counts import Coverage
from epntap.archive.model import ArchiveFile, Dataset, Parameter, ScannedFile
from epntap.archive.services import Service, services
from epntap.db.pool import Database, Role, connect, open_pool, pooled
from epntap.schema import tables
from epntap.schema.statements import compiled, upsert
from epntap.uws.model import Job
from tests.support.places import ROOT


def test_ten_thousand_uses_leave_nothing_on_a_connection(database: Database) -> None:
    pool = open_pool(database, Role.SERVICE, size=1, name="few")
    try:
        for _ in range(10_000):
            with pooled(pool) as connection:
                assert services(connection) == ()
        with pooled(pool) as connection:
            assert not connection._notice_handlers
            assert not connection._notify_handlers
            assert len(connection._prepared._names) <= connection._prepared.prepared_max
    finally:
        pool.close()


def test_only_upgrades_have_an_engine() -> None:
    having = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("*/**/*.py")
        if path.parts[len(ROOT.parts)] not in {"tests", ".venv", "build"}
        and re.search(r"create_engine|sqlalchemy\.orm", path.read_text(encoding="utf-8"))
    }
    assert having == {"epntap/schema/upgrade.py"}


#: fields of a dataset that tables of their own hold
BESIDE = ("parameters", "series_id")


@pytest.mark.parametrize(
    ("value", "table", "elsewhere"),
    [
        (Service, tables.service, {}),
        (
            Dataset,
            tables.dataset,
            {"start": "start_time", "stop": "stop_time", "parameters": "dataset_id", "series_id": "dataset_id"},
        ),
        (Parameter, tables.parameter, {"components": "public_id"}),  # kept with what is said of the series
        (ArchiveFile, tables.file_in_full, {}),
        (ScannedFile, tables.scanned_file_in_full, {}),
        (Coverage, tables.coverage, {}),
        (Job, tables.job, {"error": "error_message"}),
    ],
)
def test_what_a_value_holds_has_a_column(value: type, table: Table, elsewhere: dict[str, str]) -> None:
    names = {elsewhere.get(field.name, field.name) for field in fields(value)}
    assert names <= set(table.columns.keys())


def test_a_parameter_that_is_missing_is_named(database: Database) -> None:
    statement = compiled(select(tables.service.c.title).where(tables.service.c.schema_name == bindparam("schema")))
    with connect(database, Role.SERVICE) as connection:
        with pytest.raises(psycopg.ProgrammingError, match="schema"):
            statement.run(connection)
        assert statement.run(connection, schema="it's; DROP TABLE x; --").fetchall() == []


def test_an_upsert_changes_all_but_what_it_keeps(database: Database) -> None:
    write = upsert(tables.tap_tables, kept=["description"])
    row = {"schema_name": "tap_schema", "table_name": "tap_schema.100%", "utype": None, "table_index": 1}
    with connect(database, Role.SERVICE) as connection:
        write.run_many(
            connection,
            [
                {**row, "table_type": "table", "description": "first"},
                {**row, "table_type": "view", "description": "second"},
            ],
        )
        found = connection.execute(
            "SELECT table_type, description FROM tap_schema.tables WHERE table_name = 'tap_schema.100%'"
        )
        assert found.fetchall() == [("view", "first")]
