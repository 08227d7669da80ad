"""A service from its definition to its published rows, again with changes, and beside its readers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from epntap.catalog.load import load_catalog
from epntap.db.pool import Database, Role, connect
from epntap.epncore.columns import MANDATORY, TABLE_UTYPE
from epntap.errors import DefinitionError, SetupError
from ingest.definition.model import Definition
from ingest.pipeline import ingest_service
from ingest.report import Report
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, WIDE, cdf, definition, record

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
SECOND = datetime.fromisoformat("2026-02-01T10:00:00")

JOINED = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two datasets of ten days each, and files of two days of the first."""
    record(tmp_path, "syn-mag")
    record(tmp_path, "syn-mom", region="Jupiter", rights="PartiallyRestricted")
    for day in ("20010102", "20010103"):
        cdf(tmp_path / f"cdf/syn_mag_{day}_v01.cdf", f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00")
    return tmp_path


def query(database: Database, statement: str, *parameters: object, role: Role = Role.OWNER) -> list[tuple[Any, ...]]:
    with connect(database, role) as connection:
        return connection.execute(statement, parameters).fetchall()


def check_sums(report: Report) -> None:
    count = report.granules
    assert count.seen == count.inserted + count.updated + count.unchanged + count.refused
    assert report.total_rows == count.seen - count.refused
    for source in report.account.sources:
        left_out = len(source.superseded) + len(source.unclaimed) + len(source.refused)
        assert source.found == source.indexed + left_out


class Watcher:
    """Progress that calls back when a piece of work begins."""

    def __init__(self, **calls: Callable[[], None]) -> None:
        self.calls = calls
        self.titles: list[tuple[str, int | None]] = []

    def stage(self, title: str, total: int | None = None) -> None:
        self.titles.append((title, total))
        for word, call in self.calls.items():
            if word in title:
                call()

    def advance(self, steps: int = 1) -> None:
        pass


# -- the first load ---------------------------------------------------------------------------------------------------


def test_a_new_service_is_published(database: Database, archive: Path) -> None:
    report = ingest_service(definition(archive, *JOINED), database, now=FIRST)
    check_sums(report)
    assert (report.granules.inserted, report.granules.updated, report.granules.deleted) == (20, 0, 0)
    assert report.account.sources[0].claimed == {"syn-mag": 2}
    with connect(database, Role.SERVICE) as connection:
        table = load_catalog(connection).table("plasma", "epn_core")
    assert table is not None
    assert table.utype == TABLE_UTYPE
    assert table.primary_key == ("granule_uid",)
    assert [column.name for column in table.columns][:46] == [column.name for column in MANDATORY]
    for column in MANDATORY:
        published = table.column(column.name)
        assert published is not None
        assert (published.datatype, published.ucd, published.utype) == (column.datatype, column.ucd, column.utype)
        assert (published.pg_type, published.form, published.std) == (column.pg_type, column.form, True)
    indexed = {column.name for column in table.columns if column.indexed}
    assert {"granule_uid", "time_min", "time_max", "target_name", "dataset_id"} <= indexed


def test_the_reader_sees_the_rows(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    rows = query(
        database,
        "SELECT granule_uid, access_url, access_estsize, creation_date, time_max - time_min FROM plasma.epn_core "
        "WHERE dataset_id = 'syn-mag' ORDER BY time_min",
        role=Role.READER,
    )
    assert len(rows) == 10
    assert (
        rows[1][:4] == ("syn-mag_20010102", "/data/plasma/syn-mag_20010102.cdf", 1, "2026-01-31T10:00:00")
        or rows[1][2] > 1
    )
    assert rows[0][1:3] == (None, None)
    assert rows[9][4] == 0.5
    assert query(database, "SELECT count(access_url) FROM plasma.epn_core WHERE dataset_id = 'syn-mom'") == [(0,)]


def test_tap_schema_and_archive_are_filled(database: Database, archive: Path) -> None:
    version = query(database, "SELECT version FROM archive.catalog_version")[0][0]
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    assert query(database, "SELECT version FROM archive.catalog_version")[0][0] > version
    assert query(
        database, "SELECT column_name, form FROM archive.column_form WHERE table_name = 'epn_core' ORDER BY 1"
    ) == [
        ("access_url", "relative_url"),
        ("creation_date", "dali_text"),
        ("datalink_url", "relative_url"),
        ("modification_date", "dali_text"),
        ("release_date", "dali_text"),
        ("thumbnail_url", "relative_url"),
    ]
    assert query(database, "SELECT title, granule_count, first_ingested, last_ingested FROM archive.service") == [
        ("Plasma data", 20, FIRST, FIRST)
    ]
    assert query(database, "SELECT dataset_id, granule, access_rights FROM archive.dataset ORDER BY 1") == [
        ("syn-mag", "day", "Open"),
        ("syn-mom", "day", "PartiallyRestricted"),
    ]
    assert query(database, "SELECT path, records, version FROM archive.file ORDER BY 1") == [
        ("syn_mag_20010102_v01.cdf", 24, "v01"),
        ("syn_mag_20010103_v01.cdf", 24, "v01"),
    ]


def test_the_service_role_may_change_rows_and_the_reader_may_not(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, WIDE, *JOINED), database, now=FIRST)
    with connect(database, Role.SERVICE) as connection:
        assert connection.execute("UPDATE plasma.epn_core SET target_name = 'x'").rowcount == 20
        connection.rollback()
    with connect(database, Role.READER) as connection, pytest.raises(psycopg.Error):
        connection.execute("DELETE FROM plasma.epn_core")


# -- again ------------------------------------------------------------------------------------------------------------


def test_the_same_input_changes_nothing(database: Database, archive: Path) -> None:
    one = definition(archive, WIDE, *JOINED)
    ingest_service(one, database, now=FIRST)
    granules = "SELECT xmin::text, ctid::text, g.* FROM plasma.epn_core g ORDER BY granule_uid"
    before = query(database, granules)
    catalog = query(database, "SELECT xmin::text, ctid::text, d.* FROM archive.parameter d ORDER BY dataset_id, name")
    report = ingest_service(one, database, now=SECOND)
    check_sums(report)
    assert (report.granules.loaded, report.granules.unchanged, report.granules.deleted) == (0, 20, 0)
    assert query(database, granules) == before
    assert (
        query(database, "SELECT xmin::text, ctid::text, d.* FROM archive.parameter d ORDER BY dataset_id, name")
        == catalog
    )
    assert query(database, "SELECT first_ingested, last_ingested FROM archive.service") == [(FIRST, SECOND)]


def test_only_what_differs_is_written(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    record(archive, "syn-mag", stop="2001-01-11T12:00:00Z")
    (archive / "spase/syn-mom.xml").unlink()
    (archive / "cdf/syn_mag_20010103_v01.cdf").unlink()
    report = ingest_service(definition(archive, *JOINED), database, now=SECOND)
    check_sums(report)
    count = report.granules
    # the day without its file, the day that is whole now, the new day, and the ten of the other dataset
    assert (count.updated, count.inserted, count.deleted, count.unchanged) == (2, 1, 10, 8)
    rows = query(
        database,
        "SELECT granule_uid, creation_date, modification_date, release_date FROM plasma.epn_core "
        "WHERE modification_date = '2026-02-01T10:00:00' ORDER BY 1",
    )
    old, new = "2026-01-31T10:00:00", "2026-02-01T10:00:00"
    assert rows == [
        ("syn-mag_20010103", old, new, old),
        ("syn-mag_20010110", old, new, old),
        ("syn-mag_20010111", new, new, new),
    ]
    assert query(database, "SELECT dataset_id FROM archive.dataset") == [("syn-mag",)]
    assert query(database, "SELECT path FROM archive.file") == [("syn_mag_20010102_v01.cdf",)]


def test_a_release_date_given_later_is_written(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)
    dated = definition(archive, SPASE_SOURCE, "[columns]", 'release_date = "2030-01-01T00:00:00"')
    assert ingest_service(dated, database, now=SECOND).granules.updated == 20
    assert ingest_service(dated, database, now=SECOND).granules.updated == 0
    assert query(database, "SELECT DISTINCT creation_date, release_date FROM plasma.epn_core") == [
        ("2026-01-31T10:00:00", "2030-01-01T00:00:00")
    ]


def test_a_column_that_comes_into_use_is_added(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)
    wider = definition(archive, SPASE_SOURCE, "[columns]", 'time_scale = "UTC"')
    report = ingest_service(wider, database, now=SECOND)
    assert report.granules.updated == 20
    assert query(database, "SELECT DISTINCT time_scale FROM plasma.epn_core", role=Role.READER) == [("UTC",)]
    known = query(
        database, "SELECT 1 FROM tap_schema.columns WHERE table_name = 'plasma.epn_core' AND column_name = 'time_scale'"
    )
    assert known == [(1,)]


def test_a_column_that_goes_out_of_use_is_no_longer_described(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, SPASE_SOURCE, "[columns]", 'time_scale = "UTC"'), database, now=FIRST)
    ingest_service(definition(archive, SPASE_SOURCE), database, now=SECOND)
    assert query(database, "SELECT 1 FROM tap_schema.columns WHERE column_name = 'time_scale'") == []


# -- beside others ----------------------------------------------------------------------------------------------------


def test_a_reader_in_the_middle_of_the_table_is_not_disturbed(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    changed = definition(archive, *JOINED, "[columns]", 'target_name = "Vulcan"')
    with connect(database, Role.READER) as reader, reader.cursor("slow") as rows:
        rows.itersize = 1
        rows.execute("SELECT target_name FROM plasma.epn_core")
        seen = [rows.fetchone()]
        report = ingest_service(changed, database, now=SECOND)
        seen += rows.fetchall()
    assert report.granules.updated == 20
    assert len(seen) == 20
    assert ("Vulcan",) not in seen


def test_a_query_during_the_merge_sees_the_old_rows_at_once(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, *JOINED), database, now=FIRST)
    (archive / "spase/syn-mom.xml").unlink()
    seen: list[tuple[Any, ...]] = []

    def look() -> None:
        with connect(database, Role.READER) as reader:
            reader.execute("SET lock_timeout = '500ms'")
            seen.extend(reader.execute("SELECT count(*) FROM plasma.epn_core").fetchall())

    ingest_service(definition(archive, *JOINED), database, now=SECOND, progress=Watcher(comparing=look))
    look()
    assert seen == [(20,), (10,)]


def test_two_ingestions_of_one_service_take_turns(database: Database, archive: Path) -> None:
    one = definition(archive, *JOINED)
    met: list[str] = []

    def meddle() -> None:
        with pytest.raises(SetupError) as caught:
            ingest_service(one, database, now=FIRST)
        met.append(caught.value.message)

    ingest_service(one, database, now=FIRST, progress=Watcher(loading=meddle))
    assert met == ["Another ingestion of plasma is running; wait until it is done and try again."]
    ingest_service(one, database, now=SECOND)


def test_a_busy_table_gets_no_new_column(database: Database, archive: Path) -> None:
    ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)
    wider = definition(archive, SPASE_SOURCE, "[columns]", 'time_scale = "UTC"')
    with connect(database, Role.READER) as reader:
        reader.execute("SELECT count(*) FROM plasma.epn_core")
        with pytest.raises(
            SetupError, match=r"plasma\.epn_core\w* needs the new column time_scale, but queries are using"
        ):
            ingest_service(wider, database, now=SECOND)
    ingest_service(wider, database, now=SECOND)


