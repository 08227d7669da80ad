"""Summaries while files change and go, disks are full and processes die: the last good one, and the next mends."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from cutouts.interval import Interval
from epntap.archive.kept.summaries import queue_summary, years_of
from epntap.cdf import parse_utc
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.settings import Settings
from ingest.definition.load import load_definition
from ingest.options import Options
from ingest.pipeline import ingest_service
from summaries.gather import gather
from summaries.reader import Summaries, SummarySeries
from summaries.run import DatasetDone, summarise
from tests.support.cdf_builder import CdfBuilder
from tests.support.summary_truth import Truth, check_bins, check_values
from tests.support.worker import job_worker

MINUTE = 60 * 10**9
FIRST = parse_utc("2016-12-28")
DAY = 1440 * MINUTE
#: on both sides of a new year
DAYS = 8
_DEFINITION = """
[service]
schema = "moving"
title = "Files that change"
[[source]]
kind = "cdf-files"
path = "{folder}"
granule = "file"
"""

Floats = npt.NDArray[np.float32]


class Archive:
    """Files of one day each, what they hold, and their summaries."""

    def __init__(self, database: Database, root: Path) -> None:
        self.database, self.folder, self.root = database, root / "cdf", root / "kept"
        self.folder.mkdir()
        self.held: dict[int, tuple[npt.NDArray[np.int64], Floats]] = {}
        (root / "service.toml").write_text(_DEFINITION.format(folder=self.folder))
        self._definition = load_definition(root / "service.toml")

    def path(self, day: int) -> Path:
        return self.folder / f"wave_{day:03}.cdf"

    def write(self, day: int, offset: float = 0.0, records: int = 1440) -> None:
        instants = FIRST + day * DAY + MINUTE * np.arange(records, dtype=np.int64)
        values = (np.sin(np.arange(records * 2) / 50) + offset).astype(np.float32).reshape(-1, 2)
        values[::97, 0] = -1e31
        self.held[day] = instants, values
        self.path(day).unlink(missing_ok=True)
        (
            CdfBuilder()
            .attribute("Logical_source", "wave")
            .axis("Epoch", instants)
            .variable("B", values, DEPEND_0="Epoch", VAR_TYPE="data", FILLVAL=np.float32(-1e31), UNITS="nT")
            .variable("count", np.arange(records, dtype=np.int32), DEPEND_0="Epoch", VAR_TYPE="data")
            .variable("mode", np.full(records, b"abc"), DEPEND_0="Epoch", VAR_TYPE="data")
            .write(self.path(day))
        )

    def remove(self, day: int) -> None:
        self.path(day).unlink()
        del self.held[day]

    def ingest(self) -> None:
        ingest_service(self._definition, self.database, options=Options(allow_deletions=True))

    def connect(self) -> AbstractContextManager[Connection]:
        @contextmanager
        def lend() -> Iterator[Connection]:
            with connect(self.database, Role.SERVICE, autocommit=True) as connection:
                yield connection

        return lend()

    def summarise(self, jobs: int = 1) -> DatasetDone:
        ((done, total),) = summarise(self.connect, self.root, "moving", jobs=jobs)
        assert total == 1
        return done

    def series(self, points: int = 40) -> SummarySeries:
        interval = Interval(FIRST + 123 * MINUTE, FIRST + DAYS * DAY - 77 * MINUTE)
        return Summaries(self.connect, self.root).series("moving", "wave", ["B"], interval=interval, points=points)

    def truth(self) -> Truth:
        instants = np.concatenate([one for one, _ in self.held.values()])
        values = np.concatenate([one for _, one in self.held.values()])
        return Truth(instants, values, values != np.float32(-1e31))

    def check(self, *remarks: str) -> SummarySeries:
        truth = self.truth()
        for points in (1, 3, 40, 200):
            found = self.series(points)
            assert found.remarks == remarks
            check_bins(found, truth.instants)
            check_values(found, found.parameters["B"], truth)
        return found

    def folders(self) -> dict[int, str]:
        with self.connect() as connection:
            return {one.year: one.folder for one in years_of(connection, "moving", "wave")}

    def unfinished(self) -> list[Path]:
        return list(self.root.rglob("*.unfinished"))

    def query(self, statement: Any) -> list[tuple[Any, ...]]:
        with connect(self.database, Role.READER) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> Archive:
    made = Archive(database, tmp_path)
    for day in range(DAYS):
        made.write(day, offset=day)
    made.ingest()
    return made


def test_before_any_summary_the_records_are_read(archive: Archive) -> None:
    archive.check()


def test_a_file_that_is_replaced_changes_its_day_and_its_year_only(archive: Archive) -> None:
    assert archive.summarise().made == 2
    archive.check()
    before = archive.folders()
    archive.write(6, offset=1000, records=1300)
    archive.ingest()
    done = archive.summarise()
    assert (done.made, done.kept, done.failures) == (1, 1, [])
    assert archive.folders()[2016] == before[2016]
    assert archive.folders()[2017] != before[2017]
    assert archive.check().parameters["B"].maximum.max() > 1000


def test_only_the_days_that_moved_are_read(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.summarise()
    archive.write(2, offset=7)
    archive.ingest()
    intervals: list[Interval] = []

    def watched(files: Any, interval: Interval, *rest: Any) -> Any:
        intervals.append(interval)
        return gather(files, interval, *rest)

    monkeypatch.setattr("summaries.build.gather", watched)
    archive.summarise()
    assert intervals == [Interval(FIRST + 2 * DAY, FIRST + 3 * DAY)]
    archive.check()


def test_files_that_come_and_go_are_followed(archive: Archive) -> None:
    archive.summarise()
    archive.remove(1)
    archive.remove(7)
    archive.ingest()
    # what is nobody's any more is not given, also before the next run
    found = archive.series(3)
    check_bins(found, archive.truth().instants)
    assert found.remarks
    assert archive.summarise().made == 2
    archive.check()
    archive.write(1, offset=3)
    archive.ingest()
    archive.summarise()
    archive.check()
    for day in range(4, DAYS):
        if day in archive.held:
            archive.remove(day)
    archive.ingest()
    archive.summarise()
    assert list(archive.folders()) == [2016]
    archive.check()


def test_a_file_that_is_cut_off_leaves_the_last_summary_and_the_next_run_mends(archive: Archive) -> None:
    archive.summarise()
    good = archive.truth()
    archive.write(5, offset=50)
    archive.ingest()
    content = archive.path(5).read_bytes()
    archive.path(5).write_bytes(content[: len(content) // 2])
    done = archive.summarise()
    assert done.made == 0
    assert len(done.failures) == 1
    assert done.failures[0].startswith("wave 2017: wave_005.cdf is truncated")
    found = archive.series(3)
    assert found.remarks == ("Files of 2017 have changed since they were summarised.",)
    inside = slice(1, -1)  # the ends are read from files
    check_values(_some(found, inside), _some(found, inside).parameters["B"], good)
    archive.path(5).unlink()
    archive.write(5, offset=50)
    archive.ingest()
    done = archive.summarise()
    assert (done.made, done.failures) == (1, [])
    archive.check()


def _some(series: SummarySeries, rows: slice) -> SummarySeries:
    from dataclasses import replace  # noqa: PLC0415

    one = series.parameters["B"]
    cut = replace(
        one,
        count=one.count[rows],
        minimum=one.minimum[rows],
        maximum=one.maximum[rows],
        mean=one.mean[rows],
        std=one.std[rows],
    )
    return replace(
        series,
        starts=series.starts[rows],
        stops=series.stops[rows],
        records=series.records[rows],
        parameters={"B": cut},
    )


def test_a_bad_file_of_a_new_year_is_left_out_and_said(archive: Archive) -> None:
    content = archive.path(6).read_bytes()
    archive.path(6).write_bytes(content[: len(content) // 2])
    done = archive.summarise()
    assert done.made == 2
    assert len(done.failures) == 1
    held = dict(archive.held)
    del archive.held[6]
    found = archive.series(8)
    assert int(found.records.sum()) == int(np.sum([len(one) for one, _ in archive.held.values()])) - 123 - 77
    archive.path(6).write_bytes(content)
    archive.held = held
    archive.ingest()
    assert archive.summarise().failures == []
    archive.check()


def test_a_full_disk_leaves_the_last_summary_and_the_next_run_mends(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.summarise()
    good, folders = archive.truth(), archive.folders()
    archive.write(2, offset=9)
    archive.ingest()
    write, calls = pq.write_table, []

    def full(table: Any, path: Path, **options: Any) -> None:
        calls.append(path)
        write(table, path, **options)
        if len(calls) == 2:
            path.write_bytes(path.read_bytes()[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", full)
        done = archive.summarise()
    assert done.failures == ["wave 2016: the summary cannot be written: No space left on device"]
    assert archive.folders() == folders
    assert archive.unfinished() == []
    found = archive.series(8)
    check_values(_some(found, slice(1, -1)), _some(found, slice(1, -1)).parameters["B"], good)
    assert archive.summarise().failures == []
    archive.check()


@contextmanager
def _files_limited(_root: Path) -> Iterator[Callable[[], None]]:
    """The operating system refuses to write any file beyond half a kilobyte, until it is told otherwise."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def _disk_filled(root: Path) -> Iterator[Callable[[], None]]:
    """Nothing is left of the disk of a folder but one page, until it is told otherwise."""
    filler = root / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(filler, filler.stat().st_size - 4096)
    yield filler.unlink


