"""Looking into files: what is remembered, and what happens when a file takes the process along."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from epntap.archive.model import ScannedFile
from ingest.files import scan
from ingest.files.scan import Scanner
from tests.support.archives import cdf

DEADLY = "deadly.cdf"


def look_unless_deadly(order: scan._Order) -> ScannedFile:
    """Stands in for the reader: one file ends the process, as a crash in a library would."""
    if order.path.endswith(DEADLY):
        os._exit(3)
    return ScannedFile(order.root, order.path, 1, 1)


def look_at_batch(orders: Sequence[scan._Order]) -> list[ScannedFile]:
    return [look_unless_deadly(order) for order in orders]


def test_a_file_that_ends_the_process_is_refused_and_its_neighbours_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "_look_into_all", look_at_batch)
    monkeypatch.setattr(scan, "BATCH", 16)
    paths = [f"{number}.cdf" for number in range(60)]
    paths[7:7] = [f"a/{DEADLY}", f"b/{DEADLY}"]
    steps: list[int] = []
    found = Scanner({}, lambda _files: None, jobs=2).scan(tmp_path, paths, advance=steps.append)
    refused = [path for path, one in found.items() if one.refusal]
    assert sorted(refused) == [f"a/{DEADLY}", f"b/{DEADLY}"]
    assert sum(steps) == len(found) == 62


def test_what_is_found_is_written_down_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "REMEMBER_EVERY", 2)
    for number in range(5):
        cdf(tmp_path / f"{number}.cdf", f"2001-01-0{number + 1}T00:00:00")
    written: list[int] = []
    Scanner({}, lambda files: written.append(len(files)), jobs=1).scan(
        tmp_path, [f"{number}.cdf" for number in range(5)], advance=lambda _steps: None
    )
    assert written == [2, 2, 1]


def test_a_file_that_vanishes_between_walk_and_scan_is_refused(tmp_path: Path) -> None:
    scanner = Scanner({}, lambda _files: None, jobs=1)
    found = scanner.scan(tmp_path, ["gone.cdf"], advance=lambda _steps: None)
    assert found["gone.cdf"].refusal == "gone.cdf cannot be opened: no such file or directory"


def test_what_nobody_asks_for_any_more_is_forgotten(tmp_path: Path) -> None:
    root = str(tmp_path)
    memory = {(root, name): ScannedFile(root, name, 1, 1) for name in ("a.cdf", "b.cdf")}
    scanner = Scanner(memory, lambda _files: None, jobs=1)
    scanner.scan(tmp_path, ["a.cdf"], advance=lambda _steps: None)
    assert scanner.forgotten() == [(root, "b.cdf")]
