"""What happens when one thing moves: exactly its granules, and nothing is opened or deleted without need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg.sql import Identifier

from epntap.archive.kept.counts import coverage, row_count, value_counts
from epntap.archive.memory import scanned_files, withdrawn_datasets
from epntap.catalog.ddl import create_table
from epntap.catalog.indexes import DURATION, HAS_ITEM, HAS_ONE_OF, LONG_DAYS, OVERLAP
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.epncore.columns import table_columns
from epntap.errors import DefinitionError, SetupError
from ingest.definition.load import load_definition
from ingest.options import Options
from ingest.pipeline import ingest_service
from ingest.publish.rows.promises import drop_broken_promises, make_promises
from ingest.report import Report
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, WIDE, cdf, definition, record
from tests.support.databases import clone_database, drop_database

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
SECOND = datetime.fromisoformat("2026-02-01T10:00:00")
HALF_OR_REVERSED = """
    (time_min IS NULL AND time_max IS NOT NULL) OR (time_min IS NOT NULL AND time_max IS NULL) OR time_min > time_max
"""
OLD, NEW = "2026-01-31T10:00:00", "2026-02-01T10:00:00"

JOINED = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two datasets of ten days each, and files of three days of the first."""
    record(tmp_path, "syn-mag")
    record(tmp_path, "syn-mom", region="Jupiter")
    for day in (2, 3, 4):
        cdf(tmp_path / f"cdf/syn_mag_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00")
    return tmp_path


