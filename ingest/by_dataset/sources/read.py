"""The first step of an ingestion: what the sources of a definition say, as facts about datasets and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from epntap.errors import DefinitionError
from epntap.hints import did_you_mean
from ingest.by_dataset.sources.descriptions import read_datasets
from ingest.by_dataset.sources.holdings import Holdings, describe_holdings, read_archive
from ingest.definition.model import Definition, Granule, Source, SourceKind
from ingest.facts import DatasetFacts, Refusal
from ingest.files.scan import Scanner
from ingest.files.walk import walk_tree
from ingest.progress import Progress

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


def read_sources(definition: Definition, today: date, scanner: Scanner, progress: Progress) -> SourceFacts:
    """Read all sources of a definition. Raises DefinitionError when definition and sources do not fit together."""
    facts = SourceFacts()
    for source in definition.sources_of(SourceKind.SPASE_DATASETS):
        _read_descriptions(definition, source, facts, today, progress)
    facts.holdings = tuple(
        _read_files(definition, source, facts, scanner, progress)
        for source in definition.sources_of(SourceKind.CDF_FILES)
    )
    _refuse_files_claimed_twice(definition, facts.holdings)
    for one in describe_holdings(facts.holdings, facts.described, scanner):
        if isinstance(one, Refusal):
            facts.refused.append(one)
        else:
            facts.datasets[one.dataset.dataset_id] = one
    return facts


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


def _read_files(
    definition: Definition, source: Source, facts: SourceFacts, scanner: Scanner, progress: Progress
) -> Holdings:
    if facts.described and not source.partial:
        _refuse_unknown_datasets(definition, source, facts)
    progress.stage("looking for files")
    tree = walk_tree(source.path)
    progress.stage("indexing files", len(tree.files))
    return read_archive(definition.file, source, tree, scanner, progress.advance)


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
