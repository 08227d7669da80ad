"""The folder of pictures stays within its bound, loses the oldest first, and fails nobody."""

from __future__ import annotations

import os
from pathlib import Path

from epntap.answer.kept import KeptFiles


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_folder_never_grows_beyond_its_bound(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 100_000)
    for number in range(300):
        kept.put(f"{number:032x}", bytes(3000))
        assert size_of(tmp_path) <= 100_000
    assert size_of(tmp_path) > 50_000


def test_the_oldest_go_and_what_was_asked_for_lately_stays(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 100_000)
    keys = [f"{number:032x}" for number in range(30)]
    for age, key in enumerate(keys):
        kept.put(key, bytes(3000))
        os.utime(tmp_path / key[:2] / key, (1_000_000 + age, 1_000_000 + age))
    assert kept.get(keys[0]) == bytes(3000)
    for number in range(30, 40):
        kept.put(f"{number:032x}", bytes(3000))
    assert kept.get(keys[0]) is not None
    assert kept.get(keys[1]) is None


def test_without_room_nothing_is_kept(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 0)
    kept.put("a" * 32, b"picture")
    assert kept.get("a" * 32) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptFiles(tmp_path / "file", 100_000)
    kept.put("a" * 32, b"picture")
    assert kept.get("a" * 32) is None
