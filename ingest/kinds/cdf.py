"""Sources of kind `cdf-files`: which dataset each file belongs to, what it covers, and which editions count."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from epntap.archive.model import ArchiveFile, ScannedFile, stem_of
from epntap.epncore.text import clean_granule_uid
from epntap.errors import DefinitionError, UnreadableFileError
from epntap.strict import StrictTable
from ingest.facts import DatasetFacts, Refusal
from ingest.files.careful import careful
from ingest.files.istp import Description, describe_dataset, describe_file
from ingest.files.scan import Scanner, archive_file
from ingest.files.shelf import FileList, Shelf, by_dataset
from ingest.files.versions import Edition, edition_of, without_dates
from ingest.files.walk import Tree, walk_tree
from ingest.kinds.claims import ClaimTable, read_claims
from ingest.sources.keys import Key, Takes
from ingest.sources.kind import CHECKSUMS, GRANULE, FileKind
from ingest.sources.said import Holdings, Superseded
from ingest.sources.source import FilesPlan, Granule, Source

__all__ = ["CDF_FILES", "describe_holdings", "read_archive"]


@dataclass(frozen=True, slots=True)
class _Candidate:
    #: of the path among all
    place: int
    path: str
    edition: Edition
    dataset_id: str


class _Sorting:
    """Piles that grow while the tree is gone through.

    Candidates may be millions: of each there is only where its path is, which dataset it is of, and what tells its
    product from others.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.unclaimed: list[str] = []
        self.refused: list[Refusal] = []
        self.superseded: list[Superseded] = []
        self._paths = paths
        self._places = array("L")
        self._products = array("q")
        self._datasets = array("L")
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}

    def take(self, place: int, dataset_id: str) -> None:
        """Count the path at this place among the candidates of a dataset."""
        number = self._numbers.setdefault(dataset_id, len(self._names))
        if number == len(self._names):
            self._names.append(dataset_id)
        self._places.append(place)
        self._datasets.append(number)
        self._products.append(hash((dataset_id, edition_of(stem_of(self._paths[place])).product)))

    def products(self) -> Iterator[list[_Candidate]]:
        """The editions of each product of a dataset, the newest first, by the first of their paths."""
        if not self._places:
            return
        _, first, product = np.unique(np.array(self._products), return_index=True, return_inverse=True)
        order = np.lexsort((np.arange(len(product)), first[product]))  # of one product side by side, paths in order
        starts = np.flatnonzero(np.diff(product[order], prepend=-1))
        for start, stop in zip(starts, np.append(starts[1:], len(order)), strict=True):
            yield from self._told_apart([self._candidate(int(number)) for number in order[start:stop]])

    def _candidate(self, number: int) -> _Candidate:
        place = self._places[number]
        path = self._paths[place]
        return _Candidate(place, path, edition_of(stem_of(path)), self._names[self._datasets[number]])

    def _told_apart(self, candidates: list[_Candidate]) -> Iterator[list[_Candidate]]:
        """Products that have the same hash, which two in 10^19 do."""
        if len(candidates) == 1:
            yield candidates
            return
        products: dict[tuple[str, str], list[_Candidate]] = defaultdict(list)
        for one in candidates:
            products[one.dataset_id, one.edition.product].append(one)
        for editions in products.values():
            # stable: among equals the earlier path comes first
            yield sorted(editions, key=lambda one: one.edition.rank, reverse=True)


class _Archive:
    """One source and the means to look into its files."""

    def __init__(self, source: Source, scanner: Scanner, advance: Callable[[int], None]) -> None:
        self.source = source
        self.advance = advance
        self._scanner = scanner

    def scan(self, paths: Iterable[str]) -> None:
        """Look into files; each is to be asked for once."""
        self._scanner.scan(self.source.path, paths, checksums=self.source.files.checksums, advance=self.advance)

    def __getitem__(self, path: str) -> ScannedFile:
        return self._scanner.file(str(self.source.path), path)


def read_archive(
    definition_file: Path,
    source: Source,
    tree: Tree,
    scanner: Scanner,
    advance: Callable[[int], None],
    *,
    may_be_empty: bool = False,
) -> Holdings:
    """Index the files of a source; `advance` is told about each file that is dealt with.

    A file that cannot be read is a Refusal. Raises DefinitionError when the patterns do not fit the tree.
    """
    if not tree.files and not source.files.partial and not may_be_empty:
        raise DefinitionError(f"{definition_file}: {source.name}: there is no CDF file below {source.path}.")
    archive = _Archive(source, scanner, advance)
    claims = ClaimTable(str(definition_file), source)
    opens_all = claims.asks_for_logical_source or not source.files.claims
    if opens_all:
        archive.scan(tree.files)
    piles = _sort(archive, claims, tree.files, are_open=opens_all)
    files = _by_path(scanner.shelf, _newest_editions(archive, piles, are_open=opens_all))
    if tree.files:
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


def describe_holdings(
    holdings: Iterable[Holdings], described: Collection[str], scanner: Scanner
) -> Iterator[DatasetFacts | Refusal]:
    """Facts of the datasets that have files but no description, from the last of their files that can be read."""
    held = by_dataset(holding.files for holding in holdings)
    for dataset_id, files in sorted(held.items()):
        if dataset_id in described:
            continue
        covered = (
            min(file.tt2000_min for file in files if file.tt2000_min is not None),
            max(file.tt2000_max for file in files if file.tt2000_max is not None),
        )
        for file in reversed(files):
            try:
                said = _description(file, scanner)
            except UnreadableFileError as exc:
                yield Refusal(file.path, f"it does not describe its dataset: {exc}")
                continue
            yield describe_dataset(dataset_id, said, file.path, covered)
            break


