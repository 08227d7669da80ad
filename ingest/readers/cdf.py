"""A tree of CDF files: which dataset each belongs to, what it covers, and which editions count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from epntap.archive.model import ArchiveFile
from epntap.cdf.facts import FileFacts, index_file
from epntap.errors import DefinitionError, UnreadableFileError
from ingest.claims import ClaimTable
from ingest.descriptor import Source
from ingest.facts import DatasetFacts, Refusal
from ingest.readers.istp import describe_dataset
from ingest.versions import Edition, edition_of, without_dates
from ingest.walk import Tree

__all__ = ["Holdings", "Superseded", "describe_holdings", "read_archive"]


@dataclass(frozen=True, slots=True)
class Superseded:
    """A file that is left out because a newer version of it is there."""

    path: str
    by: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a source of CDF files holds. found = files + superseded + unclaimed + refused files."""

    source: Source
    found: int
    #: those that count, by path
    files: tuple[ArchiveFile, ...]
    superseded: tuple[Superseded, ...] = ()
    unclaimed: tuple[str, ...] = ()
    #: files that cannot be used
    refused: tuple[Refusal, ...] = ()
    #: folders and links that were not entered
    not_walked: tuple[Refusal, ...] = ()
    #: patterns of a `partial` source that claim nothing, as `dataset = pattern`
    idle_claims: tuple[str, ...] = ()


@dataclass(slots=True)
class _Candidate:
    path: str
    edition: Edition
    dataset_id: str
    facts: FileFacts | None


@dataclass(slots=True)
class _Sorting:
    """Piles that grow while the tree is gone through."""

    candidates: list[_Candidate] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    superseded: list[Superseded] = field(default_factory=list)


def read_archive(definition_file: Path, source: Source, tree: Tree, advance: Callable[[int], None]) -> Holdings:
    """Index the files of a source; `advance` is told about each file that is dealt with.

    A file that cannot be read is a Refusal. Raises DefinitionError when the patterns do not fit the tree.
    """
    if not tree.files and not source.partial:
        raise DefinitionError(f"{definition_file}: {source.name}: there is no CDF file below {source.path}.")
    claims = ClaimTable(str(definition_file), source)
    piles = _Sorting()
    for path in tree.files:
        _sort(source, claims, path, piles, advance)
    files = tuple(sorted(_newest_editions(source, piles, advance), key=lambda file: file.path))
    claims.refuse_idle()
    return Holdings(
        source=source,
        found=len(tree.files),
        files=files,
        superseded=tuple(piles.superseded),
        unclaimed=tuple(piles.unclaimed),
        refused=tuple(sorted(piles.refused, key=lambda refusal: refusal.path)),
        not_walked=tree.refusals,
        idle_claims=tuple(f"{claim.dataset_id} = {claim.pattern}" for claim in claims.idle()),
    )


def describe_holdings(holdings: Iterable[Holdings], described: Collection[str]) -> Iterator[DatasetFacts | Refusal]:
    """Facts of the datasets that have files but no description, from the last of their files."""
    by_dataset: dict[str, list[ArchiveFile]] = defaultdict(list)
    for holding in holdings:
        for file in holding.files:
            if file.dataset_id not in described:
                by_dataset[file.dataset_id].append(file)
    for dataset_id, files in sorted(by_dataset.items()):
        covered = (
            min(file.tt2000_min for file in files if file.tt2000_min is not None),
            max(file.tt2000_max for file in files if file.tt2000_max is not None),
        )
        last = files[-1]
        try:
            yield describe_dataset(dataset_id, Path(last.root) / last.path, last.path, covered)
        except UnreadableFileError as exc:
            yield Refusal(last.path, str(exc))


def _sort(source: Source, claims: ClaimTable, path: str, piles: _Sorting, advance: Callable[[int], None]) -> None:
    """Put a file on the pile of its dataset, opening it only when its name does not tell."""
    edition = edition_of(path.rpartition("/")[2].rpartition(".")[0])
    dataset_id = claims.dataset_of(path)
    facts, logical_source = None, ""
    if dataset_id is None and source.claims and not claims.asks_for_logical_source:
        piles.unclaimed.append(path)
        advance(1)
        return
    if dataset_id is None or claims.asks_for_logical_source:
        try:
            facts = index_file(source.path / path)
        except UnreadableFileError as exc:
            piles.refused.append(Refusal(path, str(exc)))
            advance(1)
            return
        logical_source = facts.attributes.get("Logical_source", "")
        dataset_id = claims.dataset_of(path, logical_source) if source.claims else _own_name(logical_source, edition)
        if dataset_id is None:
            piles.unclaimed.append(path)
            advance(1)
            return
    claims.count(path, logical_source)
    piles.candidates.append(_Candidate(path, edition, dataset_id, facts))


def _own_name(logical_source: str, edition: Edition) -> str:
    """Logical_source, unless it is missing or names the file and not the series."""
    claimed = edition_of(logical_source)
    if logical_source and claimed.product.casefold() != edition.product.casefold():
        return logical_source
    return without_dates(claimed.product or edition.product)


def _newest_editions(source: Source, piles: _Sorting, advance: Callable[[int], None]) -> Iterator[ArchiveFile]:
    """The newest readable file of each product; older ones are superseded, copies refused."""
    products: Mapping[tuple[str, str], list[_Candidate]] = defaultdict(list)
    for candidate in piles.candidates:
        products[candidate.dataset_id, candidate.edition.product].append(candidate)
    for editions in products.values():
        # stable: among equals the earlier path comes first
        editions.sort(key=lambda candidate: candidate.edition.rank, reverse=True)
        winner: _Candidate | None = None
        for candidate in editions:
            advance(1)
            if winner is not None:
                _leave_out(candidate, winner, piles)
                continue
            try:
                facts = candidate.facts or index_file(source.path / candidate.path)
            except UnreadableFileError as exc:
                piles.refused.append(Refusal(candidate.path, str(exc)))
                continue
            winner = candidate
            yield _to_archive_file(source, candidate, facts)


def _leave_out(candidate: _Candidate, winner: _Candidate, piles: _Sorting) -> None:
    if candidate.edition.rank == winner.edition.rank:
        reason = f"this product in this version is already there: {winner.path}"
        piles.refused.append(Refusal(candidate.path, reason))
    else:
        piles.superseded.append(Superseded(candidate.path, winner.path))


def _to_archive_file(source: Source, candidate: _Candidate, facts: FileFacts) -> ArchiveFile:
    return ArchiveFile(
        dataset_id=candidate.dataset_id,
        root=str(source.path),
        path=candidate.path,
        size_bytes=facts.size_bytes,
        mtime_ns=facts.mtime_ns,
        tt2000_min=facts.tt2000_min,
        tt2000_max=facts.tt2000_max,
        records=facts.records,
        fill_epochs=facts.fill_epochs,
        version=candidate.edition.version,
    )
