"""The first step of an ingestion: what the sources of a definition say, as facts about datasets and files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from epntap.archive.memory import indexed_paths
from epntap.errors import DefinitionError
from epntap.hints import did_you_mean
from ingest.by_dataset.told import told_by
from ingest.definition.model import Definition
from ingest.facts import DatasetFacts, Refusal
from ingest.files.shelf import by_dataset
from ingest.files.walk import Tree
from ingest.ingestion import Ingestion
from ingest.progress import Progress
from ingest.publish.account import NOT_KEPT, SourceCount
from ingest.publish.guard import refuse_lost_files
from ingest.sources.kind import DescriptionKind, FileKind
from ingest.sources.said import Holdings
from ingest.sources.source import Granule, Source

__all__ = ["SourceFacts", "count_files", "read_sources"]


@dataclass(slots=True)
class SourceFacts:
    """What the sources say."""

    #: by dataset_id
    datasets: dict[str, DatasetFacts] = field(default_factory=dict)
    #: what the rows of a described dataset stand for; a dataset known from its files alone is not here
    described: dict[str, Granule] = field(default_factory=dict)
    holdings: tuple[Holdings, ...] = ()
    refused: list[Refusal] = field(default_factory=list)


def read_sources(ingestion: Ingestion) -> SourceFacts:
    """Read all sources of datasets. Files that have not moved are not opened.

    Raises DefinitionError when definition and sources do not fit together, SetupError when most files are gone.
    """
    facts, definition = SourceFacts(), ingestion.definition
    for source, kind in definition.description_sources:
        _read_descriptions(definition, source, kind, facts, ingestion.today, ingestion.progress)
    sources = definition.file_sources
    for source, _ in sources:
        if facts.described and not source.files.partial:
            _refuse_unknown_datasets(definition, source, facts)
    ingestion.progress.stage("looking for files")
    trees = [kind.walk(source.path) for source, kind in sources]
    if not ingestion.options.allow_deletions:
        _refuse_lost_files(ingestion, trees)
    facts.holdings = tuple(
        _read_files(ingestion, source, kind, tree) for (source, kind), tree in zip(sources, trees, strict=True)
    )
    _refuse_files_claimed_twice(definition, facts.holdings)
    for one in _undescribed(ingestion, facts):
        if isinstance(one, Refusal):
            facts.refused.append(one)
        else:
            facts.datasets[one.dataset.dataset_id] = one
    claimed = {claim.dataset_id for source in definition.sources for claim in source.files.claims}
    facts.datasets = told_by(definition, facts.datasets, claimed)
    return facts


def count_files(
    holdings: Holdings, lost: Mapping[str, Collection[tuple[str, str]]], withdrawn: Collection[str] = ()
) -> SourceCount:
    """The count for the report; `lost` are root and path of files, by dataset, that go with dataset or granule."""
    claimed: Counter[str] = Counter()
    left_out: list[Refusal] = []
    taken_back = 0
    for dataset_id, files in by_dataset([holdings.files]).items():
        if dataset_id in withdrawn:
            taken_back += len(files)
            continue
        gone = lost.get(dataset_id, ())
        refused = [Refusal(file.path, NOT_KEPT) for file in files if (file.root, file.path) in gone] if gone else []
        left_out += refused
        claimed[dataset_id] = len(files) - len(refused)
    return SourceCount(
        source=holdings.source.name,
        path=str(holdings.source.path),
        found=holdings.found,
        indexed=claimed.total(),
        superseded=tuple({"path": one.path, "by": one.by} for one in holdings.superseded),
        unclaimed=holdings.unclaimed,
        refused=(*holdings.refused, *left_out),
        not_walked=holdings.not_walked,
        idle_claims=holdings.idle_claims,
        claimed=dict(sorted((name, count) for name, count in claimed.items() if count)),
        withdrawn=taken_back,
    )


def _refuse_lost_files(ingestion: Ingestion, trees: Sequence[Tree]) -> None:
    roots = {str(tree.root) for tree in trees}
    others = {str(one.path) for one in ingestion.definition.sources} - roots
    indexed = (
        [one for one in some if one[0] not in others] for some in indexed_paths(ingestion.connection, ingestion.schema)
    )
    refuse_lost_files(ingestion.schema, indexed, trees)


def _read_descriptions(
    definition: Definition,
    source: Source,
    kind: DescriptionKind,
    facts: SourceFacts,
    today: date,
    progress: Progress,
) -> None:
    progress.stage("reading descriptions")
    before = len(facts.described)
    for one in kind.read(source.path, today):
        progress.advance()
        if isinstance(one, Refusal):
            facts.refused.append(one)
        elif one.dataset.dataset_id in facts.described:
            other = facts.datasets[one.dataset.dataset_id].origin
            reason = f"the dataset {one.dataset.dataset_id} is already described by {other}"
            facts.refused.append(Refusal(one.origin, reason))
        else:
            facts.datasets[one.dataset.dataset_id] = one
            facts.described[one.dataset.dataset_id] = source.granule
    if len(facts.described) == before:
        raise DefinitionError(
            f"{definition.file}: {source.name}: there is no usable {kind.wanted} below {source.path}."
        )


def _read_files(ingestion: Ingestion, source: Source, kind: FileKind, tree: Tree) -> Holdings:
    ingestion.progress.stage("indexing files", len(tree.files))
    return kind.read(
        ingestion.definition.file,
        source,
        tree,
        ingestion.scanner,
        ingestion.progress.advance,
        may_be_empty=ingestion.options.allow_deletions,
    )


def _undescribed(ingestion: Ingestion, facts: SourceFacts) -> Iterator[DatasetFacts | Refusal]:
    """Facts of the datasets that have files but no description, kind by kind."""
    for kind in dict.fromkeys(kind for _, kind in ingestion.definition.file_sources):
        held = [one for one in facts.holdings if one.source.kind is kind]
        yield from kind.describe(held, facts.datasets.keys(), ingestion.scanner)


def _refuse_unknown_datasets(definition: Definition, source: Source, facts: SourceFacts) -> None:
    for claim in source.files.claims:
        if claim.dataset_id not in facts.described and claim.dataset_id not in definition.withdrawn:
            raise DefinitionError(
                f"{definition.file}: {source.name}: files.{claim.dataset_id!r} names a dataset that no description "
                f"has.{did_you_mean(claim.dataset_id, facts.described)}"
            )


def _refuse_files_claimed_twice(definition: Definition, holdings: Sequence[Holdings]) -> None:
    owners: dict[Path, Source] = {}
    for holding in _that_meet(holdings):
        for file in holding.files:
            path = (Path(file.root) / file.path).resolve()
            other = owners.setdefault(path, holding.source)
            if other is not holding.source:
                raise DefinitionError(
                    f"{definition.file}: {other.name} and {holding.source.name} both claim the file {path}; "
                    "a file belongs to one source."
                )


def _that_meet(holdings: Sequence[Holdings]) -> Iterator[Holdings]:
    """Those whose folders lie within each other: a walk leaves no folder, also not by a link."""
    roots = [holding.source.path.resolve() for holding in holdings]
    for n, (root, holding) in enumerate(zip(roots, holdings, strict=True)):
        others = roots[:n] + roots[n + 1 :]
        if any(root.is_relative_to(other) or other.is_relative_to(root) for other in others):
            yield holding