@pytest.fixture
def small_disk(archive: Archive) -> Iterator[None]:
    """The folder of summaries on a disk of its own, where that may be made."""
    archive.root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(archive.root)]
    try:
        made = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount")
    if made.returncode:
        pytest.skip("a disk may not be mounted here")
    yield
    subprocess.run(["umount", "-l", str(archive.root)], check=True)


def test_the_system_refuses_to_write(archive: Archive) -> None:
    _check_a_failure_to_write(archive, _files_limited, "File too large")


@pytest.mark.usefixtures("small_disk")
def test_a_real_disk_is_really_full(archive: Archive) -> None:
    _check_a_failure_to_write(archive, _disk_filled, "No space left on device")


def _check_a_failure_to_write(
    archive: Archive, hindrance: Callable[[Path], AbstractContextManager[Callable[[], None]]], reason: str
) -> None:
    """The last summary is served while nothing can be written; the next run mends."""
    assert archive.summarise().failures == []
    good, folders = archive.truth(), archive.folders()
    archive.write(2, offset=9)
    archive.ingest()
    with hindrance(archive.root) as lift:
        done = archive.summarise()
        found = archive.series(8)
        lift()
    assert done.failures == [f"wave 2016: the summary cannot be written: {reason}"]
    assert archive.folders() == folders
    assert archive.unfinished() == []
    check_values(_some(found, slice(1, -1)), _some(found, slice(1, -1)).parameters["B"], good)
    assert archive.summarise().failures == []
    archive.check()


