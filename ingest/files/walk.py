"""The files below a folder, in a fixed order, and what was left out on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.facts import Refusal
from ingest.files.shelf import Texts

__all__ = ["SUFFIX", "UNREADABLE_FOLDER", "Tree", "walk_tree"]

#: of names of CDF files, in any case
SUFFIX = ".cdf"
#: how the reason of a refusal begins when nobody knows what a folder holds
UNREADABLE_FOLDER = "the folder cannot be read"


@dataclass(frozen=True, slots=True)
class Tree:
    """What a folder holds; paths are relative to it, with forward slashes, sorted."""

    root: Path
    files: Sequence[str]
    refusals: tuple[Refusal, ...] = ()


def is_cdf(name: str) -> bool:
    """Whether a file name ends in .cdf, in any case."""
    return name.lower().endswith(SUFFIX)


def walk_tree(root: Path, counts: Callable[[str], bool] = is_cdf) -> Tree:
    """All files below `root` whose names count: `*.cdf`, whatever the case of the suffix, unless another test is given.

    Hidden folders are passed over. A link to something inside `root` stands for what it points to, which is found at
    its own place; a link that leaves `root` is not followed but reported, as is a folder that cannot be read.
    """
    walker = _Walker(root, counts)
    files = Texts(walker.files(root, ""))
    return Tree(root, files, tuple(sorted(walker.refusals, key=lambda refusal: refusal.path)))


class _Walker:
    def __init__(self, root: Path, counts: Callable[[str], bool]) -> None:
        self._real_root = root.resolve()
        self._counts = counts
        self.refusals: list[Refusal] = []

    def files(self, folder: Path, prefix: str) -> Iterator[str]:
        """Paths in their order: what is in a folder comes where its name with a slash does."""
        pending = [iter(self._entries(folder, prefix))]  # not by recursion: folders may be a thousand deep
        while pending:
            found = next(pending[-1], None)
            if found is None:
                pending.pop()
                continue
            entry, relative = found
            if relative.endswith("/"):
                pending.append(iter(self._entries(Path(entry.path), relative)))
            elif entry.is_symlink():
                if self._link_counts(entry, relative) and self._name_can_be_kept(relative):
                    yield relative
            elif self._counts(entry.name) and entry.is_file(follow_symlinks=False) and self._name_can_be_kept(relative):
                yield relative

    def _entries(self, folder: Path, prefix: str) -> list[tuple[os.DirEntry[str], str]]:
        """What is in a folder, in the order of the paths; folders end with a slash, hidden ones are left out."""
        try:
            with os.scandir(folder) as entries:
                found = [
                    (entry, f"{prefix}{entry.name}/" if entry.is_dir(follow_symlinks=False) else prefix + entry.name)
                    for entry in entries
                ]
        except OSError as exc:
            self._refuse(prefix.rstrip("/") or ".", f"{UNREADABLE_FOLDER}: {exc.strerror}")
            return []
        kept = (one for one in found if not (one[1].endswith("/") and one[0].name.startswith(".")))
        return sorted(kept, key=lambda one: one[1])

    def _link_counts(self, entry: os.DirEntry[str], relative: str) -> bool:
        """Whether a link is a file of its own: only when its target would not be found by itself."""
        target = Path(os.path.realpath(entry.path))  # Path.resolve raises for links that lead to themselves
        if not target.exists():
            if self._counts(entry.name):
                self._refuse(relative, "the link points to nothing")
            return False
        if not target.is_relative_to(self._real_root):
            if target.is_dir() or self._counts(entry.name):
                self._refuse(relative, "the link leaves the folder of the source and is not followed")
            return False
        return self._counts(entry.name) and target.is_file() and not self._is_walked(target)

    def _is_walked(self, target: Path) -> bool:
        below = target.relative_to(self._real_root)
        return self._counts(target.name) and not any(part.startswith(".") for part in below.parts[:-1])

    def _name_can_be_kept(self, relative: str) -> bool:
        try:
            relative.encode("utf-8")
        except UnicodeEncodeError:
            self._refuse(relative, "the name is not valid UTF-8")
            return False
        return True

    def _refuse(self, path: str, reason: str) -> None:
        self.refusals.append(Refusal(path.encode("utf-8", "replace").decode("utf-8"), reason))
