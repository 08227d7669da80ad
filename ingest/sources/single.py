"""A source that is one file with many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from epntap.archive.model import ScannedFile
from ingest.files.scan import ChecksumLook, Scanner
from ingest.progress import Progress
from ingest.sources.said import Said, Unit

__all__ = ["SingleFile", "looked_at"]


@dataclass(frozen=True, slots=True)
class SingleFile:
    """A file that has not been opened yet, if it is as it was (RowSource)."""

    scanned: ScannedFile
    name: str
    #: its rows in their order, told how to advance; one that cannot be used is a Refusal with its place. Raises
    #: UnreadableFileError for a file that cannot be read, or lacks a column that the plan names
    rows: Callable[[Callable[[int], None]], Iterator[Said]]

    @property
    def steps(self) -> int | None:
        """Of `rows`: nobody knows how many there are before all are read."""
        return None

    @property
    def contents(self) -> tuple[object, ...]:
        """All that the rows depend on."""
        return (self.scanned,)

    @property
    def tree(self) -> None:
        """A file is not in a tree."""
        return None

    def told(self, advance: Callable[[int], None], met: set[str]) -> Iterator[Unit]:  # noqa: ARG002  # `rows` asks
        """The file, as a whole."""
        yield Unit(self.name, lambda: self.scanned, partial(self.rows, advance))


def looked_at(path: Path, scanner: Scanner, progress: Progress) -> ScannedFile:
    """The file with its checksum, which tells whether it has changed since it was last seen."""
    progress.stage(f"looking at {path.name}")
    return scanner.scan(path.parent, [path.name], look=ChecksumLook(), advance=progress.advance)[path.name]