def test_files_that_somebody_took_away_are_made_again(archive: Archive) -> None:
    archive.summarise()
    for path in archive.root.rglob("*.parquet"):
        path.unlink()
    sentence = "The summary of {} cannot be read; it is made anew by the next run."
    found, truth = archive.series(3), archive.truth()
    assert found.remarks == (sentence.format(2016), sentence.format(2017))
    check_bins(found, truth.instants)
    check_values(found, found.parameters["B"], truth)
    assert archive.summarise().made == 2
    archive.check()
    next(archive.root.rglob("21600000000000-*.parquet")).unlink()
    assert archive.summarise().made == 1
    archive.check()


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_at_any_moment_it_goes_on_the_next_time(
    archive: Archive, tmp_path: Path, jobs: int, template_database: str
) -> None:
    assert template_database
    for delay_s in (0.6, 0.9, 1.2, 1.5):
        archive.write(3, offset=delay_s)
        archive.ingest()
        process = subprocess.Popen(
            [sys.executable, "-m", "voserver.cli", "summarise", "moving", "--embedded", "--jobs", str(jobs), "--quiet"],
            env={
                **os.environ,
                "EPNTAP_DATABASE_URL": archive.database.url,
                "EPNTAP_HOME": str(tmp_path),
                "EPNTAP_SUMMARIES": str(archive.root),
            },
            start_new_session=True,
        )
        time.sleep(delay_s)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        found = archive.series(8)
        assert int(found.records.sum()) == DAYS * 1440 - 200
    _until(lambda: archive.summarise().failures == [])
    archive.check()
    assert archive.unfinished() == []


def test_processes_make_what_one_makes(archive: Archive) -> None:
    assert archive.summarise(jobs=2).failures == []
    archive.check()