@pytest.fixture(scope="module")
def published(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A service of two datasets that keeps each row whole, to be asked."""
    root = tmp_path_factory.mktemp("published")
    record(root, "syn-mag")
    record(root, "syn-mom", region="Jupiter")
    own = clone_database(postgres_server, "published", template_database)
    run(own, root, WIDE, SPASE_SOURCE, now=FIRST)
    yield own
    drop_database(postgres_server, own)


def query(database: Database, statement: str, *parameters: object, role: Role = Role.OWNER) -> list[tuple[Any, ...]]:
    with connect(database, role) as connection:
        return connection.execute(statement, parameters).fetchall()


def run(database: Database, root: Path, *parts: str, now: datetime = SECOND, **options: Any) -> Report:
    return ingest_service(definition(root, *(parts or JOINED)), database, now=now, options=Options(**options))


def modified(database: Database) -> list[str]:
    rows = query(database, "SELECT granule_uid FROM plasma.epn_core WHERE modification_date = %s ORDER BY 1", NEW)
    return [row[0] for row in rows]


def replace(path: Path, **changes: Any) -> Path:
    """Write a file anew, for the day in its name."""
    path.unlink()
    day = path.name.split("_")[2]
    return cdf(path, f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00", **changes)


def spoil(path: Path) -> None:
    """Make a file unreadable without its size and time telling so."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


# -- files ------------------------------------------------------------------------------------------------------------


def test_files_that_have_not_moved_are_not_opened(database: Database, archive: Path) -> None:
    assert run(database, archive, now=FIRST).files_opened == 3
    for path in (archive / "cdf").iterdir():
        spoil(path)
    report = run(database, archive)
    assert (report.files_opened, report.account.datasets_unchanged, report.granules.loaded) == (0, 2, 0)
    assert report.granules.unchanged == 20
    thorough = run(database, archive, thorough=True)
    assert (thorough.files_opened, len(thorough.account.sources[0].refused), thorough.granules.updated) == (3, 3, 3)


def test_datasets_known_from_files_are_described_without_opening_them(database: Database, archive: Path) -> None:
    run(database, archive, CDF_SOURCE, now=FIRST)
    before = query(database, "SELECT * FROM archive.parameter")
    for path in (archive / "cdf").iterdir():
        spoil(path)
    report = run(database, archive, CDF_SOURCE)
    assert (report.files_opened, report.account.datasets_unchanged, report.granules.unchanged) == (0, 1, 3)
    assert query(database, "SELECT * FROM archive.parameter") == before


def test_a_file_whose_time_moved_changes_nothing_but_its_time(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    path = archive / "cdf/syn_mag_20010103_v01.cdf"
    os.utime(path, ns=(1, 123_456_789))
    report = run(database, archive)
    assert (report.account.datasets_unchanged, report.granules.loaded) == (2, 0)
    assert modified(database) == []
    assert query(database, "SELECT mtime_ns FROM archive.file WHERE path = %s", path.name) == [(123_456_789,)]
    assert run(database, archive).files_opened == 0


def test_a_file_that_changed_modifies_its_day_only(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    # the same times and the same size: only the values differ
    path = replace(archive / "cdf/syn_mag_20010103_v01.cdf", offset=5.0)
    os.utime(path, ns=(1, 1))
    report = run(database, archive)
    assert (report.files_opened, report.account.datasets_unchanged) == (1, 1)
    assert (report.granules.updated, report.granules.inserted, report.granules.deleted) == (1, 0, 0)
    assert modified(database) == ["syn-mag_20010103"]
    assert query(database, "SELECT DISTINCT creation_date FROM plasma.epn_core") == [(OLD,)]


def test_a_new_file_and_one_that_is_gone(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    cdf(archive / "cdf/syn_mag_20010106_v01.cdf", "2001-01-06T00:00:00")
    (archive / "cdf/syn_mag_20010102_v01.cdf").unlink()
    report = run(database, archive)
    assert report.granules.updated == 2
    assert modified(database) == ["syn-mag_20010102", "syn-mag_20010106"]
    held = query(database, "SELECT granule_uid FROM plasma.epn_core WHERE access_url IS NOT NULL ORDER BY 1")
    assert [uid for (uid,) in held] == ["syn-mag_20010103", "syn-mag_20010104", "syn-mag_20010106"]


def test_granules_of_files_come_and_go_with_them(database: Database, archive: Path) -> None:
    run(database, archive, CDF_SOURCE, now=FIRST)
    cdf(archive / "cdf/syn_mag_20010106_v01.cdf", "2001-01-06T00:00:00")
    (archive / "cdf/syn_mag_20010102_v01.cdf").unlink()
    replace(archive / "cdf/syn_mag_20010103_v01.cdf", hours=12)
    report = run(database, archive, CDF_SOURCE)
    count = report.granules
    assert (count.inserted, count.updated, count.deleted, count.unchanged) == (1, 1, 1, 1)
    assert query(
        database, "SELECT granule_uid, creation_date, modification_date FROM plasma.epn_core ORDER BY granule_uid"
    ) == [
        ("syn_mag_20010103", OLD, NEW),
        ("syn_mag_20010104", OLD, OLD),
        ("syn_mag_20010106", NEW, NEW),
    ]


def test_refused_files_stay_in_the_report_and_are_not_opened_again(database: Database, archive: Path) -> None:
    broken = archive / "cdf/syn_mag_20010107_v01.cdf"
    broken.write_bytes(b"nothing of the kind")
    reasons = [run(database, archive, now=FIRST).account.sources[0].refused]
    again = run(database, archive)
    assert again.files_opened == 0
    reasons.append(again.account.sources[0].refused)
    assert reasons[0] == reasons[1]
    assert reasons[0][0].path == broken.name
    replace(broken)
    mended = run(database, archive)
    assert (mended.files_opened, mended.granules.updated, len(mended.account.sources[0].refused)) == (1, 1, 0)


def test_files_that_are_gone_are_forgotten(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    (archive / "cdf/syn_mag_20010102_v01.cdf").unlink()
    run(database, archive)
    with connect(database, Role.OWNER) as connection:
        paths = [f"syn_mag_2001010{day}_v01.cdf" for day in (2, 3, 4)]
        assert list(scanned_files(connection, "plasma", str(archive / "cdf"), paths)) == paths[1:]


def test_without_checksums_another_time_is_another_file(database: Database, archive: Path) -> None:
    parts = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "checksums = false", "[source.files]", 'syn-mag = "*.cdf"')
    run(database, archive, *parts, now=FIRST)
    assert query(database, "SELECT DISTINCT sha256 FROM archive.file") == [(b"",)]
    os.utime(archive / "cdf/syn_mag_20010103_v01.cdf", ns=(1, 1))
    assert run(database, archive, *parts).granules.updated == 1
    assert modified(database) == ["syn-mag_20010103"]


def test_many_files_are_opened_by_several_processes(database: Database, tmp_path: Path) -> None:
    one = cdf(tmp_path / "cdf/syn_0.cdf", "2001-01-01T00:00:00")
    for number in range(1, 100):
        shutil.copy(one, tmp_path / f"cdf/syn_{number}.cdf")
    (tmp_path / "cdf/broken.cdf").write_bytes(b"?")
    report = run(database, tmp_path, CDF_SOURCE, now=FIRST, jobs=2)
    assert (report.files_opened, report.granules.inserted, len(report.account.sources[0].refused)) == (101, 100, 1)


# -- datasets ---------------------------------------------------------------------------------------------------------


def test_only_a_dataset_that_differs_is_looked_at(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    record(archive, "syn-mom", region="Saturn")
    report = run(database, archive)
    assert (report.account.datasets_unchanged, report.granules.updated, report.granules.unchanged) == (1, 10, 10)


def test_rows_that_somebody_deleted_come_back(database: Database, archive: Path) -> None:
    run(database, archive, WIDE, *JOINED, now=FIRST)
    with connect(database, Role.OWNER) as connection:
        connection.execute("DELETE FROM plasma.epn_core WHERE granule_uid = 'syn-mom_20010105'")
        connection.execute("UPDATE plasma.epn_core SET target_name = 'x' WHERE granule_uid = 'syn-mag_20010105'")
    mended = run(database, archive, WIDE, *JOINED).granules
    assert (mended.inserted, mended.updated) == (1, 1)
    assert run(database, archive, WIDE, *JOINED, thorough=True).granules.loaded == 0


def test_a_value_that_went_out_of_use_does_not_come_back(database: Database, archive: Path) -> None:
    scaled = (*JOINED, "[columns]", 'time_scale = "UTC"')
    run(database, archive, *scaled, now=FIRST)
    run(database, archive)
    assert query(database, "SELECT count(time_scale) FROM plasma.epn_core") == [(0,)]


def test_a_day_more_is_a_row_more(database: Database, tmp_path: Path) -> None:
    record(tmp_path, "syn-mag", start="2026-01-30T00:00:00Z", stop="2030-01-01T00:00:00Z")
    assert run(database, tmp_path, SPASE_SOURCE, now=FIRST).total_rows == 2
    report = run(database, tmp_path, SPASE_SOURCE)
    assert (report.granules.inserted, report.granules.updated, report.granules.unchanged) == (1, 0, 2)


def test_a_withdrawn_dataset_goes_and_leaves_a_note(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    one = definition(archive, *JOINED)
    text = one.file.read_text()

    def withdraw(names: str) -> Report:
        one.file.write_text(text.replace('title = "Plasma data"', f'title = "Plasma data"\nwithdrawn = [{names}]'))
        return ingest_service(load_definition(one.file), database, now=SECOND)

    report = withdraw('"syn-mag"')
    assert (report.granules.deleted, report.granules.unchanged, report.withdrawn) == (10, 10, ("syn-mag",))
    assert (
        report.account.sources[0].found,
        report.account.sources[0].withdrawn,
        report.account.sources[0].indexed,
    ) == (3, 3, 0)
    assert query(database, "SELECT DISTINCT dataset_id FROM plasma.epn_core") == [("syn-mom",)]
    assert query(database, "SELECT 1 FROM archive.file") == []
    assert query(database, "SELECT dataset_id, granules FROM archive.withdrawn_dataset") == [("syn-mag", 10)]
    (archive / "spase/syn-mag.xml").unlink()
    assert withdraw('"syn-mag"').granules.loaded == 0
    with connect(database, Role.SERVICE) as connection:
        assert withdrawn_datasets(connection, "plasma") == {"syn-mag": SECOND}
    with pytest.raises(DefinitionError, match=r"'syn-mon'.*Did you mean 'syn-mom'"):
        withdraw('"syn-mag", "syn-mon"')
    record(archive, "syn-mag")
    assert withdraw("").granules.inserted == 10
    assert query(database, "SELECT 1 FROM archive.withdrawn_dataset") == []


# -- what is not done unasked -----------------------------------------------------------------------------------------


def test_most_rows_are_not_deleted_unasked(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    record(archive, "syn-mag", stop="2001-01-04T00:00:00Z")
    record(archive, "syn-mom", stop="2001-01-04T00:00:00Z")
    with pytest.raises(SetupError, match=r"would delete 14 of the 20 granules of plasma\.epn_core.*--allow-deletions"):
        run(database, archive)
    assert query(database, "SELECT count(*) FROM plasma.epn_core") == [(20,)]
    assert run(database, archive, allow_deletions=True).granules.deleted == 14


def test_an_archive_that_is_not_mounted_changes_nothing(database: Database, archive: Path) -> None:
    parts = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "partial = true", "[source.files]", 'syn-mag = "*.cdf"')
    run(database, archive, *parts, now=FIRST)
    shutil.move(archive / "cdf", archive / "away")
    (archive / "cdf").mkdir()
    with pytest.raises(SetupError, match=r"holds no file, but 3 of its files were indexed before: is it mounted"):
        run(database, archive, *parts)
    assert run(database, archive, *parts, allow_deletions=True).granules.updated == 3


def test_an_archive_that_lost_most_of_its_files_changes_nothing(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    for day in (2, 3):
        (archive / f"cdf/syn_mag_2001010{day}_v01.cdf").unlink()
    with pytest.raises(SetupError, match=r"Of the 3 files of plasma that were indexed, 2 are gone"):
        run(database, archive)
    assert run(database, archive, allow_deletions=True).granules.updated == 2


def test_another_archive_under_a_name_that_is_taken_is_told_where_that_one_is(
    database: Database, archive: Path, tmp_path: Path
) -> None:
    run(database, archive, now=FIRST)
    other = tmp_path / "other"
    cdf(other / "cdf/another_20010101_v01.cdf", "2001-01-01T00:00:00", logical_source="another")
    said = rf"3 are gone\. They lay below {archive}/cdf, and this definition looks below {other}/cdf: .* another schema"
    with pytest.raises(SetupError, match=said):
        run(database, other, CDF_SOURCE)


def test_an_archive_may_move(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    shutil.move(archive / "cdf", archive / "moved")
    parts = [part.replace('path = "cdf"', 'path = "moved"') for part in JOINED]
    report = run(database, archive, *parts)
    assert (report.granules.loaded, report.granules.unchanged) == (0, 20)
    assert query(database, "SELECT DISTINCT root FROM archive.file_in_full") == [(str(archive / "moved"),)]


# -- counts -----------------------------------------------------------------------------------------------------------


def counted(database: Database, column: str) -> dict[str | None, int]:
    return dict(query(database, f'SELECT "{column}"::text, count(*) FROM plasma.epn_core GROUP BY 1'))


def test_counts_are_those_of_the_rows(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    cdf(archive / "cdf/syn_mag_20010106_v01.cdf", "2001-01-06T00:00:00")
    record(archive, "syn-mom", stop="2001-01-08T00:00:00Z", region="Saturn")
    for now in (FIRST, SECOND):
        run(database, archive, now=now)
        with connect(database, Role.SERVICE) as connection:
            total = row_count(connection, "plasma")
            for column in ("target_name", "access_format", "dataset_id", "c1min", "processing_level", "publisher"):
                assert value_counts(connection, "plasma", column) == counted(database, column), column
            assert value_counts(connection, "plasma", "granule_uid") is None
        assert query(database, "SELECT count(*) FROM plasma.epn_core") == [(total,)]


def test_the_coverage_is_that_of_the_rows(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    with connect(database, Role.SERVICE) as connection:
        covered = coverage(connection, "plasma")
    assert covered is not None
    assert query(database, "SELECT min(time_min), max(time_max) FROM plasma.epn_core") == [
        (covered.time_min, covered.time_max)
    ]
    assert "Jupiter" in covered.target_names
    assert "planet" in covered.target_classes
    assert covered.dataproduct_types == ("ts",)


# -- beside others ----------------------------------------------------------------------------------------------------


class Held:
    """Progress that stops at a piece of work until it is let go."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.reached, self.let_go = threading.Event(), threading.Event()

    def stage(self, title: str, total: int | None = None) -> None:
        del total
        if self.word in title:
            self.reached.set()
            assert self.let_go.wait(30)

    def advance(self, steps: int = 1) -> None:
        pass


def test_the_second_of_two_ingestions_can_wait(database: Database, archive: Path) -> None:
    one = definition(archive, *JOINED)
    first, second = Held("loading"), Held("waiting for another ingestion of plasma")
    second.let_go.set()
    reports: list[Report] = []
    threads = [
        threading.Thread(
            target=lambda p=progress: reports.append(
                ingest_service(one, database, now=FIRST, progress=p, options=Options(wait=True))
            )
        )
        for progress in (first, second)
    ]
    threads[0].start()
    assert first.reached.wait(30)
    threads[1].start()
    assert second.reached.wait(30)
    assert reports == []
    first.let_go.set()
    for thread in threads:
        thread.join(60)
    assert [report.granules.inserted for report in reports] == [20, 0]


_KILLED = """
    import os, signal
    from pathlib import Path
    from epntap.db.pool import Database
    from ingest.definition.load import load_definition
    from ingest.pipeline import ingest_service

    class Deadly:
        def __init__(self):
            self.left = {after}

        def stage(self, title, total=None):
            self.step()

        def advance(self, steps=1):
            self.step()

        def step(self):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    ingest_service(load_definition(Path({file!r})), Database({url!r}, embedded={embedded}), progress=Deadly())
"""


def test_killed_at_any_step_the_table_is_the_old_or_the_new_and_the_next_run_finishes(
    database: Database, archive: Path
) -> None:
    run(database, archive, now=FIRST)
    record(archive, "syn-mag", region="Saturn")
    record(archive, "syn-mom", region="Saturn")
    cdf(archive / "cdf/syn_mag_20010106_v01.cdf", "2001-01-06T00:00:00")
    one = definition(archive, *JOINED)
    states = set()
    for after in range(1, 40, 2):
        script = textwrap.dedent(_KILLED).format(
            after=after, file=str(one.file), url=database.url, embedded=database.embedded
        )
        done = subprocess.run([sys.executable, "-c", script], check=False)
        names = query(database, "SELECT DISTINCT target_name FROM plasma.epn_core ORDER BY 1")
        states.add(tuple(names))
        assert query(database, "SELECT count(*) FROM plasma.epn_core") == [(20,)]
        if done.returncode == 0:
            break
        _wait_for_lock(database)
    else:
        pytest.fail("the run never got to its end")
    assert states == {(("Earth",), ("Jupiter",)), (("Saturn",),)}
    assert run(database, archive).granules.unchanged == 20


def _wait_for_lock(database: Database) -> None:
    for _ in range(100):
        if not query(database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"):
            return
        time.sleep(0.05)


def test_a_reader_streams_all_the_while(database: Database, archive: Path) -> None:
    run(database, archive, now=FIRST)
    record(archive, "syn-mom", region="Saturn", stop="2001-01-09T00:00:00Z")
    stop = threading.Event()
    sums: list[tuple[int, int]] = []

    def read() -> None:
        with connect(database, Role.READER) as reader:
            while not stop.is_set():
                reader.execute("SET lock_timeout = '200ms'")
                rows = reader.execute("SELECT target_name FROM plasma.epn_core").fetchall()
                sums.append((len(rows), sum(name == "Saturn" for (name,) in rows)))
                reader.rollback()

    thread = threading.Thread(target=read)
    thread.start()
    report = run(database, archive)
    stop.set()
    thread.join()
    assert (report.granules.updated, report.granules.deleted) == (8, 2)
    assert set(sums) <= {(20, 0), (18, 8)}
    assert sums[0] == (20, 0)


# -- indexes ----------------------------------------------------------------------------------------------------------


def test_times_in_any_order_or_none_are_in_the_index(database: Database) -> None:
    times: list[float | None] = [None, -np.inf, 1.0, 2.0, 3.0, np.inf]
    with connect(database, Role.OWNER) as connection:
        connection.execute("CREATE TEMPORARY TABLE rows (a float8, b float8)")
        with connection.cursor() as cursor, cursor.copy("COPY rows FROM STDIN") as copy:
            for a in times:
                for b in times:
                    copy.write_row((a, b))
        connection.execute("CREATE INDEX ON rows USING gist (udf.time_span(a, b))")
        for c in times:
            for d in times:
                for condition in ("a <= %(d)s AND b >= %(c)s", "a >= %(c)s AND b <= %(d)s"):
                    missed = connection.execute(
                        f"SELECT * FROM rows WHERE {condition} "
                        "AND (udf.time_span(a, b) && udf.time_span(%(c)s, %(d)s)) IS NOT TRUE",
                        {"c": c, "d": d},
                    ).fetchall()
                    assert missed == [], (condition, c, d)


def plan(database: Database, condition: str) -> str:
    with connect(database, Role.READER) as connection:
        connection.execute("SET LOCAL constraint_exclusion = on")
        connection.execute("SET LOCAL enable_seqscan = off")
        rows = connection.execute(f"EXPLAIN SELECT * FROM plasma.epn_core WHERE {condition}")
        return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        (
            f"{DURATION} > {LONG_DAYS} AND {OVERLAP}".format("time_min", "time_max", 2451910.5, 2451911.5),
            "epn_core_long_span",
        ),
        (HAS_ITEM.format("target_name", "'Earth'"), "epn_core_target_name_items"),
        (HAS_ONE_OF.format("target_name", "ARRAY['earth']"), "epn_core_target_name_items"),
        ("granule_uid LIKE 'syn-mag%'", "Index Cond: ((granule_uid >= 'syn-mag'"),
        ("granule_uid || '' LIKE '%mag_2001010%'", "epn_core_granule_uid_trigrams"),
        ("instrument_name || '' ILIKE '%magn%'", "epn_core_instrument_name_trigrams"),
        ("modification_date >= '2026-01-01'", "epn_core_modification_date"),
        ("(c1min IS NULL AND c1max IS NOT NULL) OR (c1min IS NOT NULL AND c1max IS NULL)", "One-Time Filter: false"),
        (HALF_OR_REVERSED, "One-Time Filter: false"),
        ("NOT time_min BETWEEN 2086000 AND 2817000", "One-Time Filter: false"),
        ("NOT processing_level BETWEEN 1 AND 6", "One-Time Filter: false"),
    ],
)
def test_an_index_or_a_promise_answers(published: Database, condition: str, index: str) -> None:
    assert index in plan(published, condition)


def test_what_looks_for_parts_of_a_text_answers_no_equality(published: Database) -> None:
    assert "_trigrams" not in plan(published, "instrument_name = 'Magnetometer'")


def test_an_index_that_another_has_replaced_goes(database: Database, archive: Path) -> None:
    run(database, archive, WIDE, *JOINED, now=FIRST)
    with connect(database, Role.OWNER) as connection:
        connection.execute(
            "CREATE INDEX epn_core_time_span ON plasma.epn_core USING gist (udf.time_span(time_min, time_max));"
            "DROP INDEX plasma.epn_core_long_span"
        )
    run(database, archive, WIDE, *JOINED, now=SECOND)
    names = {name for (name,) in query(database, "SELECT indexname FROM pg_indexes WHERE schemaname = 'plasma'")}
    assert "epn_core_time_span" not in names
    assert "epn_core_long_span" in names


def test_without_the_extension_its_indexes_are_left_out(database: Database, archive: Path) -> None:
    with connect(database, Role.ADMIN) as connection:
        connection.execute("DROP EXTENSION pg_trgm")
    run(database, archive, WIDE, *JOINED, now=FIRST)
    names = [name for (name,) in query(database, "SELECT indexname FROM pg_indexes WHERE schemaname = 'plasma'")]
    assert "epn_core_long_span" in names
    assert not [name for name in names if name.endswith("_trigrams")]


@pytest.fixture
def plain(database: Database) -> Iterator[tuple[Connection, Table]]:
    """A table of three columns with one good row."""
    columns = table_columns(("time_min", "processing_level"))
    wanted = {"time_min", "time_max", "processing_level"}
    table = Table("plain", "epn_core", tuple(column for column in columns if column.name in wanted))
    with connect(database, Role.OWNER) as connection:
        create_table(connection, table)
        connection.execute("INSERT INTO plain.epn_core (time_min, time_max, processing_level) VALUES (2.4e6, 2.5e6, 3)")
        yield connection, table
        connection.rollback()


def test_a_promise_that_is_broken_is_taken_back(plain: tuple[Connection, Table]) -> None:
    connection, table = plain
    assert set(make_promises(connection, table)) == {
        "promise_time_range",
        "promise_time_min",
        "promise_time_max",
        "promise_processing_level",
    }
    connection.execute("CREATE TEMPORARY TABLE incoming (LIKE plain.epn_core)")
    connection.execute("INSERT INTO incoming (time_min, processing_level) VALUES (2.4e6, 7)")
    broken = drop_broken_promises(connection, table, Identifier("incoming"), 1)
    assert set(broken) == {"promise_time_range", "promise_processing_level"}
    assert drop_broken_promises(connection, table, Identifier("incoming"), 1) == ()
    connection.execute("INSERT INTO plain.epn_core SELECT * FROM incoming")


def test_a_new_table_makes_only_promises_that_hold(plain: tuple[Connection, Table]) -> None:
    connection, table = plain
    connection.execute("INSERT INTO plain.epn_core (time_min, time_max) VALUES (5, NULL)")
    assert set(make_promises(connection, table)) == {"promise_time_max", "promise_processing_level"}


def test_a_promise_of_another_version_is_taken_back_as_it_was_made(plain: tuple[Connection, Table]) -> None:
    connection, table = plain
    connection.execute(
        "ALTER TABLE plain.epn_core ADD CONSTRAINT promise_level CHECK (processing_level BETWEEN 2 AND 4)"
    )
    connection.execute("CREATE TEMPORARY TABLE incoming (LIKE plain.epn_core)")
    connection.execute("INSERT INTO incoming (time_min, time_max, processing_level) VALUES (2.4e6, 2.5e6, 5)")
    assert drop_broken_promises(connection, table, Identifier("incoming"), 1) == ("promise_level",)
    connection.execute("INSERT INTO plain.epn_core SELECT * FROM incoming")


def test_promises_are_what_the_rules_assert(database: Database) -> None:
    table = Table("hours", "epn_core", table_columns(("local_time_min", "c1min", "subsolar_longitude_min")))
    with connect(database, Role.OWNER) as connection:
        create_table(connection, table)
        made = set(make_promises(connection, table))
        # a longitude may run over the zero meridian, a local time is within one day (EPN-TAP 2.0 §2.1 note 1, §2.2)
        for stem, breaks in (("c1", False), ("subsolar_longitude_", False), ("local_time_", True)):
            connection.execute("CREATE TEMPORARY TABLE incoming AS TABLE hours.epn_core WITH NO DATA")
            connection.execute(f"INSERT INTO incoming ({stem}min, {stem}max) VALUES (22, 3)")
            name = f"promise_{stem.rstrip('_')}_range"
            assert name in made
            dropped = drop_broken_promises(connection, table, Identifier("incoming"), 1)
            assert (name in dropped) is breaks, stem
            connection.execute("DROP TABLE incoming")
        connection.rollback()


def test_a_published_table_has_its_promises(published: Database) -> None:
    assert {"promise_time_range", "promise_c1_range", "promise_processing_level"} <= set(promises(published))


def promises(database: Database) -> list[str]:
    rows = query(
        database,
        "SELECT conname FROM pg_constraint WHERE conrelid = 'plasma.epn_core'::regclass AND contype = 'c' ORDER BY 1",
    )
    return [name for (name,) in rows]
