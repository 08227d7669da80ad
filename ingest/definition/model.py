"""The definition of a service as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from epntap.archive.model import Dataset
from epntap.catalog.model import Column
from epntap.epncore.rules.all_rules import Severity
from ingest.definition.storage import Storage
from ingest.facts import Value
from ingest.sources.kind import DescriptionKind, FileKind, RowKind
from ingest.sources.source import Granule, Source

__all__ = ["Closing", "DatasetTable", "Definition", "Granule", "Source"]


@dataclass(frozen=True, slots=True)
class Closing:
    """What is said of rights, besides the date of release."""

    #: that have the data in any case; None: not said
    groups: tuple[str, ...] | None = None
    #: whether others see nothing of data that they may not have; None: not said
    hidden: bool | None = None

    def over(self, other: Closing) -> Closing:
        """What is said here, and else there."""
        return Closing(
            other.groups if self.groups is None else self.groups, other.hidden if self.hidden is None else self.hidden
        )


@dataclass(frozen=True, slots=True)
class DatasetTable:
    """What an operator knows of the datasets whose ids match a pattern; it wins over everything else."""

    #: `*`, `?` and `[…]` as in file names
    pattern: str
    #: column -> value in all rows of the datasets
    values: Mapping[str, Value] = field(default_factory=dict)
    title: str | None = None
    description: str | None = None
    closing: Closing = Closing()

    def claims(self, dataset_id: str) -> bool:
        """Whether the table is about a dataset."""
        return fnmatchcase(dataset_id, self.pattern)


@dataclass(frozen=True, slots=True)
class Definition:
    """A service as its definition file declares it."""

    file: Path
    schema: str
    title: str
    sources: tuple[Source, ...]
    description: str | None = None
    publisher: str | None = None
    creator: str | None = None
    reference_url: str | None = None
    #: epn_core column -> value for every row of the service; it wins over what the sources say
    columns: Mapping[str, Value] = field(default_factory=dict)
    #: what is known of single datasets; it wins over `columns`
    datasets: tuple[DatasetTable, ...] = ()
    #: columns of the service's own
    custom: tuple[Column, ...] = ()
    #: datasets that are taken back: their rows and files go, a note stays
    withdrawn: tuple[str, ...] = ()
    #: of all datasets and rows for which nothing else is said
    closing: Closing = Closing()
    #: rule of EPN-TAP -> severity, where it is not the usual one
    severities: Mapping[str, Severity] = field(default_factory=dict)
    storage: Storage = Storage.NARROW

    def closed(self, dataset: Dataset) -> Dataset:
        """A dataset of rows that say by themselves when they are released."""
        return replace(dataset, groups=self.closing.groups or (), hidden=bool(self.closing.hidden))

    @property
    def has_rows(self) -> bool:
        """Whether a source describes each row."""
        return bool(self.row_sources)

    @property
    def has_datasets(self) -> bool:
        """Whether rows are made from what sources say of datasets."""
        return len(self.row_sources) < len(self.sources)

    @property
    def is_narrow(self) -> bool:
        """Whether what the rows of a dataset share is kept once; rows that are told one by one share nothing."""
        return self.storage is Storage.NARROW and not self.has_rows

    @property
    def row_sources(self) -> tuple[tuple[Source, RowKind], ...]:
        """The sources that describe each row, with their kinds, in the order of the file."""
        return tuple((source, kind) for source in self.sources if isinstance(kind := source.kind, RowKind))

    @property
    def description_sources(self) -> tuple[tuple[Source, DescriptionKind], ...]:
        """The sources that describe datasets."""
        return tuple((source, kind) for source in self.sources if isinstance(kind := source.kind, DescriptionKind))

    @property
    def file_sources(self) -> tuple[tuple[Source, FileKind], ...]:
        """The sources of files that belong to datasets."""
        return tuple((source, kind) for source in self.sources if isinstance(kind := source.kind, FileKind))
