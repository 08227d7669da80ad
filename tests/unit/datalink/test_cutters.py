"""Cut-outs in processes of their own: the same bytes, the same errors, and whatever can happen to a process."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from cutouts.interval import Interval
from cutouts.make import make_cut
from cutouts.plan import CutPlan, Limit, NothingThereError
from cutouts.processes.pool import Cutters
from epntap.archive.model import ArchiveFile
from epntap.errors import EpnTapError, ParameterError, ServiceError, UnavailableError
from tests.support.made_files import EVERYTHING, between, rich, seconds, series
from tests.support.processes import children_of, command_of

#: text of some tens of megabytes
MANY = 400_000


def plan_for(path: Path, interval: Interval = EVERYTHING, **changes: Any) -> CutPlan:
    facts = path.stat()
    file = ArchiveFile("made", str(path.parent), path.name, facts.st_size, facts.st_mtime_ns, -(2**62), 2**62, 1)
    limit = Limit(10**12, "is allowed")
    plan = CutPlan("made", (file,), interval, (), "csv", False, "http://localhost", limit)
    return dataclasses.replace(plan, **changes)


@pytest.fixture(scope="module")
def cutters() -> Iterator[Cutters]:
    with closing(Cutters()) as cutters:
        yield cutters


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return series(tmp_path_factory.mktemp("long") / "long.cdf", seconds(*range(MANY)))


def loaders_of(process: psutil.Process) -> list[psutil.Process]:
    """The processes that cut-outs are forked from, of all that this one has started (databases, servers, trackers)."""
    return [child for child in children_of(process.pid) if "cutouts.processes.child" in command_of(child)]


def at_work() -> list[psutil.Process]:
    """The processes that make cut-outs at this moment."""
    return [cutter for loader in loaders_of(psutil.Process()) for cutter in children_of(loader.pid)]


def until_idle() -> None:
    deadline = time.monotonic() + 10
    while at_work():
        assert time.monotonic() < deadline, "a process outlives what it was made for"
        time.sleep(0.02)


@pytest.mark.parametrize("format_name", ["csv", "votable", "votable/b2"])
def test_the_same_bytes_as_made_here(cutters: Cutters, tmp_path: Path, format_name: str) -> None:
    plan = plan_for(rich(tmp_path / "rich.cdf"), between(2, 7), format_name=format_name, parameters=("flux",))
    try:
        here = make_cut(plan)
    except ParameterError:
        pytest.skip(f"{format_name} is not offered")
    assert here is not None
    with closing(here), closing(cutters.cut(plan)) as there:
        assert b"".join(there) == b"".join(here)
        assert (there.file_name, there.media_type, there.length) == (here.file_name, here.media_type, here.length)
        assert there.records == here.records == 5


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"interval": between(100, 200)}, NothingThereError, "has no record in this interval"),
        ({"parameters": ("fluxx",)}, ParameterError, "did you mean flux"),
        ({"format_name": "votabel"}, ParameterError, "Did you mean 'votable'"),
        ({"limit": Limit(10, "the 10 of this test.")}, ParameterError, "bytes, more than the 10 of this test."),
    ],
)
def test_errors_arrive_as_they_are(
    cutters: Cutters, tmp_path: Path, changes: dict[str, Any], error: type[EpnTapError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        cutters.cut(plan_for(rich(tmp_path / "rich.cdf"), **changes))


def test_a_file_that_is_gone_is_missed_by_name(cutters: Cutters, tmp_path: Path) -> None:
    plan = plan_for(rich(tmp_path / "rich.cdf"))
    (tmp_path / "rich.cdf").unlink()
    with pytest.raises(UnavailableError, match=r"rich\.cdf is no longer in the archive") as caught:
        cutters.cut(plan)
    assert caught.value.retry_after_s == 3600


def test_what_nobody_expected_is_in_the_log_that_is_named(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with (
        closing(Cutters(log_file=str(log))) as logging,
        pytest.raises(ServiceError, match="find the reason in the log"),
    ):
        logging.cut("no plan")
    assert "AssertionError" in log.read_text(encoding="utf-8")


def test_a_session_goes_on_after_an_error(cutters: Cutters, tmp_path: Path) -> None:
    path = rich(tmp_path / "rich.cdf")
    with closing(cutters.session()) as session:
        for _ in range(3):
            with pytest.raises(NothingThereError):
                session.cut(plan_for(path, between(100, 200)))
            assert b"".join(session.cut(plan_for(path, parameters=("flux",)))).count(b"\n") == 11


def test_a_process_that_is_killed_is_not_a_short_answer(cutters: Cutters, long: Path) -> None:
    with closing(cutters.cut(plan_for(long))) as answer:
        blocks = iter(answer)
        next(blocks)
        for process in at_work():
            process.send_signal(signal.SIGKILL)
        with pytest.raises(ServiceError, match="has ended unexpectedly"):
            list(blocks)


def test_a_loader_that_is_killed_is_started_again(cutters: Cutters, long: Path) -> None:
    cutters.cut(plan_for(long)).close()
    loaders = loaders_of(psutil.Process())
    assert loaders
    for loader in loaders:
        os.kill(loader.pid, signal.SIGKILL)
        loader.wait(10)
    with closing(cutters.cut(plan_for(long, between(0, 10)))) as answer:
        assert b"".join(answer).count(b"\n") == 11


def test_closing_ends_the_process_whatever_it_does(cutters: Cutters, long: Path) -> None:
    until_idle()
    session = cutters.session()
    failure: list[BaseException] = []
    begun = threading.Event()

    def read() -> None:
        try:
            for _ in session.cut(plan_for(long)):
                begun.set()
        except ServiceError as exc:
            failure.append(exc)

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(20)
    assert at_work()
    session.close()
    reader.join(10)
    assert not reader.is_alive()
    assert failure
    until_idle()


def test_they_give_way_to_the_web_server(cutters: Cutters, long: Path) -> None:
    with closing(cutters.cut(plan_for(long))):
        assert {process.nice() for process in at_work()} == {min(psutil.Process().nice() + 5, 19)}


def test_what_is_forked_from_has_one_thread(cutters: Cutters, tmp_path: Path) -> None:
    with closing(cutters.cut(plan_for(rich(tmp_path / "rich.cdf"), parameters=("flux",)))) as answer:
        assert b"".join(answer)
    assert [loader.num_threads() for loader in loaders_of(psutil.Process())] == [1]
