"""Looking into files: what is remembered, and what happens when a file takes the process along."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import pytest

from epntap.archive.model import ScannedFile
from epntap.errors import UnreadableFileError
from ingest.files import scan
from ingest.files.scan import Forgetful, Reading, Scanner
from tests.support.archives import Remembered, cdf


def forgetful(jobs: int = 1) -> Scanner:
    return Scanner(Forgetful(), jobs=jobs)


def test_what_is_found_is_written_down_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "REMEMBER_EVERY", 2)
    for number in range(5):
        cdf(tmp_path / f"{number}.cdf", f"2001-01-0{number + 1}T00:00:00")
    memory = Remembered()
    paths = [f"{number}.cdf" for number in range(5)]
    Scanner(memory, jobs=1).scan(tmp_path, paths, advance=lambda _steps: None)
    assert memory.written == [2, 2, 1]


def test_a_file_that_vanishes_between_walk_and_scan_is_refused(tmp_path: Path) -> None:
    scanner = forgetful()
    found = scanner.scan(tmp_path, ["gone.cdf"], advance=lambda _steps: None)
    assert found["gone.cdf"].refusal == "gone.cdf cannot be opened: no such file or directory"


def test_what_nobody_asks_for_any_more_is_forgotten(tmp_path: Path) -> None:
    root = str(tmp_path)
    scanner = Scanner(Remembered([ScannedFile(root, name, 1, 1) for name in ("a.cdf", "b.cdf")]), jobs=1)
    scanner.scan(tmp_path, ["a.cdf"], advance=lambda _steps: None)
    assert scanner.seen.are_there([(root, "a.cdf"), (root, "b.cdf"), ("/elsewhere", "a.cdf")]) == [True, False, False]


@dataclass(frozen=True)
class OddLook:
    """Stands in for a reader that does what the name of the file says."""

    edition: str = "odd"

    def __call__(self, path: Path, relative: str, /) -> Reading:
        match path.stem:
            case "deadly":
                os._exit(3)
            case "stumbles":
                raise KeyError("no such thing")
            case "silent":
                raise MemoryError
            case "hangs":
                while True:
                    time.sleep(0.01)
            case "holds":  # the interpreter, in one call that never ends
                deque(repeat(0), maxlen=0)
            case "damaged":
                raise UnreadableFileError("damaged.cdf is damaged")
        return Reading(logical_source=relative)


REASONS = {
    "damaged.cdf": "damaged.cdf is damaged",
    "deadly.cdf": "reading it ends the process that reads: by a crash, for want of memory or because it takes too long",
    "hangs.cdf": "hangs.cdf takes more than 0.5 s to read",
    "holds.cdf": "reading it ends the process that reads: by a crash, for want of memory or because it takes too long",
    "silent.cdf": "silent.cdf cannot be read: the reader stumbles over it (MemoryError)",
    "stumbles.cdf": "stumbles.cdf cannot be read: the reader stumbles over it (KeyError: 'no such thing')",
}


#: those that only another process can be asked to read
DEADLY = {"deadly.cdf", "holds.cdf"}


@pytest.mark.parametrize(("jobs", "names"), [(1, sorted(set(REASONS) - DEADLY)), (2, sorted(REASONS))])
def test_what_a_reader_does_not_survive_refuses_one_file_with_the_reason(
    tmp_path: Path, jobs: int, names: list[str]
) -> None:
    paths = [*names, *(f"{number}.cdf" for number in range(scan.FEWEST_FOR_PROCESSES))]
    for path in paths:
        (tmp_path / path).write_bytes(b"")
    memory = Remembered()
    steps: list[int] = []
    scanner = Scanner(memory, jobs=jobs, longest=0.5)
    found = scanner.scan(tmp_path, paths, look=OddLook(), advance=steps.append)
    assert sum(steps) == len(found) == len(paths)
    assert {path: one.refusal for path, one in found.items() if one.refusal} == {name: REASONS[name] for name in names}
    assert {path for _, path in memory.files} == set(paths)
    again = Scanner(memory, jobs=1)
    survived = [path for path in paths if path not in {"hangs.cdf", *DEADLY}]
    again.scan(tmp_path, survived, advance=print, look=OddLook())
    assert again.opened == 2  # a file that is damaged stays so, what the reader stumbled over may not


def test_an_alarm_that_somebody_else_has_set_still_rings(tmp_path: Path) -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_args: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        forgetful().scan(tmp_path, [], look=OddLook(), advance=lambda _steps: None)
        (tmp_path / "1.cdf").write_bytes(b"")
        forgetful().scan(tmp_path, ["1.cdf"], look=OddLook(), advance=lambda _steps: None)
        for _ in range(200):
            if rung:
                break
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung == [1]


def test_the_name_of_a_source_is_one_line(tmp_path: Path) -> None:
    path = cdf(tmp_path / "a_20010102_v01.cdf", "2001-01-02T00:00:00", logical_source="syn\nmag\x1b[2J")
    assert scan.CdfLook()(path, path.name).logical_source == "syn mag [2J"
