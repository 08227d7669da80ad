"""The three sorts of kinds: sources describe rows, or datasets, or hold files of datasets.

A kind is one value of one of these classes, with its keys and what reads it, in a module of `ingest/kinds`, and a
line in `ingest/kinds/all_kinds.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from epntap.catalog.model import Column
from epntap.epncore import columns as epn_columns
from epntap.errors import DefinitionError, UnreadableFileError
from epntap.strict import StrictTable
from ingest.facts import DatasetFacts, Refusal
from ingest.files.scan import Peek, Scanner
from ingest.files.walk import Tree
from ingest.progress import Progress, Silent
from ingest.sources.keys import Key, Takes
from ingest.sources.said import Holdings, RowSource, Said, Unit
from ingest.sources.source import FilesPlan, Granule, RowPlan, Source, SourceKind

__all__ = ["CHECKSUMS", "GRANULE", "DescriptionKind", "FileKind", "RowKind"]

#: keys that several kinds have
GRANULE = Key(Takes.CHOICE, "What one row stands for", tuple(Granule))
CHECKSUMS = Key(Takes.FLAG, "Read each file in full once, so that a copy with another time is known for what it is")


class OpensRows(Protocol):
    """Looks into the files of a source, those that have moved since they were last seen."""

    def __call__(
        self,
        path: Path,
        plan: Any,  # that of the kind
        columns: Mapping[str, Column],
        schema: str,
        scanner: Scanner,
        progress: Progress,
        /,
    ) -> RowSource:
        """The source, for a table of these columns. Raises DefinitionError when it does not fit its plan as a whole."""
        ...


class ReadsFiles(Protocol):
    """Finds the files of a source that count, and the datasets to which they belong."""

    def __call__(
        self,
        definition_file: Path,
        source: Source,
        tree: Tree,
        scanner: Scanner,
        advance: Callable[[int], None],
        *,
        may_be_empty: bool = False,
    ) -> Holdings:
        """What it holds; `advance` is told about each file. Raises DefinitionError if patterns do not fit the tree."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RowKind(SourceKind):
    """Sources that describe each row."""

    #: what a source declares, from its table and the columns of the service's own; raises the table's error
    read_plan: Callable[[StrictTable, Mapping[str, Column]], RowPlan]
    look: OpensRows
    #: columns that rows have beside those of EPN-TAP and of the definition
    own_columns: tuple[Column, ...] = ()
    #: whether each row is of a dataset that its source describes; all others are of one, the service itself
    makes_datasets: bool = False
    #: whether units are kept for the next ingestion, which makes the rows of those anew that have moved
    keeps_units: bool = False

    def open(
        self,
        path: Path,
        plan: RowPlan,
        columns: Mapping[str, Column],
        schema: str,
        scanner: Scanner,
        progress: Progress,
    ) -> RowSource:
        """Look into a source; `columns` are those of the table its rows go to."""
        known = {column.name: column for column in epn_columns.COLUMNS} | dict(columns)
        return self.look(path, plan, known, schema, scanner, progress)

    def read(self, path: Path, plan: RowPlan, columns: Mapping[str, Column], schema: str) -> Iterator[Said]:
        """The rows of a source as they come, each file being opened when it is its turn.

        Raises DefinitionError when the source as a whole does not fit its plan.
        """
        try:
            opened = self.open(path, plan, columns, schema, Peek(), Silent())
            for one in opened.told(lambda _steps: None, set()):
                if isinstance(one, Unit):
                    yield from one.rows()
                else:
                    yield one
        except UnreadableFileError as exc:
            raise DefinitionError(f"{path}: {exc}.") from exc


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DescriptionKind(SourceKind):
    """Sources that describe datasets."""

    #: what a row stands for unless the source says it
    granule: Granule
    #: what a folder must hold one of
    wanted: str
    #: datasets that are described below a folder, as they are today (UTC), and what cannot be used
    read: Callable[[Path, date], Iterator[DatasetFacts | Refusal]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FileKind(SourceKind):
    """Sources of files that belong to datasets."""

    #: what a row stands for unless the source says it
    granule: Granule
    #: what a source declares, from its table and the values of its keys; raises the table's error
    read_plan: Callable[[StrictTable, Mapping[str, Any]], FilesPlan]
    walk: Callable[[Path], Tree]
    read: ReadsFiles
    #: facts of datasets that have files of this kind but are not described
    describe: Callable[[Iterable[Holdings], Collection[str], Scanner], Iterator[DatasetFacts | Refusal]]
