"""The definition of a service as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from epntap.catalog.model import Column
from epntap.epncore.rules.all_rules import Severity
from ingest.definition.kinds import ROW_KINDS, Granule, SourceKind
from ingest.definition.row_plans import RowPlan
from ingest.facts import Value

__all__ = ["LOGICAL_SOURCE", "ROW_KINDS", "Claim", "DatasetTable", "Definition", "Granule", "Source", "SourceKind"]


LOGICAL_SOURCE = "Logical_source:"


@dataclass(frozen=True, slots=True)
class Claim:
    """One pattern by which a dataset claims files."""

    dataset_id: str
    pattern: str

    @property
    def logical_source(self) -> str | None:
        """The Logical_source that is claimed, or None when the pattern is a glob."""
        return self.pattern.removeprefix(LOGICAL_SOURCE) if self.pattern.startswith(LOGICAL_SOURCE) else None


@dataclass(frozen=True, slots=True)
class Source:
    """One `[[source]]` table; `name` is how messages call it."""

    kind: SourceKind
    name: str
    #: absolute, and it exists
    path: Path
    granule: Granule
    claims: tuple[Claim, ...] = ()
    #: the archive at hand may be a part of what the definition describes
    partial: bool = False
    #: whether a file is read in full once, so that a copy with another time is known for what it is
    checksums: bool = True
    #: whether the granule_uid of a file keeps the version in its name, and so changes with it
    versioned_identifiers: bool = False
    #: how rows are made, in sources that describe each of them
    plan: RowPlan | None = None


@dataclass(frozen=True, slots=True)
class DatasetTable:
    """What an operator knows of the datasets whose ids match a pattern; it wins over everything else."""

    #: `*`, `?` and `[…]` as in file names
    pattern: str
    #: column -> value in all rows of the datasets
    values: Mapping[str, Value] = field(default_factory=dict)
    title: str | None = None
    description: str | None = None

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
    #: rule of EPN-TAP -> severity, where it is not the usual one
    severities: Mapping[str, Severity] = field(default_factory=dict)

    @property
    def has_rows(self) -> bool:
        """Whether the sources describe each row, and not datasets."""
        return any(source.kind in ROW_KINDS for source in self.sources)

    def sources_of(self, kind: SourceKind) -> tuple[Source, ...]:
        """The sources of one kind, in the order of the file."""
        return tuple(source for source in self.sources if source.kind is kind)
