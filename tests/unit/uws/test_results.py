"""Result files: there as a whole or not at all, and nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from epntap.errors import ServiceError
from epntap.uws.model import JobCancelledError, JobResult, ResultError
from epntap.uws.results import FileSink, Results
from tests.support.jobs import job

JOB = job(attempt=1)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_result_appears_when_it_is_complete(tmp_path: Path) -> None:
    results = Results(tmp_path)
    sink = results.sink(JOB)
    sink.describe("text/csv", "csv")
    sink.write(b"a,b\n")
    assert files(tmp_path) == [f"{JOB.job_id}.1.part"]
    assert sink.keep() == (JobResult("text/csv", "csv", 4),)
    assert files(tmp_path) == [f"{JOB.job_id}.1"]
    with results.open(JOB) as file:
        assert file.read() == b"a,b\n"
    results.remove(JOB)
    assert files(tmp_path) == []


def test_several_results_appear_together(tmp_path: Path) -> None:
    results = Results(tmp_path)
    sink = results.sink(JOB)
    sink.begin("one", "text/csv", "csv")
    sink.write(b"1")
    sink.begin("two", "application/x-cdf", "cdf", file_name="x.cdf")
    sink.write(b"half a file")
    sink.rewind()
    sink.begin("three", "text/plain", "txt")
    sink.write(b"333")
    assert [name for name in files(tmp_path) if not name.endswith(".part")] == []
    kept = sink.keep()
    assert [(one.name, one.size_bytes, one.file_name) for one in kept] == [("one", 1, None), ("three", 3, None)]
    assert len(files(tmp_path)) == 2
    contents = []
    for number in range(2):
        with results.open(JOB, number) as file:
            contents.append(file.read())
    assert contents == [b"1", b"333"]
    results.remove(JOB)
    assert files(tmp_path) == []


def test_nothing_is_left_of_several_results_that_are_discarded(tmp_path: Path) -> None:
    sink = Results(tmp_path).sink(JOB)
    for name in ("one", "two", "three"):
        sink.begin(name, "text/csv", "csv")
        sink.write(b"x")
    sink.discard()
    assert files(tmp_path) == []


def test_a_second_attempt_does_not_touch_the_first(tmp_path: Path) -> None:
    results = Results(tmp_path)
    late, successor = results.sink(JOB), results.sink(job(attempt=2))
    successor.write(b"good")
    successor.keep()
    late.write(b"late")
    late.discard()
    with results.open(job(attempt=2)) as file:
        assert file.read() == b"good"


def test_cancelling_reaches_the_work_and_the_next_write(tmp_path: Path) -> None:
    calls: list[str] = []
    sink = Results(tmp_path).sink(JOB)
    sink.on_cancel(lambda: calls.append("query"))
    sink.cancel()
    sink.cancel()
    assert calls == ["query", "query"]
    with pytest.raises(JobCancelledError):
        sink.write(b"x")
    sink.on_cancel(lambda: calls.append("late query"))
    assert calls[-1] == "late query"
    sink.discard()
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file where the folder should be")
    with pytest.raises(ResultError, match="cannot write results at the moment"):
        Results(tmp_path / "jobs").sink(JOB)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    target = tmp_path / "result.1"
    target.with_name("result.1.part").symlink_to("/dev/full")
    sink = FileSink(target)
    with pytest.raises(ResultError, match="not enough room for this result"):
        sink.write(bytes(100_000))
    sink.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_gone_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="cannot be read"):
        Results(tmp_path).open(JOB)


def test_old_files_of_no_job_are_removed(tmp_path: Path) -> None:
    results = Results(tmp_path)
    kept, lost, young = job(attempt=1), job(job_id="f" * 32, attempt=1), job(job_id="e" * 32, attempt=1)
    for one in (kept, lost, young):
        results.sink(one).keep()
    for one in (kept, lost):
        os.utime(results.path(one), (0, 0))
    stray = results.path(lost).with_name("README")
    stray.write_text("not ours")
    os.utime(stray, (0, 0))
    assert results.remove_orphans(lambda names: {kept.job_id} & set(names)) == 1
    assert files(tmp_path) == sorted([results.path(kept).name, results.path(young).name, "README"])
    assert Results(tmp_path / "nothing").remove_orphans(lambda _names: set()) == 0
