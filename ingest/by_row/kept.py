"""What an ingestion keeps of the rows that it made, so that the next one makes only those that have moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from epntap.archive.memory import RowState
from ingest.facts import RefusedRows, Remark
from ingest.findings import Finding
from ingest.publish.account import Account, SourceCount

__all__ = ["Kept", "KeptRow", "KeptSource", "KeptUnit", "account_of"]

#: of a report that says more than so many things, nothing is kept for the next run, which makes all rows again
_MOST_SAID = 10_000


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row that is published."""

    granule_uid: str
    origin: str
    #: path of the file that it offers, below the folder of its source
    path: str | None


@dataclass(frozen=True, slots=True)
class KeptUnit:
    """A unit and its rows."""

    #: empty when there was more to say of the unit than its rows: it is made each time
    fingerprint: str
    rows: tuple[KeptRow, ...]


@dataclass(slots=True)
class KeptSource:
    """What became of one source."""

    units: dict[str, KeptUnit] = field(default_factory=dict)
    #: fields of rules that some label had
    met: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of all sources; the fingerprint is that of what all rows depend on."""

    rules: str = ""
    sources: tuple[KeptSource, ...] = ()

    @property
    def units(self) -> Iterator[KeptUnit]:
        """Those of all sources."""
        return (unit for source in self.sources for unit in source.units.values())

    def to_state(self, fingerprint: str, rows: int, account: Account) -> RowState | None:
        """What the next run needs, or None when that is too much to keep."""
        said = sum(len(one.refused) for one in account.sources) + len(account.refused_rows) + len(account.remarks)
        if said > _MOST_SAID:
            return None
        document = {
            "account": {**asdict(account), "findings": [one.to_json() for one in account.findings]},
            "rules": self.rules,
            "sources": [_source_to_json(one) for one in self.sources],
        }
        return RowState(fingerprint, rows, document)

    @classmethod
    def from_state(cls, state: RowState) -> Self:
        """What was kept when the state was written."""
        said = state.said
        return cls(said.get("rules", ""), tuple(map(_source_from_json, said.get("sources", ()))))


def account_of(state: RowState) -> Account:
    """What was said when the state was written."""
    said = state.said["account"]
    return Account(
        datasets=said["datasets"],
        refused_rows=tuple(RefusedRows(**one) for one in said["refused_rows"]),
        sources=tuple(SourceCount.from_json(one) for one in said["sources"]),
        remarks=tuple(Remark(**one) for one in said["remarks"]),
        findings=tuple(Finding.from_json(one) for one in said["findings"]),
        empty=said["empty"],
    )


def _source_to_json(source: KeptSource) -> Mapping[str, Any]:
    units = {
        name: [unit.fingerprint, [[row.granule_uid, row.origin, row.path] for row in unit.rows]]
        for name, unit in source.units.items()
    }
    return {"units": units, "met": sorted(source.met)}


def _source_from_json(document: Mapping[str, Any]) -> KeptSource:
    def rows(kept: Iterable[Sequence[Any]]) -> tuple[KeptRow, ...]:
        return tuple(KeptRow(*one) for one in kept)

    units = {name: KeptUnit(fingerprint, rows(kept)) for name, (fingerprint, kept) in document["units"].items()}
    return KeptSource(units, set(document["met"]))
