"""Twenty thousand granules: refreshed, killed, ingested twice at once, and read all the while."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.pipeline import ingest_service
from ingest.report import Report
from tests.support.archives import CDF_SOURCE, SPASE_SOURCE, cdf, definition, record

pytestmark = pytest.mark.serial

FIRST = datetime.fromisoformat("2026-01-31T10:00:00")
SECOND = datetime.fromisoformat("2026-02-01T10:00:00")
NEW = "2026-02-01T10:00:00"
#: days from 1991-01-01 to 2018-05-18, in each of two datasets
DAYS = 10_000
SPAN = {"start": "1991-01-01T00:00:00Z", "stop": "2018-05-18T12:00:00Z"}
PARTS = (SPASE_SOURCE, CDF_SOURCE, 'granule = "day"', "[source.files]", 'syn-mag = "syn_mag_*.cdf"')


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    record(tmp_path, "syn-mag", **SPAN)
    record(tmp_path, "syn-mom", region="Jupiter", **SPAN)
    for day in (2, 3, 4):
        cdf(tmp_path / f"cdf/syn_mag_2001010{day}_v01.cdf", f"2001-01-0{day}T00:00:00")
    return tmp_path


@pytest.fixture
def service(database: Database, archive: Path) -> Definition:
    one = definition(archive, *PARTS)
    report = ingest_service(one, database, now=FIRST)
    assert (report.granules.inserted, report.total_rows) == (2 * DAYS, 2 * DAYS)
    return one


def modified(database: Database) -> list[str]:
    with connect(database, Role.OWNER) as connection:
        rows = connection.execute(
            "SELECT granule_uid FROM plasma.epn_core WHERE modification_date = %s ORDER BY 1", (NEW,)
        )
        return [uid for (uid,) in rows]


def targets(database: Database) -> dict[str, int]:
    with connect(database, Role.READER) as connection:
        return dict(connection.execute("SELECT target_name, count(*) FROM plasma.epn_core GROUP BY 1").fetchall())


@contextmanager
def reader(database: Database) -> Iterator[list[dict[str, int]]]:
    """Streams the whole table again and again; what each pass saw of each target."""
    stop = threading.Event()
    seen: list[dict[str, int]] = []
    failures: list[Exception] = []

    def read() -> None:
        try:
            with connect(database, Role.READER, autocommit=True) as connection:
                # a query that had to wait for a lock would fail
                connection.execute("SET lock_timeout = '1ms'")
                while not stop.is_set():
                    counts: dict[str, int] = {}
                    with (
                        connection.cursor() as cursor,
                        cursor.copy("COPY (SELECT target_name FROM plasma.epn_core) TO STDOUT") as copy,
                    ):
                        for row in copy.rows():
                            counts[str(row[0])] = counts.get(str(row[0]), 0) + 1
                    seen.append(counts)
        except Exception as exc:  # noqa: BLE001  # told by the test
            failures.append(exc)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(60)
    assert failures == []
    assert seen


def test_a_second_run_changes_nothing_and_what_moved_changes_alone(
    database: Database, service: Definition, archive: Path
) -> None:
    again = ingest_service(service, database, now=SECOND)
    assert (again.granules.seen, again.granules.unchanged, again.files_opened) == (2 * DAYS, 2 * DAYS, 0)
    assert modified(database) == []
    os.utime(archive / "cdf/syn_mag_20010102_v01.cdf")
    (archive / "cdf/syn_mag_20010103_v01.cdf").unlink()
    cdf(archive / "cdf/syn_mag_20010103_v01.cdf", "2001-01-03T00:00:00", offset=1.0)
    (archive / "cdf/syn_mag_20010104_v01.cdf").unlink()
    cdf(archive / "cdf/syn_mag_20100601_v01.cdf", "2010-06-01T00:00:00")
    report = ingest_service(service, database, now=SECOND)
    assert (report.granules.updated, report.granules.unchanged, report.files_opened) == (3, 2 * DAYS - 3, 3)
    assert modified(database) == ["syn-mag_20010103", "syn-mag_20010104", "syn-mag_20100601"]


def test_a_reader_sees_the_old_or_the_new_and_never_waits(
    database: Database, service: Definition, archive: Path
) -> None:
    record(archive, "syn-mom", region="Saturn", **SPAN)
    with reader(database) as seen:
        while not seen:
            time.sleep(0.01)
        report = ingest_service(service, database, now=SECOND)
        after = len(seen)
        while len(seen) < after + 2:
            time.sleep(0.01)
    assert report.granules.updated == DAYS
    old, new = {"Earth": DAYS, "Jupiter": DAYS}, {"Earth": DAYS, "Saturn": DAYS}
    assert seen[0] == old
    assert seen[-1] == new
    assert all(one in (old, new) for one in seen)


_KILLED = """
    import os, signal
    from pathlib import Path
    from epntap.db.pool import Database
    from ingest.definition.load import load_definition
    from ingest.pipeline import ingest_service

    class Deadly:
        reached = False

        def stage(self, title, total=None):
            self.reached = {word!r} in title
            if self.reached and {at_once}:
                os.kill(os.getpid(), signal.SIGKILL)

        def advance(self, steps=1):
            if self.reached:
                os.kill(os.getpid(), signal.SIGKILL)

    ingest_service(load_definition(Path({file!r})), Database({url!r}, embedded={embedded}), progress=Deadly())
