"""What becomes of the units of one source: rows that are made, and rows that stay as they are published."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from epntap.errors import DefinitionError
from ingest.by_row.fingerprint import unit_fingerprint
from ingest.by_row.kept import KeptRow, KeptSource, KeptUnit
from ingest.by_row.spool import RowSpool
from ingest.definition.model import Definition, Source
from ingest.facts import Refusal, Remark, RowFacts
from ingest.publish.account import NOT_KEPT, SourceCount
from ingest.sources.kind import RowKind
from ingest.sources.said import RowOfDataset, Unit

__all__ = ["NameTakenError", "SourceRead", "count_files", "nothing_usable", "take"]


@dataclass(slots=True)
class SourceRead:
    """What became of one source."""

    source: Source
    kind: RowKind
    rows: int = 0
    refused: list[Refusal] = field(default_factory=list)
    #: origins of rows that were made and may not be published
    kept_out: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    #: for the next run
    kept: KeptSource = field(default_factory=KeptSource)
    #: units that are as they were, whose rows were not made
    reused: dict[str, KeptUnit] = field(default_factory=dict)

    def mark(self, noticed: Collection[str]) -> None:
        """Have units made again next time of whose rows a rule had something to say."""
        for name, unit in self.kept.units.items():
            if any(row.granule_uid in noticed for row in unit.rows):
                self.kept.units[name] = KeptUnit("", unit.rows)


class NameTakenError(Exception):
    """A row that stays has the granule_uid of one that comes before it."""


def nothing_usable(definition: Definition, read: SourceRead, spool: RowSpool) -> DefinitionError:
    """Says that a source has no row, and why the first has none."""
    reasons = [*read.refused, *spool.refused]
    first = f"; the first refusal: {reasons[0].path}: {reasons[0].reason}" if reasons else ""
    source = read.source
    return DefinitionError(f"{definition.file}: {source.name}: there is no usable row in {source.path}{first}.")


def take(read: SourceRead, spool: RowSpool, one: Unit | Refusal | Remark, before: KeptSource) -> None:
    """Take what a source says; a unit that is as it was `before` is not made again.

    Raises NameTakenError when a row that stays has the granule_uid of one that was made.
    """
    match one:
        case Refusal():
            read.refused.append(one)
        case Remark():
            read.remarks.append(one)
        case Unit():
            fingerprint = unit_fingerprint(one.made_from())
            known = before.units.get(one.name)
            if known is not None and known.fingerprint == fingerprint:
                _reuse(read, spool, one.name, known)
            else:
                _take_rows(read, spool, one, fingerprint)


def _reuse(read: SourceRead, spool: RowSpool, name: str, known: KeptUnit) -> None:
    for row in known.rows:
        if not spool.reserve(row.granule_uid, row.origin):
            raise NameTakenError
    read.reused[name] = read.kept.units[name] = known
    read.rows += len(known.rows)


def _take_rows(read: SourceRead, spool: RowSpool, unit: Unit, fingerprint: str) -> None:
    taken: list[KeptRow] = []
    is_clean = True
    for one in unit.rows():
        match one:
            case Refusal():
                read.refused.append(one)
                is_clean = False
            case Remark():
                read.remarks.append(one)
                is_clean = False
            case RowOfDataset() | RowFacts():
                row, dataset = (one.row, one.dataset) if isinstance(one, RowOfDataset) else (one, None)
                uid = spool.add(row, dataset)
                if uid is None:
                    read.kept_out.append(row.origin)
                    is_clean = False
                else:
                    taken.append(KeptRow(uid, row.origin, row.file.path if row.file else None))
    read.rows += len(taken)
    if read.kind.keeps_units:
        read.kept.units[unit.name] = KeptUnit(fingerprint if is_clean else "", tuple(taken))


def count_files(read: SourceRead) -> SourceCount:
    """Of a tree the files that are rows, or would be, and those that cannot be; a source may be one file."""
    is_file = read.kind.is_file
    refused = () if is_file else (*read.refused, *(Refusal(origin, NOT_KEPT) for origin in read.kept_out))
    indexed = 1 if is_file else read.rows
    return SourceCount(
        source=read.source.name,
        path=str(read.source.path),
        found=indexed + len(refused),
        indexed=indexed,
        refused=refused,
    )
