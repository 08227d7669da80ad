"""Groups of granules that ingestion keeps are those of the rows, whatever happens to the rows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from psycopg import sql

from epntap.archive.kept.groups import (
    GROUPED,
    granule_groups,
    group_granules,
    grouped_services,
    jd_of_month,
    month_of_jd,
)
from epntap.catalog.load import load_catalog
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.instants.julian import datetime_from_jd, jd_from_datetime
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from ingest.publish.drop import delete_service
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, WIDE, cdf, definition, record

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
JOINED = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')


def month(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def brute_force(connection: Connection, schema: str) -> Counter[tuple[object, ...]]:
    """Rows by values and months, counted one by one with the calendar of `datetime`."""
    columns = {
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = 'epn_core'",
            (schema,),
        )
    }
    wanted = [name for name in (*GROUPED, "access_url", "time_min", "time_max") if name in columns]
    rows = connection.execute(
        sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, wanted)), sql.Identifier(schema, "epn_core")
        )
    )
    found: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        named = dict(zip(wanted, row, strict=True))
        values = [None if named.get(name) is None else str(named[name]) for name in GROUPED]
        low, high = named["time_min"], named["time_max"]
        months: tuple[int, int] | tuple[None, None] = (None, None)
        if low is not None and high is not None and low <= high:
            first, last = datetime_from_jd(low), datetime_from_jd(high)
            if low < high and (last.day, last.time()) == (1, datetime.min.time()):
                last -= timedelta(days=1)
            months = (month(first), month(last))
        found[(*values, named.get("access_url") is not None, *months)] += 1
    return found


def kept(connection: Connection, schema: str) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for group in granule_groups(connection):
        if group.schema_name == schema:
            for first, last, rows in zip(group.first_months, group.last_months, group.granules, strict=True):
                found[(*group.values, first, last)] += rows
            found[(*group.values, None, None)] += group.granule_count - sum(group.granules)
    return +found


def check(database: Database, schema: str) -> int:
    """How many kinds of rows there are, all of them right."""
    with connect(database, Role.SERVICE) as connection:
        assert kept(connection, schema) == brute_force(connection, schema)
        assert schema in grouped_services(connection)
        bounds = {
            group.values: (group.time_min, group.time_max)
            for group in granule_groups(connection)
            if group.schema_name == schema
        }
        row = connection.execute(
            sql.SQL("SELECT min(time_min), max(time_max) FROM {}").format(sql.Identifier(schema, "epn_core"))
        ).fetchone()
        assert row is not None
        assert row[0] == min((low for low, _ in bounds.values() if low is not None), default=None)
        assert row[1] == max((high for _, high in bounds.values() if high is not None), default=None)
        return len(bounds)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    record(tmp_path, "syn-mag")
    record(tmp_path, "syn-mom", region="Jupiter")
    for day in (2, 3, 4):
        cdf(tmp_path / f"cdf/syn_mag_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00")
    return tmp_path


@pytest.mark.parametrize("schema", ["amdadb", "illu67p", "transplanet"])
def test_services_of_every_kind_are_grouped(demo_database: Database, schema: str) -> None:
    assert check(demo_database, schema) >= 1


def test_groups_follow_each_change(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    assert check(database, "plasma") == 3  # one of them with and without files
    # a file goes, one comes; another target and other days; a dataset more; nothing; one less
    (archive / "cdf/syn_mag_20010102_v01.cdf").unlink()
    cdf(archive / "cdf/syn_mag_20010107_v01.cdf", "2001-01-07T00:00:00")
    ingest_service(definition(archive, *JOINED), database, now=FIRST + timedelta(days=1))
    assert check(database, "plasma") == 3
    record(archive, "syn-mom", stop="2001-03-08T00:00:00Z", region="Saturn")
    ingest_service(definition(archive, *JOINED), database, now=FIRST + timedelta(days=2))
    assert check(database, "plasma") == 3
    record(archive, "syn-new", region="Mars", start="2000-11-01T00:00:00Z", stop="2001-02-01T00:00:00Z")
    ingest_service(definition(archive, *JOINED), database, now=FIRST + timedelta(days=3))
    assert check(database, "plasma") == 4
    ingest_service(definition(archive, *JOINED), database, now=FIRST + timedelta(days=4))
    assert check(database, "plasma") == 4


def test_withdrawn_datasets_leave_no_group(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    file = definition(archive, *JOINED).file
    text = file.read_text()
    file.write_text(text.replace('title = "Plasma data"', 'title = "Plasma data"\nwithdrawn = ["syn-mom"]'))
    ingest_service(load_definition(file), database, now=FIRST + timedelta(days=1))
    assert check(database, "plasma") == 2


def test_a_service_that_is_dropped_leaves_none(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    with connect(database, Role.OWNER) as connection:
        delete_service(connection, "plasma")
    with connect(database, Role.SERVICE) as connection:
        assert granule_groups(connection) == []
        assert not grouped_services(connection)


def test_a_change_by_hand_is_known_and_mended_by_the_next_ingestion(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, WIDE, *JOINED), database, now=FIRST)
    with connect(database, Role.OWNER) as connection:
        connection.execute("UPDATE plasma.epn_core SET target_name = 'Titan'")
    with connect(database, Role.SERVICE) as connection:
        assert not grouped_services(connection)
    ingest_service(definition(archive, WIDE, *JOINED), database, now=FIRST + timedelta(days=1))
    check(database, "plasma")


def test_a_service_of_an_older_version_is_grouped_though_nothing_moved(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    with connect(database, Role.OWNER) as connection:
        connection.execute("DELETE FROM archive.granule_group")
    with connect(database, Role.SERVICE) as connection:
        assert not grouped_services(connection)
    report = ingest_service(definition(archive, *JOINED), database, now=FIRST + timedelta(days=1))
    assert (report.granules.inserted, report.granules.updated) == (0, 0)
    check(database, "plasma")


def test_times_that_no_calendar_has_are_counted_with_the_nearest_month(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, WIDE, *JOINED), database, now=FIRST)
    year_1, year_9999 = jd_of_month(12), jd_of_month(9999 * 12 + 11)
    times = [
        (-1e9, -1e9),
        (year_1, year_1 + 3),
        (year_9999 + 30.5, float("inf")),
        (jd_of_month(24024), jd_of_month(24024)),  # January 2002, an instant
        (jd_of_month(24024) - 1, jd_of_month(24024)),  # the last day of 2001
        (None, None),
    ]
    with connect(database, Role.OWNER) as connection:
        connection.execute("DELETE FROM plasma.epn_core WHERE dataset_id = 'syn-mom'")
        connection.execute("ALTER TABLE plasma.epn_core DROP CONSTRAINT epn_core_pkey")
        for name in ("time_range", "time_min", "time_max"):
            connection.execute(
                sql.SQL("ALTER TABLE plasma.epn_core DROP CONSTRAINT IF EXISTS {}").format(
                    sql.Identifier(f"promise_{name}")
                )
            )
        for low, high in times:
            connection.execute(
                "INSERT INTO plasma.epn_core SELECT (jsonb_populate_record(e, "
                "jsonb_build_object('dataset_id', 'odd', 'time_min', %s::text, 'time_max', %s::text))).* "
                "FROM plasma.epn_core e LIMIT 1",
                (None if low is None else repr(low), None if high is None else repr(high)),
            )
    with connect(database, Role.SERVICE) as connection:
        table = load_catalog(connection).table("plasma", "epn_core")
    assert table is not None
    with connect(database, Role.SERVICE) as connection:
        group_granules(connection, table)
        (group,) = [one for one in granule_groups(connection) if one.dataset_id == "odd"]
    assert group.granule_count == 6
    assert list(zip(group.first_months, group.last_months, group.granules, strict=True)) == [
        (12, 12, 2),
        (24023, 24023, 1),
        (24024, 24024, 1),
        (9999 * 12 + 11, 9999 * 12 + 11, 1),
    ]


@pytest.mark.parametrize("moment", ["0001-01-01", "1582-10-15", "1970-01-01", "2016-12-31T23:59:59", "9999-12-31"])
def test_months_are_those_of_the_calendar(moment: str) -> None:
    when = datetime.fromisoformat(moment)
    found = month_of_jd(jd_from_datetime(when))
    assert divmod(found, 12) == (when.year, when.month - 1)
    assert jd_of_month(found) == jd_from_datetime(when.replace(day=1, hour=0, minute=0, second=0))
