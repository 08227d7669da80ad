"""Walking a tree: every file once, in order, and nothing outside."""

from __future__ import annotations

import os
from pathlib import Path

from ingest.files.walk import walk_tree


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_files_come_sorted_by_path(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.cdf", "a/1.CDF", "a/notes.txt", "c.cdf", "a.cdf", ".hidden/x.cdf", "cdf/readme")
    assert walk_tree(tmp_path).files == ("a.cdf", "a/1.CDF", "b/2.cdf", "c.cdf")


def test_a_link_that_leaves_the_folder_is_reported(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    touch(outside, "x.cdf", "sub/y.cdf")
    touch(root, "z.cdf")
    (root / "file.cdf").symlink_to(outside / "x.cdf")
    (root / "folder").symlink_to(outside / "sub")
    (root / "up").symlink_to(tmp_path)
    (root / "notes.txt").symlink_to(outside / "x.cdf")
    tree = walk_tree(root)
    assert tree.files == ("z.cdf",)
    assert [refusal.path for refusal in tree.refusals] == ["file.cdf", "folder", "up"]
    assert all("leaves the folder" in refusal.reason for refusal in tree.refusals)


def test_a_link_inside_the_folder_does_not_double_a_file(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.cdf", "store/content")
    (tmp_path / "latest.cdf").symlink_to(tmp_path / "a/1.cdf")
    (tmp_path / "again").symlink_to(tmp_path / "a")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "kept.cdf").symlink_to(tmp_path / "store/content")
    tree = walk_tree(tmp_path)
    assert tree.files == ("a/1.cdf", "kept.cdf")
    assert tree.refusals == ()


def test_a_link_to_nothing_is_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.cdf").symlink_to(tmp_path / "nothing")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing")
    assert [(one.path, one.reason) for one in walk_tree(tmp_path).refusals] == [
        ("gone.cdf", "the link points to nothing")
    ]


def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    tree = walk_tree(tmp_path / "unmounted")
    assert tree.files == ()
    assert tree.refusals[0].path == "."
    assert "cannot be read" in tree.refusals[0].reason


def test_a_name_that_no_database_can_keep_is_reported(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.cdf")).touch()
    tree = walk_tree(tmp_path)
    assert tree.files == ()
    assert "UTF-8" in tree.refusals[0].reason


def test_what_is_no_plain_file_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.cdf")
    (tmp_path / "folder.cdf").mkdir()
    touch(tmp_path, "folder.cdf/1.cdf")
    assert walk_tree(tmp_path).files == ("folder.cdf/1.cdf",)
