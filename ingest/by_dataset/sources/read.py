"""The first step of an ingestion: what the sources of a definition say, as facts about datasets and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from epntap.archive.memory import indexed_files
from epntap.errors import DefinitionError
from epntap.hints import did_you_mean
from ingest.by_dataset.sources.descriptions import read_datasets
from ingest.by_dataset.sources.holdings import Holdings, describe_holdings, read_archive
from ingest.by_dataset.told import told_by
from ingest.definition.model import Definition, Granule, Source, SourceKind
from ingest.facts import DatasetFacts, Refusal
from ingest.files.walk import Tree, walk_tree
from ingest.ingestion import Ingestion
from ingest.progress import Progress
from ingest.publish.guard import refuse_lost_files

__all__ = ["SourceFacts", "read_sources"]


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
    for source in definition.sources_of(SourceKind.SPASE_DATASETS):
        _read_descriptions(definition, source, facts, ingestion.today, ingestion.progress)
    sources = definition.sources_of(SourceKind.CDF_FILES)
    for source in sources:
        if facts.described and not source.partial:
            _refuse_unknown_datasets(definition, source, facts)
    ingestion.progress.stage("looking for files")
    trees = [walk_tree(source.path) for source in sources]
    if not ingestion.options.allow_deletions:
        _refuse_lost_files(ingestion, trees)
    facts.holdings = tuple(_read_files(ingestion, *one) for one in zip(sources, trees, strict=True))
    _refuse_files_claimed_twice(definition, facts.holdings)
    for one in describe_holdings(facts.holdings, facts.described, ingestion.scanner):
        if isinstance(one, Refusal):
            facts.refused.append(one)
        else:
            facts.datasets[one.dataset.dataset_id] = one
    claimed = {claim.dataset_id for source in definition.sources for claim in source.claims}
    facts.datasets = told_by(definition, facts.datasets, claimed)
    return facts


def _refuse_lost_files(ingestion: Ingestion, trees: Sequence[Tree]) -> None:
    roots = {str(tree.root) for tree in trees}
    others = {str(one.path) for one in ingestion.definition.sources} - roots
    indexed = [file for file in indexed_files(ingestion.connection, ingestion.schema) if file.root not in others]
    refuse_lost_files(ingestion.schema, indexed, trees)


def _read_descriptions(
    definition: Definition, source: Source, facts: SourceFacts, today: date, progress: Progress
) -> None:
    progress.stage("reading descriptions")
    before = len(facts.described)
    for one in read_datasets(source.path, today=today):
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
            f"{definition.file}: {source.name}: there is no usable SPASE NumericalData record below {source.path}."
        )


def _read_files(ingestion: Ingestion, source: Source, tree: Tree) -> Holdings:
    ingestion.progress.stage("indexing files", len(tree.files))
    return read_archive(
        ingestion.definition.file,
        source,
        tree,
        ingestion.scanner,
        ingestion.progress.advance,
        may_be_empty=ingestion.options.allow_deletions,
    )


def _refuse_unknown_datasets(definition: Definition, source: Source, facts: SourceFacts) -> None:
    for claim in source.claims:
        if claim.dataset_id not in facts.described and claim.dataset_id not in definition.withdrawn:
            raise DefinitionError(
                f"{definition.file}: {source.name}: files.{claim.dataset_id!r} names a dataset that no description "
                f"has.{did_you_mean(claim.dataset_id, facts.described)}"
            )


def _refuse_files_claimed_twice(definition: Definition, holdings: Sequence[Holdings]) -> None:
    owners: dict[Path, Source] = {}
    for holding in holdings if len(holdings) > 1 else ():
        for file in holding.files:
            path = (Path(file.root) / file.path).resolve()
            other = owners.setdefault(path, holding.source)
            if other is not holding.source:
                raise DefinitionError(
                    f"{definition.file}: {other.name} and {holding.source.name} both claim the file {path}; "
                    "a file belongs to one source."
                )
