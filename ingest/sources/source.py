"""One source of a definition, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ingest.sources.keys import Key, Takes

__all__ = ["LOGICAL_SOURCE", "Claim", "FilesPlan", "Granule", "RowPlan", "Source", "SourceKind"]

LOGICAL_SOURCE = "Logical_source:"

#: keys that sources of every kind have
_COMMON_KEYS: Mapping[str, Key] = {
    "kind": Key(Takes.TEXT, "What the source holds", needed=True),
    "path": Key(Takes.RAW_TEXT, "Folder or file of the source; a relative path starts at the folder of the definition"),
}


class Granule(StrEnum):
    """What one row stands for."""

    DAY = "day"
    MONTH = "month"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SourceKind:
    """What a source holds, as far as a definition says it; `kind.py` has the three sorts that there are."""

    #: as definitions call it
    name: str
    #: those that its sources have beside `kind` and `path`
    own_keys: Mapping[str, Key] = field(default_factory=dict)
    #: whether `path` is a file, and not a folder
    is_file: bool = False
    #: option of the command line that stands in for `path`
    option: str = "--archive"

    @property
    def keys(self) -> Mapping[str, Key]:
        """All keys of its [[source]] tables."""
        return {**_COMMON_KEYS, **self.own_keys}

    def __repr__(self) -> str:
        # fingerprints are made of definitions: the addresses of functions may not be in them
        return f"<source kind {self.name}>"


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
class FilesPlan:
    """How files of datasets become known, in sources of such files."""

    claims: tuple[Claim, ...] = ()
    #: the archive at hand may be a part of what the definition describes
    partial: bool = False
    #: whether a file is read in full once, so that a copy with another time is known for what it is
    checksums: bool = True
    #: whether the granule_uid of a file keeps the version in its name, and so changes with it
    versioned_identifiers: bool = False


class RowPlan(Protocol):
    """How rows are made, in sources that describe each of them. Its repr tells it from others."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that rows may have a value in."""
        ...

    @property
    def relative_urls(self) -> frozenset[str]:
        """Columns of addresses that start at the service itself."""
        ...

    @property
    def frames(self) -> frozenset[str]:
        """Values of spatial_frame_type in its rows, as far as they are known before; one that is not is empty."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """One `[[source]]` table; `name` is how messages call it."""

    kind: SourceKind
    name: str
    #: absolute, and it exists
    path: Path
    granule: Granule
    #: in sources of files that belong to datasets
    files: FilesPlan = FilesPlan()
    #: in sources that describe each row
    rows: RowPlan | None = None