_KILLED = """
    import sys, time
    from pathlib import Path
    from epntap.db.pool import Database
    from ingest.definition.load import load_definition
    from ingest.pipeline import ingest_service

    class Stuck:
        def stage(self, title, total=None):
            if "{word}" in title:
                print("working", flush=True)
                time.sleep(600)

        def advance(self, steps=1):
            pass

    ingest_service(load_definition(Path({file!r})), Database({url!r}, embedded={embedded}), progress=Stuck())
"""


@pytest.mark.parametrize("word", ["comparing", "taking statistics"])
def test_a_killed_ingestion_leaves_the_table_whole(database: Database, archive: Path, word: str) -> None:
    ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)
    changed = definition(archive, SPASE_SOURCE, "[columns]", 'target_name = "Vulcan"')
    is_committed = word == "taking statistics"
    kill_during(word, changed, database)
    names = query(database, "SELECT DISTINCT target_name FROM plasma.epn_core")
    assert (names == [("Vulcan",)]) is is_committed
    assert query(database, "SELECT count(*) FROM plasma.epn_core") == [(20,)]
    report = retry(changed, database)
    assert report.granules.updated == (0 if is_committed else 20)


def test_a_killed_first_ingestion_leaves_nothing(database: Database, archive: Path) -> None:
    one = definition(archive, SPASE_SOURCE)
    kill_during("building indexes", one, database)
    with pytest.raises(psycopg.errors.UndefinedTable):
        query(database, "SELECT 1 FROM plasma.epn_core")
    assert query(database, "SELECT 1 FROM archive.service") == []
    assert query(database, "SELECT 1 FROM tap_schema.tables WHERE schema_name = 'plasma'") == []
    assert retry(one, database).granules.inserted == 20