def test_facts_and_gaps_are_in_the_catalogue(archive: Archive) -> None:
    archive.remove(4)
    archive.ingest()
    assert archive.query("SELECT count(value_min) FROM moving.parameter") == [(0,)]
    archive.summarise()
    truth = archive.truth()
    some = truth.values[truth.valid]
    rows = archive.query(
        "SELECT variable, value_min, value_max, filled_share, first_time, last_time FROM moving.parameter "
        'ORDER BY variable COLLATE "C"'
    )
    first, last = "2016-12-28T00:00:00.000", "2017-01-04T23:58:59.000"
    assert rows == [
        ("B", float(some.min()), float(some.max()), truth.valid.mean(), first, last),
        ("count", 0.0, 1439.0, 1.0, first, last),
        ("mode", None, None, None, None, None),
    ]
    gaps = archive.query("SELECT dataset_id, time_axis, start_time, stop_time, duration FROM moving.gap")
    # files are counted in TT, so that the leap second shows
    assert gaps == [("wave", "Epoch", "2016-12-31T23:59:00.000", "2017-01-01T23:59:59.000", 86_460.0)]
    with archive.connect() as connection:
        held = years_of(connection, "moving", "wave")
    assert held[0].left_out == {"mode": "it is text"}
    for closing in ("access_rights = 'Restricted'", "embargoed_until = '2999-01-01T00:00:00.000'"):
        with connect(archive.database, Role.SERVICE, autocommit=True) as connection:
            connection.execute("UPDATE archive.dataset SET access_rights = 'Open'")
            connection.execute(sql.SQL("UPDATE archive.dataset SET {}").format(sql.SQL(closing)))
        assert archive.query("SELECT count(value_min) FROM moving.parameter") == [(0,)]
        assert archive.query("SELECT count(*) FROM moving.gap") == [(0,)]


def test_a_file_that_is_closed_takes_what_was_told_of_it_along(archive: Archive) -> None:
    archive.remove(4)
    archive.ingest()
    archive.summarise()
    counts = "SELECT (SELECT count(value_min) FROM moving.parameter), (SELECT count(*) FROM moving.gap)"
    assert archive.query(counts) == [(2, 1)]
    close = "UPDATE archive.file SET embargoed_until = %s WHERE path = (SELECT max(path) FROM archive.file)"
    with connect(archive.database, Role.SERVICE, autocommit=True) as connection:
        connection.execute("UPDATE archive.file SET records = records")
        connection.execute(close, ("2001-01-01T00:00:00.000",))
        assert archive.query(counts) == [(2, 1)], "it is open"
        connection.execute(close, ("2999-01-01T00:00:00.000",))
    assert archive.query(counts) == [(0, 0)]
    archive.summarise()
    assert archive.query(counts) == [(2, 1)]
    assert archive.query("SELECT max(last_time) FROM moving.parameter")[0][0] < "2017-01-04T00:00:01"


def test_a_job_makes_them_in_a_lane_of_its_own(archive: Archive, tmp_path: Path) -> None:
    with archive.connect() as connection:
        assert queue_summary(connection, "moving")
        assert not queue_summary(connection, "moving"), "one waits already"
        assert not queue_summary(connection, "nothing")
    settings = Settings(home=tmp_path, summaries=str(archive.root))
    assert settings.summaries_dir == archive.root
    with job_worker(archive.database, tmp_path, jobs=1, summaries=str(archive.root)):
        _until(lambda: _phase(archive) not in {"QUEUED", "EXECUTING"})
    assert _phase(archive) == "COMPLETED"
    archive.check()


def _phase(archive: Archive) -> str:
    with archive.connect() as connection:
        return str(connection.execute("SELECT phase FROM uws.job WHERE kind = 'summary'").fetchall()[0][0])


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_is_in_other_units_is_not_mixed_in(archive: Archive) -> None:
    instants, values = archive.held[5]
    archive.path(5).unlink()
    (
        CdfBuilder()
        .attribute("Logical_source", "wave")
        .axis("Epoch", instants)
        .variable("B", values, DEPEND_0="Epoch", VAR_TYPE="data", FILLVAL=np.float32(-1e31), UNITS="T")
        .write(archive.path(5))
    )
    archive.ingest()
    done = archive.summarise()
    assert done.failures == []
    assert done.left_out["B"] == "its type, shape or unit differs between files in what no column can hold"
    found = archive.series(3)
    assert found.remarks == (f"Not all of B is here: {done.left_out['B']}.",)
    counts = archive.truth().valid.sum(axis=0)
    assert found.parameters["B"].count.sum() < counts.sum() - 2000
    assert int(found.records.sum()) == DAYS * 1440 - 200
