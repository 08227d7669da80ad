"""What an ingestion did: numbers that add up, and everything that was left out with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from epntap.archive.model import ArchiveFile
from ingest.by_dataset.sources.holdings import Holdings
from ingest.facts import Refusal, RefusedRows, Remark
from ingest.findings import Finding, by_weight
from ingest.publish.copy import Merged
from ingest.validation.report import finding_lines

__all__ = ["GranuleCount", "Report", "SourceCount"]

#: lines of one kind in the text form; the JSON form has them all
LONGEST_LIST = 10

NOT_KEPT = "its granule or its dataset is refused, for the reason given there"


@dataclass(frozen=True, slots=True)
class GranuleCount:
    """Rows of epn_core. seen = loaded + unchanged + refused + quarantined.

    Deleted rows were there before and are not seen.
    """

    seen: int
    inserted: int
    updated: int
    unchanged: int
    refused: int
    deleted: int
    #: kept out until somebody has looked at them (archive.quarantine)
    quarantined: int = 0

    @classmethod
    def of(cls, merged: Merged, refused: int, quarantined: int = 0) -> GranuleCount:
        """The count after a merge from which so many rows were kept away."""
        seen = merged.inserted + merged.updated + merged.unchanged + refused + quarantined
        return cls(seen, merged.inserted, merged.updated, merged.unchanged, refused, merged.deleted, quarantined)

    @classmethod
    def after(cls, merged: Merged, kept_away: Iterable[RefusedRows], refused: int = 0) -> GranuleCount:
        """The count after a merge of all but these; `refused` are others that were never made."""
        rows = {True: 0, False: refused}
        for one in kept_away:
            rows[one.quarantined] += one.rows
        return cls.of(merged, rows[False], rows[True])

    @property
    def loaded(self) -> int:
        """Rows that were written."""
        return self.inserted + self.updated


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Files of one source. found = indexed + superseded + unclaimed + refused + withdrawn."""

    source: str
    path: str
    found: int
    indexed: int
    superseded: tuple[Mapping[str, str], ...]
    unclaimed: tuple[str, ...]
    refused: tuple[Refusal, ...]
    not_walked: tuple[Refusal, ...]
    idle_claims: tuple[str, ...]
    claimed: Mapping[str, int]
    #: files of withdrawn datasets
    withdrawn: int = 0

    @classmethod
    def of(cls, holdings: Holdings, kept: Collection[ArchiveFile], withdrawn: Collection[str] = ()) -> SourceCount:
        """The count of what a source holds; a file that is not among those `kept` went with its dataset or granule."""
        files = [file for file in holdings.files if file.dataset_id not in withdrawn]
        indexed = [file for file in files if file in kept]
        lost = [Refusal(file.path, NOT_KEPT) for file in files if file not in kept]
        return cls(
            source=holdings.source.name,
            path=str(holdings.source.path),
            found=holdings.found,
            indexed=len(indexed),
            superseded=tuple({"path": one.path, "by": one.by} for one in holdings.superseded),
            unclaimed=holdings.unclaimed,
            refused=(*holdings.refused, *lost),
            not_walked=holdings.not_walked,
            idle_claims=holdings.idle_claims,
            claimed=dict(sorted(Counter(file.dataset_id for file in indexed).items())),
            withdrawn=len(holdings.files) - len(files),
        )

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SourceCount:
        """The count of which `asdict` has made a table."""
        lists = {name: tuple(document[name]) for name in ("superseded", "unclaimed", "idle_claims")}
        refusals = {name: tuple(Refusal(**one) for one in document[name]) for name in ("refused", "not_walked")}
        return cls(**{**document, **lists, **refusals})


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one ingestion."""

    schema: str
    granules: GranuleCount
    datasets: int
    #: datasets without a row: placeholders and those that start in the future, or none of whose files count
    datasets_without_rows: int
    sources: tuple[SourceCount, ...]
    #: descriptions that cannot be used
    refused_records: tuple[Refusal, ...]
    refused_rows: tuple[RefusedRows, ...]
    #: files that no granule offers, because the description of their dataset does not reach to them
    out_of_dates: tuple[Refusal, ...]
    total_rows: int
    #: of the whole run, and from the first row to the last index or comparison
    seconds: float
    load_seconds: float
    #: rows that were loaded, or compared with those that are published
    rows_compared: int = 0
    #: datasets of which nothing has moved, so that their rows were not compared
    datasets_unchanged: int = 0
    #: datasets that were taken back
    withdrawn: tuple[str, ...] = ()
    #: files that are new or have moved; all others are known from earlier runs
    files_opened: int = 0
    #: what an operator should know although nothing is left out for it
    remarks: tuple[Remark, ...] = ()
    #: rules of EPN-TAP that rows break, published or not
    findings: tuple[Finding, ...] = ()

    @property
    def rows_per_s(self) -> float:
        """Rows loaded or compared by the second of loading."""
        return self.rows_compared / self.load_seconds if self.load_seconds > 0 else 0.0

    def to_json(self) -> dict[str, Any]:  # ready for json.dumps
        """Everything, for scripts."""
        document = asdict(self)
        document["granules"]["loaded"] = self.granules.loaded
        document["findings"] = [finding.to_json() for finding in self.findings]
        document["rows_per_s"] = round(self.rows_per_s)
        document["seconds"] = round(self.seconds, 3)
        document["load_seconds"] = round(self.load_seconds, 3)
        return document

    def to_text(self) -> str:
        """The same for a person; long lists are cut."""
        lines = [
            f"{self.schema}.epn_core: {self.total_rows:,} granules of {self.datasets:,} datasets",
            *_granule_lines(self.granules),
            f"  time      {self.seconds:.1f} s, loading {self.load_seconds:.1f} s ({self.rows_per_s:,.0f} rows/s)",
        ]
        if self.datasets_without_rows:
            lines.append(f"  datasets  {self.datasets_without_rows:,} without a granule (placeholder, future, no file)")
        if self.datasets_unchanged:
            lines.append(f"  unchanged {self.datasets_unchanged:,} datasets, which were not looked at again")
        if self.withdrawn:
            lines.append(f"  withdrawn {', '.join(self.withdrawn)}")
        for source in self.sources:
            lines += _source_lines(source)
        if self.sources:
            lines.append(f"  opened    {self.files_opened:,} files that are new or have moved")
        lines += _listed("to be known", [f"{one.path}: {one.text}" for one in self.remarks])
        lines += _listed("descriptions refused", [f"{one.path}: {one.reason}" for one in self.refused_records])
        lines += _listed("granules refused", [f"{one.path}: {one.reason} ({one.rows:,})" for one in self.refused_rows])
        if self.findings:
            lines.append("  rules of EPN-TAP that are broken:")
            lines += [line for finding in by_weight(self.findings) for line in finding_lines(finding, "    ")]
        lines += _listed("files that no granule offers", [f"{one.path}: {one.reason}" for one in self.out_of_dates])
        return "\n".join(lines)


def _granule_lines(count: GranuleCount) -> Iterable[str]:
    yield (
        f"  granules  {count.seen:,} seen = {count.loaded:,} loaded + {count.unchanged:,} unchanged "
        f"+ {count.refused:,} refused" + (f" + {count.quarantined:,} in quarantine" if count.quarantined else "")
    )
    yield (
        f"            {count.inserted:,} of the loaded are new, {count.updated:,} changed; "
        f"{count.deleted:,} vanished and were deleted"
    )


def _source_lines(source: SourceCount) -> Iterable[str]:
    yield (
        f"  files     {source.found:,} found = {source.indexed:,} indexed + {len(source.superseded):,} superseded "
        f"+ {len(source.unclaimed):,} unclaimed + {len(source.refused):,} refused"
        + (f" + {source.withdrawn:,} withdrawn" if source.withdrawn else "")
        + f", below {source.path}"
    )
    yield from _listed("files refused", [f"{one.path}: {one.reason}" for one in source.refused])
    yield from _listed("files superseded", [f"{one['path']} by {one['by']}" for one in source.superseded])
    yield from _listed("files unclaimed", list(source.unclaimed))
    yield from _listed("not followed", [f"{one.path}: {one.reason}" for one in source.not_walked])
    yield from _listed("patterns that claim nothing", list(source.idle_claims))


def _listed(title: str, lines: list[str]) -> Iterable[str]:
    if not lines:
        return
    yield f"  {title}:"
    for line in lines[:LONGEST_LIST]:
        yield f"    {line}"
    if len(lines) > LONGEST_LIST:
        yield f"    and {len(lines) - LONGEST_LIST:,} more (all with --json)"