def _description(file: ArchiveFile, scanner: Scanner) -> Description:
    """What a file says about its dataset: as it was kept, or from the file itself."""
    scanned = scanner.file(file.root, file.path)
    kept = Description.from_json(scanned.description) if scanned.description else None
    if kept is not None:
        return kept
    path = Path(file.root) / file.path
    with careful(path.name):
        said = describe_file(path)
    scanner.note(replace(scanned, description=said.to_json()))
    return said


def _sort(archive: _Archive, claims: ClaimTable, paths: Sequence[str], *, are_open: bool) -> _Sorting:
    """Put files on the piles of their datasets; where they `are_open`, what they say counts beside their names."""
    source, piles = archive.source, _Sorting(paths)
    for place, path in enumerate(paths):
        dataset_id, logical_source = claims.dataset_of(path), ""
        if are_open:
            scanned = archive[path]
            if scanned.refusal is not None:
                piles.refused.append(Refusal(path, scanned.refusal))
                continue
            logical_source = scanned.logical_source
            dataset_id = (
                claims.dataset_of(path, logical_source)
                if source.files.claims
                else _own_name(logical_source, edition_of(stem_of(path)))
            )
        if dataset_id is None:
            piles.unclaimed.append(path)
            if not are_open:
                archive.advance(1)
            continue
        claims.count(path, logical_source)
        piles.take(place, dataset_id)
    return piles


def _own_name(logical_source: str, edition: Edition) -> str:
    """Logical_source, unless it is missing or names the file and not the series."""
    claimed = edition_of(logical_source)
    if logical_source and claimed.product.casefold() != edition.product.casefold():
        return logical_source
    return without_dates(claimed.product or edition.product)


def _newest_editions(archive: _Archive, piles: _Sorting, *, are_open: bool) -> Iterator[tuple[int, ArchiveFile]]:
    """The newest readable file of each product and its place; older ones are superseded, copies refused."""
    if not are_open:
        archive.scan(editions[0].path for editions in piles.products())
    undecided: Iterable[list[_Candidate]] = piles.products()
    while True:
        next_round = []
        for editions in undecided:
            first, *others = editions
            scanned = archive[first.path]
            if scanned.refusal is None:
                _leave_out(others, first, archive, piles, are_open=are_open)
                uid = _uid_of(first.edition, archive.source)
                yield first.place, archive_file(scanned, first.dataset_id, first.edition.version, uid)
                continue
            piles.refused.append(Refusal(first.path, scanned.refusal))
            if others:
                next_round.append(others)
        if not next_round:
            return
        # older editions are only opened when all newer ones are unreadable
        undecided = next_round
        if not are_open:
            archive.scan(editions[0].path for editions in next_round)


def _by_path(shelf: Shelf[ArchiveFile], files: Iterable[tuple[int, ArchiveFile]]) -> FileList:
    """The files in the order of their paths; with each comes its place in that."""
    places, numbers = array("Q"), array("Q")
    for place, file in files:
        places.append(place)
        numbers.append(shelf.put(file))
    order = np.argsort(np.array(places))
    return FileList(shelf, array("Q", np.array(numbers)[order].tobytes()))


def _uid_of(edition: Edition, source: Source) -> str:
    """The granule_uid of a file where it is not the name of the file: that of its product, which outlives versions."""
    if source.granule is not Granule.FILE or source.files.versioned_identifiers or not edition.version:
        return ""
    return clean_granule_uid(edition.product)


def _leave_out(
    others: Iterable[_Candidate], winner: _Candidate, archive: _Archive, piles: _Sorting, *, are_open: bool
) -> None:
    for candidate in others:
        if not are_open:
            archive.advance(1)
        if candidate.edition.rank == winner.edition.rank:
            reason = f"this product in this version is already there: {winner.path}"
            piles.refused.append(Refusal(candidate.path, reason))
        else:
            piles.superseded.append(Superseded(candidate.path, winner.path))


def _read_plan(table: StrictTable, said: Mapping[str, Any]) -> FilesPlan:  # what TOML can say
    if said["versioned_identifiers"] and said["granule"] not in {None, Granule.FILE.value}:
        table.fail(
            f'versioned_identifiers is about granule = "file", but granule is {said["granule"]!r}; days and months '
            "have no version."
        )
    return FilesPlan(
        claims=read_claims(table),
        partial=bool(said["partial"]),
        checksums=said["checksums"] is not False,
        versioned_identifiers=bool(said["versioned_identifiers"]),
    )


CDF_FILES = FileKind(
    name="cdf-files",
    own_keys={
        "granule": GRANULE,
        "files": Key(Takes.TEXTS_BY_NAME, "Dataset = pattern, or a list of patterns, of the files that belong to it"),
        "partial": Key(Takes.FLAG, "The archive at hand may be a part of what the definition describes"),
        "versioned_identifiers": Key(
            Takes.FLAG, 'With granule = "file": identifiers keep the version in the name of a file, and change with it'
        ),
        "checksums": CHECKSUMS,
    },
    granule=Granule.FILE,
    read_plan=_read_plan,
    walk=walk_tree,
    read=read_archive,
    describe=describe_holdings,
)
