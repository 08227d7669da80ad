"""The CDF files below a folder, in a fixed order, and what was left out on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.facts import Refusal

__all__ = ["Tree", "walk_tree"]

SUFFIX = ".cdf"


@dataclass(frozen=True, slots=True)
class Tree:
    """What a folder holds; paths are relative to it, with forward slashes, sorted."""

    root: Path
    files: tuple[str, ...]
    refusals: tuple[Refusal, ...] = ()


def walk_tree(root: Path) -> Tree:
    """All `*.cdf` files below `root`, whatever the case of the suffix.

    Hidden folders are passed over. A link to something inside `root` stands for what it points to, which is found at
    its own place; a link that leaves `root` is not followed but reported, as is a folder that cannot be read.
    """
    walker = _Walker(root)
    files = sorted(walker.files(root, ""))
    return Tree(root, tuple(files), tuple(sorted(walker.refusals, key=lambda refusal: refusal.path)))


class _Walker:
    def __init__(self, root: Path) -> None:
        self._real_root = root.resolve()
        self.refusals: list[Refusal] = []

    def files(self, folder: Path, prefix: str) -> Iterator[str]:
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as exc:
            self._refuse(prefix.rstrip("/") or ".", f"the folder cannot be read: {exc.strerror}")
            return
        for entry in found:
            relative = prefix + entry.name
            if entry.is_symlink():
                if self._link_counts(entry, relative):
                    yield relative
            elif entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith("."):
                    yield from self.files(folder / entry.name, relative + "/")
            elif _is_cdf(entry.name) and entry.is_file(follow_symlinks=False) and self._name_can_be_kept(relative):
                yield relative

    def _link_counts(self, entry: os.DirEntry[str], relative: str) -> bool:
        """Whether a link is a file of its own: only when its target would not be found by itself."""
        target = Path(entry.path).resolve()
        if not target.exists():
            if _is_cdf(entry.name):
                self._refuse(relative, "the link points to nothing")
            return False
        if not target.is_relative_to(self._real_root):
            if target.is_dir() or _is_cdf(entry.name):
                self._refuse(relative, "the link leaves the folder of the source and is not followed")
            return False
        return _is_cdf(entry.name) and target.is_file() and not self._is_walked(target)

    def _is_walked(self, target: Path) -> bool:
        below = target.relative_to(self._real_root)
        return _is_cdf(target.name) and not any(part.startswith(".") for part in below.parts[:-1])

    def _name_can_be_kept(self, relative: str) -> bool:
        try:
            relative.encode("utf-8")
        except UnicodeEncodeError:
            self._refuse(relative, "the name is not valid UTF-8")
            return False
        return True

    def _refuse(self, path: str, reason: str) -> None:
        self.refusals.append(Refusal(path.encode("utf-8", "replace").decode("utf-8"), reason))


def _is_cdf(name: str) -> bool:
    return name.lower().endswith(SUFFIX)