"""


@pytest.mark.parametrize(
    ("word", "at_once", "is_new"),
    [
        ("loading granules", False, False),
        ("comparing", True, False),
        ("taking statistics", True, True),
    ],
    ids=["while rows arrive", "before rows are written", "after the commit"],
)
def test_killed_the_old_table_or_the_new_stays_and_the_next_run_finishes(
    database: Database, service: Definition, archive: Path, word: str, at_once: bool, is_new: bool
) -> None:
    record(archive, "syn-mom", region="Saturn", **SPAN)
    script = textwrap.dedent(_KILLED).format(
        word=word, at_once=at_once, file=str(service.file), url=database.url, embedded=database.embedded
    )
    with reader(database) as seen:
        done = subprocess.run([sys.executable, "-c", script], check=False, timeout=120)
        assert done.returncode == -9
    old, new = {"Earth": DAYS, "Jupiter": DAYS}, {"Earth": DAYS, "Saturn": DAYS}
    assert targets(database) == (new if is_new else old)
    assert all(one in (old, new) for one in seen)
    deadline = time.monotonic() + 30
    while True:
        try:
            report = ingest_service(load_definition(service.file), database, now=SECOND)
            break
        except SetupError:  # the database has not noticed yet that the other one is gone
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert report.granules.updated == (0 if is_new else DAYS)
    assert targets(database) == new


def test_of_two_ingestions_at_once_the_second_says_so(database: Database, service: Definition, archive: Path) -> None:
    record(archive, "syn-mom", region="Saturn", **SPAN)
    reached, go_on = threading.Event(), threading.Event()

    class Held:
        def stage(self, title: str, total: int | None = None) -> None:
            del total
            if "comparing" in title:
                reached.set()
                assert go_on.wait(60)

        def advance(self, steps: int = 1) -> None:
            del steps

    reports: list[Report] = []
    first = threading.Thread(
        target=lambda: reports.append(ingest_service(service, database, now=SECOND, progress=Held()))
    )
    first.start()
    assert reached.wait(60)
    with pytest.raises(SetupError, match="Another ingestion of plasma is running"):
        ingest_service(load_definition(service.file), database, now=SECOND)
    go_on.set()
    first.join(60)
    assert [report.granules.updated for report in reports] == [DAYS]
    assert targets(database) == {"Earth": DAYS, "Saturn": DAYS}
