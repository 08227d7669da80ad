"""What is to be made of one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from epntap.archive.model import ArchiveFile, Dataset
from ingest.definition.model import Granule
from ingest.facts import DatasetFacts
from ingest.files.shelf import chosen

__all__ = ["DatasetPlan"]


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """One dataset and what its rows stand for."""

    facts: DatasetFacts
    #: DAY or MONTH: a row for each of the dataset; FILE: no such rows
    granule: Granule
    #: all files that are held; days and months offer what reaches into them
    files: Sequence[ArchiveFile] = ()
    #: those of them that have a row of their own
    single: Sequence[ArchiveFile] = ()
    #: only days and months with a file have a row
    held_only: bool = False
    #: files that came, went or changed since the rows were written: the rows that they reach into are modified
    touched: frozenset[ArchiveFile] = frozenset()

    @property
    def dataset(self) -> Dataset:
        """The dataset itself."""
        return self.facts.dataset

    @property
    def is_drawable(self) -> bool:
        """Whether files have something measured along time; those of which that is not known count as having it."""
        return any("\t" in file.layout or not file.layout for file in self.files)

    @property
    def shared(self) -> Sequence[ArchiveFile]:
        """Files without a row of their own."""
        if len(self.single) == len(self.files):
            return ()
        alone = {(file.root, file.path) for file in self.single}
        return chosen(self.files, lambda file: (file.root, file.path) not in alone)
