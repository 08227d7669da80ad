"""What is to be made of one dataset."""

from __future__ import annotations

from dataclasses import dataclass

from epntap.archive.model import ArchiveFile, Dataset
from epntap.epncore.text import clean_granule_uid
from ingest.definition.model import Granule
from ingest.facts import DatasetFacts

__all__ = ["DatasetPlan", "file_uid", "stem"]


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """One dataset and what its rows stand for."""

    facts: DatasetFacts
    #: DAY or MONTH: a row for each of the dataset; FILE: no such rows
    granule: Granule
    #: all files that are held; days and months offer what reaches into them
    files: tuple[ArchiveFile, ...] = ()
    #: those of them that have a row of their own
    single: tuple[ArchiveFile, ...] = ()
    #: only days and months with a file have a row
    held_only: bool = False
    #: files that came, went or changed since the rows were written: the rows that they reach into are modified
    touched: frozenset[ArchiveFile] = frozenset()

    @property
    def dataset(self) -> Dataset:
        """The dataset itself."""
        return self.facts.dataset


def file_uid(file: ArchiveFile) -> str:
    """The granule_uid of a file: its name without suffix, in characters that a granule_uid may have."""
    return clean_granule_uid(stem(file))


def stem(file: ArchiveFile) -> str:
    """The name of the file without folder and extension."""
    return file.path.rpartition("/")[2].rpartition(".")[0]