def kill_during(word: str, one: Definition, database: Database) -> None:
    script = textwrap.dedent(_KILLED).format(
        word=word, file=str(one.file), url=database.url, embedded=database.embedded
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.kill()


def retry(one: Definition, database: Database) -> Report:
    # the server needs a moment to notice that the client is gone and to let go of the lock
    for _ in range(50):
        with connect(database, Role.ADMIN) as connection:
            held = connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted").fetchall()
        if not held:
            break
        time.sleep(0.1)
    return ingest_service(one, database, now=SECOND)


# -- files ------------------------------------------------------------------------------------------------------------


def test_one_granule_for_each_file(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    cdf(tmp_path / "cdf/syn_20010102_v01.cdf", "2001-01-02T00:00:00")
    (tmp_path / "cdf/broken.cdf").write_bytes(b"not a CDF at all")
    report = ingest_service(definition(tmp_path, CDF_SOURCE), database, now=FIRST)
    check_sums(report)
    assert query(database, "SELECT granule_uid, obs_id, dataset_id, file_name FROM plasma.epn_core ORDER BY 1") == [
        ("syn_20010101", "syn_20010101", "syn_mag", "syn_20010101_v01.cdf"),
        ("syn_20010102", "syn_20010102", "syn_mag", "syn_20010102_v01.cdf"),
    ]
    assert [refusal.path for refusal in report.account.sources[0].refused] == ["broken.cdf"]
    assert query(database, "SELECT name, units FROM archive.parameter") == [("B", "nT")]


def test_a_newer_version_takes_the_place_of_an_older_one(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_20010101_v01.cdf", "2001-01-01T00:00:00")
    ingest_service(definition(tmp_path, CDF_SOURCE), database, now=FIRST)
    cdf(tmp_path / "cdf/syn_20010101_v02.cdf", "2001-01-01T00:00:00")
    report = ingest_service(definition(tmp_path, CDF_SOURCE), database, now=SECOND)
    granules = report.granules
    assert (granules.inserted, granules.updated, granules.deleted) == (0, 1, 0)
    assert report.account.sources[0].superseded[0]["path"] == "syn_20010101_v01.cdf"
    assert query(database, "SELECT path FROM archive.file") == [("syn_20010101_v02.cdf",)]


def test_days_of_files_without_a_description(database: Database, tmp_path: Path) -> None:
    cdf(tmp_path / "cdf/syn_a.cdf", "2001-01-01T12:00:00", hours=24)
    cdf(tmp_path / "cdf/syn_b.cdf", "2001-01-05T00:00:00", hours=24)
    ingest_service(definition(tmp_path, CDF_SOURCE, 'granule = "day"'), database, now=FIRST)
    assert query(database, "SELECT granule_uid FROM plasma.epn_core WHERE access_url IS NOT NULL ORDER BY 1") == [
        ("syn_mag_20010101",),
        ("syn_mag_20010102",),
        ("syn_mag_20010105",),
    ]


def test_days_and_files_of_one_dataset(database: Database, archive: Path) -> None:
    parts = (SPASE_SOURCE, CDF_SOURCE, 'granule = "file"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')
    report = ingest_service(definition(archive, *parts), database, now=FIRST)
    assert report.granules.inserted == 22
    assert query(database, "SELECT count(access_url) FROM plasma.epn_core") == [(4,)]


# -- what cannot be ---------------------------------------------------------------------------------------------------


def test_nothing_is_written_when_definition_and_sources_do_not_fit(database: Database, archive: Path) -> None:
    for parts, expected in (
        ((*JOINED, 'syn-mom = "none_*.cdf"'), "claims no file"),
        ((*JOINED, 'syn-mon = "syn_mag_*.cdf"'), "no description has. Did you mean 'syn-mom'?"),
        ((*JOINED, 'syn-mom = "*_20010102_*.cdf"'), "claimed twice"),
        ((*JOINED, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mom = "*.cdf"'), "both claim the file"),
    ):
        with pytest.raises(DefinitionError, match=expected) as caught:
            ingest_service(definition(archive, *parts), database, now=FIRST)
        assert "service.toml" in caught.value.message
    assert query(database, "SELECT 1 FROM archive.service") == []
    for path in (archive / "spase").glob("*.xml"):
        path.unlink()
    with pytest.raises(DefinitionError, match="no usable SPASE NumericalData record"):
        ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)


def test_rows_that_may_not_be_are_refused_and_told(database: Database, archive: Path) -> None:
    record(archive, "syn-double", instruments=())  # type: ignore[arg-type]  # the builder takes more than text
    text = (archive / "spase/syn-double.xml").read_text().replace("syn-double", "syn mag")
    (archive / "spase/syn-double.xml").write_text(text.replace("<ProductKey>syn mag", "<ProductKey>syn-mag"))
    report = ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)
    check_sums(report)
    assert len(report.account.refused_records) == 1
    assert report.granules.inserted == 20


def test_the_database_says_no_in_one_sentence(database: Database, archive: Path) -> None:
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA plasma")
    with pytest.raises(SetupError, match="belongs to somebody else"):
        ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        connection.execute("CREATE TABLE plasma.epn_core (granule_uid text)")
    with pytest.raises(SetupError, match="was not made by an ingestion"):
        ingest_service(definition(archive, SPASE_SOURCE), database, now=FIRST)
    assert query(database, "SELECT 1 FROM archive.service") == []


@pytest.mark.shared
def test_real_files_make_a_service(database: Database, tmp_path: Path, shared: Path) -> None:
    (tmp_path / "cdf").symlink_to(shared / "data/cdf")
    one = definition(tmp_path, CDF_SOURCE)
    report = ingest_service(one, database, now=FIRST)
    check_sums(report)
    assert report.granules.refused == 0
    assert len(report.account.sources[0].refused) == 22
    assert ingest_service(one, database, now=SECOND).granules.unchanged == report.total_rows
