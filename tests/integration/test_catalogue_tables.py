"""The datasets of a service and their parameters, as tables that TAP publishes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from epntap.catalog.load import load_catalog
from epntap.catalog.names import RESERVED
from epntap.db.pool import Database, Role, connect
from epntap.epncore.ucd import is_valid_ucd
from epntap.errors import SetupError
from ingest.pipeline import ingest_service
from ingest.publish.datasets.catalogue import catalogue_tables
from ingest.publish.drop import delete_service
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record
from tests.support.browser import client_of
from tests.support.spase_records import parameter as spase_parameter

NOW = datetime.fromisoformat("2026-01-31T10:00:00")
COLUMNS_OF_DATASET = "SELECT attname FROM pg_attribute WHERE attrelid = 'plasma.dataset'::regclass AND attnum > 0"
JOINED = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')


def query(database: Database, statement: str, role: Role = Role.READER) -> list[tuple[Any, ...]]:
    with connect(database, role) as connection:
        return connection.execute(statement).fetchall()


def publish(database: Database, root: Path) -> None:
    record(root, "syn-mag")
    record(root, "syn-mom", region="Jupiter")
    cdf(root / "cdf/syn_mag_20010102_v01.cdf", "2001-01-02T00:00:00")
    ingest_service(definition(root, *JOINED), database, now=NOW)


def test_readers_see_the_datasets_and_what_is_held_of_them(database: Database, tmp_path: Path) -> None:
    publish(database, tmp_path)
    rows = query(
        database,
        "SELECT dataset_id, start_time, stop_time, granule, granule_count, file_count, file_kilobytes > 0 "
        "FROM plasma.dataset ORDER BY dataset_id",
    )
    assert rows == [
        ("syn-mag", "2001-01-01T00:00:00.000", "2001-01-10T12:00:00.000", "day", 10, 1, True),
        ("syn-mom", "2001-01-01T00:00:00.000", "2001-01-10T12:00:00.000", "day", 10, 0, False),
    ]
    counted = query(database, "SELECT dataset_id, count(*) FROM plasma.epn_core GROUP BY 1 ORDER BY 1")
    assert counted == [(row[0], row[4]) for row in rows]


def test_parameters_of_files_are_there_with_units_and_shapes(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_mag_20010102_v01.cdf", "2001-01-02T00:00:00")
    ingest_service(definition(tmp_path, CDF_SOURCE), database, now=NOW)
    rows = query(database, "SELECT dataset_id, name, title, unit, shape, variable FROM plasma.parameter")
    assert rows == [("syn_mag", "B", "magnetic field", "nT", "3", "B")]
    assert query(database, "SELECT parameter_count FROM plasma.dataset") == [(1,)]


def test_statistics_are_of_the_variable_that_a_description_names_by_key(database: Database, tmp_path: Path) -> None:
    record(
        tmp_path, "syn-mag", parameters=spase_parameter("Field", "", key="B") + spase_parameter("V", "", key="other")
    )
    cdf(tmp_path / "cdf/syn_mag_20010102_v01.cdf", "2001-01-02T00:00:00")
    ingest_service(definition(tmp_path, *JOINED), database, now=NOW)
    with connect(database, Role.OWNER) as connection:
        connection.execute(
            "INSERT INTO archive.parameter_fact VALUES ('plasma', 'syn-mag', 'B', 'Epoch', -1, 2, 0.5, NULL, NULL)"
        )
    rows = query(database, "SELECT name, value_min, value_max, filled_share FROM plasma.parameter ORDER BY name")
    assert rows == [("B", -1.0, 2.0, 0.5), ("other", None, None, None)]


def test_the_catalogue_describes_them_after_the_granules(database: Database, tmp_path: Path) -> None:
    publish(database, tmp_path)
    with connect(database, Role.SERVICE) as connection:
        catalog = load_catalog(connection)
    ours = [table for table in catalog.tables if table.schema == "plasma"]
    assert [(table.name, table.kind, table.rows) for table in ours] == [
        ("epn_core", "table", 20),
        ("dataset", "view", None),
        ("gap", "view", None),
        ("parameter", "view", None),
    ]
    declared = {table.name: table for table in catalogue_tables(definition(tmp_path, *JOINED))}
    for table in ours[1:]:
        said = [(c.name, c.datatype, c.pg_type, c.unit, c.ucd) for c in declared[table.name].columns]
        assert [(c.name, c.datatype, c.pg_type, c.unit, c.ucd) for c in table.columns] == said


def test_their_columns_have_names_and_ucds_that_may_be(tmp_path: Path) -> None:
    for table in catalogue_tables(definition(tmp_path, *JOINED)):
        for column in table.columns:
            assert column.name.upper() not in RESERVED
            assert column.ucd is not None
            assert is_valid_ucd(column.ucd), column.ucd


def test_the_archive_itself_stays_closed_to_readers(database: Database, tmp_path: Path) -> None:
    publish(database, tmp_path)
    rows = query(database, "SELECT has_schema_privilege('epntap_reader', 'archive', 'USAGE')", Role.OWNER)
    assert rows == [(False,)]


def test_views_that_are_missing_come_with_a_run_that_changes_nothing(database: Database, tmp_path: Path) -> None:
    publish(database, tmp_path)
    with connect(database, Role.OWNER) as connection:
        connection.execute("DROP VIEW plasma.dataset")
    ingest_service(definition(tmp_path, *JOINED), database, now=NOW)
    assert query(database, "SELECT count(*) FROM plasma.dataset") == [(2,)]


def test_views_of_an_older_release_are_made_anew_and_what_was_built_upon_them_stays(
    database: Database, tmp_path: Path
) -> None:
    publish(database, tmp_path)
    columns = ", ".join(name for (name,) in query(database, COLUMNS_OF_DATASET, Role.OWNER))
    with connect(database, Role.OWNER) as connection:
        # the same columns from another place, and no word of what it was made from
        connection.execute("CREATE VIEW plasma.mine AS SELECT dataset_id FROM plasma.dataset")
        connection.execute(f"CREATE TABLE plasma.old AS SELECT {columns} FROM plasma.dataset WHERE false")
        connection.execute(f"CREATE OR REPLACE VIEW plasma.dataset AS SELECT {columns} FROM plasma.old")
        connection.execute("COMMENT ON VIEW plasma.dataset IS NULL")
        connection.execute("UPDATE tap_schema.columns SET description = 'old' WHERE table_name = 'plasma.dataset'")
    assert query(database, "SELECT count(*) FROM plasma.dataset") == [(0,)]
    ingest_service(definition(tmp_path, *JOINED), database, now=NOW)
    assert query(database, "SELECT count(*) FROM plasma.dataset") == [(2,)]
    assert query(database, "SELECT count(*) FROM plasma.mine", Role.OWNER) == [(2,)]
    assert query(database, "SELECT count(*) FROM tap_schema.columns WHERE description = 'old'") == [(0,)]


def test_views_that_are_as_they_should_be_are_left_alone(database: Database, tmp_path: Path) -> None:
    publish(database, tmp_path)
    known = "SELECT oid, xmin::text FROM pg_class WHERE relname = 'dataset' AND relkind = 'v'"
    before = query(database, known, Role.OWNER)
    ingest_service(definition(tmp_path, *JOINED), database, now=NOW)
    assert query(database, known, Role.OWNER) == before


def test_a_view_with_other_columns_is_made_anew_unless_something_is_built_upon_it(
    database: Database, tmp_path: Path
) -> None:
    publish(database, tmp_path)
    with connect(database, Role.OWNER) as connection:
        connection.execute("DROP VIEW plasma.gap")
        connection.execute("CREATE VIEW plasma.gap AS SELECT 1 AS one")
        connection.execute("CREATE VIEW plasma.mine AS SELECT one FROM plasma.gap")
    with pytest.raises(
        SetupError, match=r"^plasma\.gap has other columns in this release.*view plasma\.mine depends.*drop that"
    ):
        ingest_service(definition(tmp_path, *JOINED), database, now=NOW)
    with connect(database, Role.OWNER) as connection:
        connection.execute("DROP VIEW plasma.mine")
    ingest_service(definition(tmp_path, *JOINED), database, now=NOW)
    assert query(database, "SELECT duration FROM plasma.gap") == []


def test_they_go_with_the_service(database: Database, tmp_path: Path) -> None:
    publish(database, tmp_path)
    with connect(database, Role.OWNER) as connection:
        delete_service(connection, "plasma")
    assert query(database, "SELECT count(*) FROM pg_views WHERE schemaname = 'plasma'", Role.OWNER) == [(0,)]


@pytest.mark.parametrize(
    "made",
    [
        "CREATE MATERIALIZED VIEW hand.made AS SELECT 7 AS a; GRANT SELECT ON hand.made TO {reader}",
        "CREATE TABLE hand.made AS SELECT 7 AS a, 8 AS b; GRANT SELECT (a) ON hand.made TO {reader}",
        (
            "CREATE TABLE hand.behind AS SELECT 7 AS a, 8 AS b; GRANT SELECT (a) ON hand.behind TO {reader};"
            " CREATE VIEW hand.made WITH (security_invoker) AS SELECT a FROM hand.behind;"
            " GRANT SELECT ON hand.made TO {reader}"
        ),
    ],
)
def test_what_somebody_published_by_hand_is_answered(database: Database, tmp_path: Path, made: str) -> None:
    reader, service = (sql.Identifier(f"{database.role_prefix}{role}") for role in ("reader", "service"))
    with connect(database, Role.ADMIN) as admin:
        admin.execute(sql.SQL("CREATE SCHEMA hand; GRANT USAGE ON SCHEMA hand TO {}, {}").format(reader, service))
        admin.execute(sql.SQL(made).format(reader=reader))
        admin.execute(
            "INSERT INTO tap_schema.schemas (schema_name) VALUES ('hand');"
            "INSERT INTO tap_schema.tables (schema_name, table_name, table_type) VALUES ('hand', 'hand.made', 'table');"
            "INSERT INTO tap_schema.columns (table_name, column_name, datatype, principal, indexed, std)"
            " VALUES ('hand.made', 'a', 'int', 0, 0, 0)"
        )
    asked = {"LANG": "ADQL", "QUERY": "SELECT a FROM hand.made", "RESPONSEFORMAT": "csv"}
    with client_of(database, tmp_path) as client:
        assert client.post("/tap/sync", data=asked).get_data(as_text=True).split() == ["a", "7"]
