"""Datasets that are closed and opened by ingestions: every row stays as it was, whatever happens on the way."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from epntap.catalog.load import load_catalog
from epntap.db.pool import Database, Role, connect
from epntap.errors import DefinitionError, SetupError
from ingest.definition.model import Definition
from ingest.pipeline import drop_service, ingest_service
from ingest.publish.rows import closing
from tests.support.archives import CDF_SOURCE, cdf, definition

DATE, GROUPS, NOTHING = "release_date = 2099-01-01", 'groups = ["team"]', 'visible = "nothing"'
SECRET = '[datasets."secret_mag"]'
ALL = "SELECT {} FROM plasma.{} ORDER BY granule_uid"


def archive(root: Path) -> Path:
    for name, day in (("secret", 2), ("open", 2), ("open", 3)):
        cdf(root / f"cdf/{name}_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00", logical_source=f"{name}_mag")
    return root


def asked(database: Database, query: str) -> list[tuple[object, ...]]:
    with connect(database, Role.OWNER) as connection:
        return connection.execute(sql.SQL(query)).fetchall()


def rows(database: Database, *tables: str, but: str = "") -> list[tuple[object, ...]]:
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'plasma.epn_core'::regclass AND attnum > 0"
    names = [str(row[0]) for row in asked(database, columns) if row[0] not in but.split()]
    found = [row for table in tables for row in asked(database, ALL.format(", ".join(names), table))]
    return sorted(found, key=str)


def counts(database: Database) -> list[tuple[object, ...]]:
    kept = "SELECT column_name, value, rows FROM archive.value_count WHERE column_name NOT LIKE '|%' ORDER BY 1, 2, 3"
    return [*asked(database, kept), *asked(database, "SELECT granule_count FROM archive.service")]


def test_a_dataset_closes_and_opens_and_keeps_every_row(database: Database, tmp_path: Path) -> None:
    root = archive(tmp_path)
    ingest_service(definition(root, CDF_SOURCE), database)
    before, counted = rows(database, "epn_core"), counts(database)
    ingest_service(definition(root, CDF_SOURCE, SECRET, DATE, NOTHING), database)
    assert [row[0] for row in asked(database, "SELECT granule_uid FROM plasma.epn_core_closed")] == ["secret_20010102"]
    assert len(rows(database, "epn_core")) == 2
    # the date of release is said in the row, and that it changed
    dates = "release_date modification_date"
    assert rows(database, "epn_core", "epn_core_closed", but=dates) == [
        tuple(value for value in row) for row in rows(database, "epn_core_seen", but=dates)
    ]
    ingest_service(definition(root, CDF_SOURCE), database)
    assert not asked(database, "SELECT granule_uid FROM plasma.epn_core_closed")
    names = len(rows(database, "epn_core")[0])
    assert len(before[0]) == names
    assert [row[0] for row in rows(database, "epn_core", but=dates)] == [row[0] for row in before]
    assert [one for one in counts(database) if one[0] not in dates.split()] == [
        one for one in counted if one[0] not in dates.split()
    ]


def test_an_ingestion_without_news_moves_nothing(database: Database, tmp_path: Path) -> None:
    told = definition(archive(tmp_path), CDF_SOURCE, SECRET, DATE, NOTHING)
    ingest_service(told, database)
    before = asked(database, "SELECT xmin, ctid, granule_uid FROM plasma.epn_core_closed")
    report = ingest_service(told, database)
    assert (report.granules.inserted, report.granules.updated, report.granules.deleted) == (0, 0, 0)
    assert asked(database, "SELECT xmin, ctid, granule_uid FROM plasma.epn_core_closed") == before
    assert counts(database)[-1] == (2,)


def test_a_change_in_an_open_dataset_leaves_closed_rows_alone(database: Database, tmp_path: Path) -> None:
    root = archive(tmp_path)
    ingest_service(definition(root, CDF_SOURCE, SECRET, DATE, NOTHING), database)
    before = asked(database, "SELECT xmin, granule_uid FROM plasma.epn_core_closed")
    cdf(root / "cdf/open_20010104_v01.cdf", "2001-01-04T00:00:00", logical_source="open_mag")
    ingest_service(definition(root, CDF_SOURCE, SECRET, DATE, NOTHING), database)
    assert asked(database, "SELECT xmin, granule_uid FROM plasma.epn_core_closed") == before
    assert counts(database)[-1] == (3,)


def test_the_day_of_release_moves_rows_without_anything_else(database: Database, tmp_path: Path) -> None:
    root = archive(tmp_path)
    told = definition(root, CDF_SOURCE, SECRET, DATE, NOTHING)
    ingest_service(told, database)
    # as if the day had come
    with connect(database, Role.OWNER, autocommit=True) as connection:
        connection.execute("UPDATE plasma.epn_core_closed SET closed_until = now() - interval '1 s'")
        table = load_catalog(connection).table("plasma", "epn_core")
        assert table is not None
        with connection.transaction():
            moved = closing.release_rows(connection, table)
    assert moved == 1
    assert counts(database)[-1] == (3,)
    by_dataset = "SELECT value, rows FROM archive.value_count WHERE column_name = 'dataset_id' ORDER BY 1"
    assert asked(database, by_dataset) == [("open_mag", 2), ("secret_mag", 1)]
    assert asked(database, "SELECT has_closed_rows FROM archive.service") == [(False,)]


def test_an_ingestion_that_breaks_leaves_both_tables(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = archive(tmp_path)
    ingest_service(definition(root, CDF_SOURCE, SECRET, DATE, NOTHING), database)
    before = rows(database, "epn_core"), rows(database, "epn_core_closed"), counts(database)

    def breaks(*_: object) -> int:
        raise psycopg.errors.AdminShutdown("terminating connection")

    cdf(root / "cdf/secret_20010103_v01.cdf", "2001-01-03T00:00:00", logical_source="secret_mag")
    for step in ("close_rows", "closed_counts"):
        with monkeypatch.context() as patch:
            patch.setattr(closing, step, breaks)
            with pytest.raises(SetupError):
                ingest_service(definition(root, CDF_SOURCE, SECRET, DATE, NOTHING), database)
        assert (rows(database, "epn_core"), rows(database, "epn_core_closed"), counts(database)) == before


def test_groups_without_a_date_close_for_good(database: Database, tmp_path: Path) -> None:
    ingest_service(definition(archive(tmp_path), CDF_SOURCE, SECRET, GROUPS, NOTHING), database)
    found = asked(database, "SELECT granule_uid, closed_groups, release_date FROM plasma.epn_core_closed")
    assert found == [("secret_20010102", ["team"], "9999-12-31T23:59:59")]


def test_the_service_says_it_for_all_datasets(database: Database, tmp_path: Path) -> None:
    told = definition(
        archive(tmp_path), GROUPS, NOTHING, CDF_SOURCE, '[datasets."open_mag"]', "groups = []", 'visible = "metadata"'
    )
    ingest_service(told, database)
    assert [row[0] for row in asked(database, "SELECT dataset_id FROM plasma.epn_core_closed")] == ["secret_mag"]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (NOTHING, "secret_mag shall not be visible, but nothing closes it; give its release_date or its groups"),
        ('visible = "noting"', "visible must be one of metadata, nothing, but it is 'noting'. Did you mean 'nothing'"),
        ('groups = ["Team A"]', "groups names 'Team A'; "),
    ],
)
def test_what_cannot_be_meant_is_refused(database: Database, tmp_path: Path, said: str, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(complaint)):
        ingest_service(definition(archive(tmp_path), CDF_SOURCE, SECRET, said), database)


def test_a_service_goes_with_its_closed_rows(database: Database, tmp_path: Path) -> None:
    ingest_service(definition(archive(tmp_path), CDF_SOURCE, SECRET, DATE, NOTHING), database)
    drop_service(database, "plasma")
    assert asked(database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'plasma'") == [(0,)]


def test_new_columns_come_to_closed_rows_too(database: Database, tmp_path: Path) -> None:
    root = archive(tmp_path)
    ingest_service(definition(root, CDF_SOURCE, SECRET, DATE, NOTHING), database)
    custom = ("[custom.shoe]", 'type = "int"', 'description = "Size"')
    ingest_service(definition(root, CDF_SOURCE, SECRET, DATE, NOTHING, "shoe = 44", *custom), database)
    assert asked(database, "SELECT shoe FROM plasma.epn_core_seen WHERE dataset_id = 'secret_mag'") == [(44,)]


# -- services whose rows say by themselves when they are released ------------------------------------------------------

TABLE = """
[[source]]
kind = "table"
path = "events.csv"
[source.columns]
granule_uid = "name"
target_name = "target"
release_date = "released"
[columns]
target_class = "planet"
dataproduct_type = "ts"
granule_gid = "x"
measurement_type = "phys.magField"
"""
CSV = "name,target,released\none,Mars,2001-01-01\ntwo,Venus,2099-01-01\nthree,Earth,\n"


def table_of(root: Path, *rights: str, text: str = CSV) -> Definition:
    (root / "events.csv").write_text(text, encoding="utf-8")
    return definition(root, *rights, TABLE)


def closed(database: Database) -> list[tuple[object, ...]]:
    return asked(database, "SELECT granule_uid, closed_groups FROM plasma.epn_core_closed ORDER BY 1")


def test_each_row_closes_by_its_own_date(database: Database, tmp_path: Path) -> None:
    ingest_service(table_of(tmp_path, NOTHING), database)
    assert closed(database) == [("two", [])]
    assert counts(database)[-1] == (2,)
    assert asked(database, "SELECT value FROM archive.value_count WHERE column_name = 'target_name' ORDER BY 1") == [
        ("Earth",), ("Mars",),
    ]  # fmt: skip
    # one that comes beside it, and one that is released
    ingest_service(table_of(tmp_path, NOTHING, text=CSV + "four,Saturn,2098-01-01\n"), database)
    assert closed(database) == [("four", []), ("two", [])]
    ingest_service(table_of(tmp_path, NOTHING, text=CSV.replace("2099", "2002")), database)
    assert closed(database) == []
    assert counts(database)[-1] == (3,)


def test_rows_without_a_date_are_their_groups_for_good(database: Database, tmp_path: Path) -> None:
    ingest_service(table_of(tmp_path, GROUPS, NOTHING), database)
    assert closed(database) == [("three", ["team"]), ("two", ["team"])]
    ingest_service(table_of(tmp_path), database)
    assert closed(database) == []


def test_metadata_that_are_visible_close_no_row(database: Database, tmp_path: Path) -> None:
    ingest_service(table_of(tmp_path, GROUPS), database)
    assert asked(database, "SELECT to_regclass('plasma.epn_core_closed') IS NULL") == [(True,)]
    assert len(rows(database, "epn_core")) == 3
