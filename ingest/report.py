"""What an ingestion did: numbers that add up, and everything that was left out with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ingest.facts import RefusedRows
from ingest.findings import by_weight
from ingest.ingestion import Ingestion
from ingest.publish.account import Account, SourceCount
from ingest.publish.contents import Contents
from ingest.publish.rows.copy import Merged
from ingest.publish.service import Published
from ingest.validation.report import finding_lines

__all__ = ["GranuleCount", "Report"]

#: lines of one kind in the text form; the JSON form has them all
LONGEST_LIST = 10


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
class Report:
    """The outcome of one ingestion."""

    schema: str
    granules: GranuleCount
    #: what was found, and what was left out with its reason
    account: Account
    total_rows: int
    #: of the whole run, and from the first row to the last index or comparison
    seconds: float
    load_seconds: float
    #: rows that were loaded, or compared with those that are published
    rows_compared: int = 0
    #: datasets that were taken back
    withdrawn: tuple[str, ...] = ()
    #: files that are new or have moved; all others are known from earlier runs
    files_opened: int = 0
    #: nothing was changed: the report says what would have been
    dry_run: bool = False
    #: all files were opened, whether they had moved or not
    thorough: bool = False

    @classmethod
    def of(cls, ingestion: Ingestion, contents: Contents, published: Published, seconds: float) -> Report:
        """The report of a run that took so long."""
        account = contents.account
        account = replace(account, remarks=account.remarks + published.remarks)
        return cls(
            schema=ingestion.schema,
            granules=GranuleCount.after(published.merged, account.refused_rows, account.never_made),
            account=account,
            total_rows=contents.rows,
            seconds=seconds,
            load_seconds=published.load_seconds,
            rows_compared=contents.compared,
            withdrawn=ingestion.definition.withdrawn,
            files_opened=ingestion.scanner.opened,
            dry_run=ingestion.options.dry_run,
            thorough=ingestion.options.thorough,
        )

    @property
    def rows_per_s(self) -> float:
        """Rows loaded or compared by the second of loading."""
        return self.rows_compared / self.load_seconds if self.load_seconds > 0 else 0.0

    @property
    def refused_share(self) -> float:
        """The larger of the parts of granules and of files that are left out because something is wrong with them."""
        count, sources = self.granules, self.account.sources
        refused = sum(len(source.refused) for source in sources)
        return max(
            (count.refused + count.quarantined) / max(1, count.seen),
            refused / max(1, sum(source.found for source in sources)),
        )

    def to_json(self) -> dict[str, Any]:  # ready for json.dumps
        """Everything, for scripts."""
        document = asdict(self)
        document |= document.pop("account")
        document["granules"]["loaded"] = self.granules.loaded
        document["findings"] = [finding.to_json() for finding in self.account.findings]
        document["rows_per_s"] = round(self.rows_per_s)
        document["seconds"] = round(self.seconds, 3)
        document["load_seconds"] = round(self.load_seconds, 3)
        return document

    def summary(self) -> dict[str, Any]:  # JSON
        """What is kept of it for everybody to see: numbers, and the beginnings of lists; no folder of this machine."""
        account = self.account
        return {
            "seconds": round(self.seconds, 1),
            "rows": self.total_rows,
            "datasets": account.datasets,
            "files_opened": self.files_opened,
            "granules": asdict(self.granules),
            "files": {
                "found": sum(one.found for one in account.sources),
                "indexed": sum(one.indexed for one in account.sources),
                "superseded": sum(len(one.superseded) for one in account.sources),
                "unclaimed": sum(len(one.unclaimed) for one in account.sources),
                "refused": sum(len(one.refused) for one in account.sources),
                "withdrawn": sum(one.withdrawn for one in account.sources),
            },
            "lists": [
                {"title": title, "count": len(lines), "first": lines[:LONGEST_LIST]}
                for title, lines in self._lists()
                if lines
            ],
            "values": list(_value_sentences(self)),
            "findings": [
                {"rule": one.rule, "severity": one.severity.value, "count": one.count, "expected": one.expected}
                for one in by_weight(account.findings)
            ],
        }

    def _lists(self) -> Iterable[tuple[str, list[str]]]:
        account = self.account
        yield "to be known", [f"{one.path}: {one.text}" for one in account.remarks]
        yield "descriptions refused", [f"{one.path}: {one.reason}" for one in account.refused_records]
        yield "granules refused", [f"{one.path}: {one.reason} ({one.rows:,})" for one in account.refused_rows]
        yield "files that no granule offers", [f"{one.path}: {one.reason}" for one in account.out_of_dates]

    def to_text(self) -> str:
        """The same for a person; long lists are cut."""
        lines = [
            *(["Nothing was changed; this is what an ingestion would do."] if self.dry_run else []),
            f"{self.schema}.epn_core: {self.total_rows:,} granules of {self.account.datasets:,} datasets",
            *_granule_lines(self.granules),
            f"  time      {self.seconds:.1f} s, loading {self.load_seconds:.1f} s ({self.rows_per_s:,.0f} rows/s)",
        ]
        for number, sentence in enumerate(_value_sentences(self)):
            lines.append(f"  {'' if number else 'values':<10}{sentence}")
        if self.account.datasets_without_rows:
            lines.append(
                f"  datasets  {self.account.datasets_without_rows:,} without a granule (placeholder, future, no file)"
            )
        if self.account.datasets_unchanged:
            lines.append(f"  unchanged {self.account.datasets_unchanged:,} datasets, which were not looked at again")
        if self.withdrawn:
            lines.append(f"  withdrawn {', '.join(self.withdrawn)}")
        for source in self.account.sources:
            lines += _source_lines(source)
        if self.account.sources:
            which = ", all there are (--thorough)" if self.thorough else " that are new or have moved"
            lines.append(f"  opened    {self.files_opened:,} files{which}")
        *before, last = self._lists()
        for title, listed in before:
            lines += _listed(title, listed)
        if self.account.findings:
            lines.append("  rules of EPN-TAP that are broken:")
            lines += [line for finding in by_weight(self.account.findings) for line in finding_lines(finding, "    ")]
        lines += _listed(*last)
        return "\n".join(lines)


def _value_sentences(report: Report) -> Iterable[str]:
    """What is empty, and what was assumed."""
    for name, rows in report.account.empty.items():
        yield f"{name} is empty in {rows:,} of {report.total_rows:,} rows"
    for name, count in report.account.guessed.items():
        yield f"{name} was guessed for {count:,} datasets"


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
