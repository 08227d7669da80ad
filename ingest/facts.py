"""What readers say about an archive before it becomes granules. Plain data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from epntap.archive.model import ArchiveFile, Dataset

__all__ = ["DatasetFacts", "Refusal", "RefusedRows", "Remark", "RowFacts", "Value"]

#: value of one epn_core column
Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """A dataset, and the epn_core values that all its granules share."""

    dataset: Dataset
    #: epn_core column name -> value; a column that is absent is NULL
    values: Mapping[str, Value]
    #: where the facts come from, for reports: a path below the source folder
    origin: str = ""
    #: columns whose value nothing says: it was assumed
    guessed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file or record that is left out, and why: a result, not a failure of the run."""

    #: path below the source folder
    path: str
    reason: str
    #: rows that there would be without it
    granules: int = 0


@dataclass(frozen=True, slots=True)
class RowFacts:
    """One granule, from a source that describes each of them."""

    #: column name -> value; a column that is absent is NULL
    values: Mapping[str, Value]
    #: where the row comes from, for reports: a path below the source folder, or a file and a row in it
    origin: str = ""
    #: the file that the row offers, if the source holds it
    file: ArchiveFile | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that an operator should know although nothing is left out for it."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class RefusedRows:
    """A dataset or file whose rows are left out."""

    path: str
    reason: str
    rows: int
    #: set aside, not dropped
    quarantined: bool = False
