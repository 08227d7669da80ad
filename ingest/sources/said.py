"""What sources say: rows in units that are read again when something moves, or files of datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from epntap.archive.model import ArchiveFile, Dataset
from ingest.facts import Refusal, Remark, RowFacts
from ingest.files.walk import Tree
from ingest.sources.source import Source

__all__ = ["Holdings", "RowOfDataset", "RowSource", "Said", "Superseded", "Unit"]


# -- sources that describe each row -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowOfDataset:
    """A row that is a dataset of its own, by which cut-outs of its file go."""

    row: RowFacts
    dataset: Dataset


#: what a source says, one after the other
Said = RowFacts | RowOfDataset | Refusal | Remark


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest part of a source that is read again when something moves.

    A label, an observation, a run or a table: its rows depend on it alone, the definition apart.
    """

    #: told from others of its source by this
    name: str
    #: all that the rows depend on; its repr tells it from others
    made_from: Callable[[], object]
    #: can be called again; raises UnreadableFileError
    rows: Callable[[], Iterator[Said]]


class RowSource(Protocol):
    """A source whose files have been looked into, so that it is known what has moved."""

    @property
    def contents(self) -> tuple[object, ...]:
        """All that the rows and the refusals depend on, the definition apart; its repr tells it from others."""
        ...

    @property
    def steps(self) -> int | None:
        """How far `told` will advance, where that is known."""
        ...

    @property
    def tree(self) -> Tree | None:
        """What was walked through, where it is more than a file."""
        ...

    def told(self, advance: Callable[[int], None], met: set[str]) -> Iterator[Unit | Refusal | Remark]:
        """The units of the source, and what there is to say beside them. Can be called again.

        `met` are fields of rules that are known to be there; those that are found are added.
        """
        ...


# -- sources of files that belong to datasets -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Superseded:
    """A file that is left out because a newer version of it is there."""

    path: str
    by: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a source of files holds. found = files + superseded + unclaimed + refused files."""

    source: Source
    found: int
    #: those that count, by path
    files: Sequence[ArchiveFile]
    superseded: tuple[Superseded, ...] = ()
    unclaimed: tuple[str, ...] = ()
    #: files that cannot be used
    refused: tuple[Refusal, ...] = ()
    #: folders and links that were not entered
    not_walked: tuple[Refusal, ...] = ()
    #: patterns of a `partial` source that claim nothing, as `dataset = pattern`
    idle_claims: tuple[str, ...] = ()
