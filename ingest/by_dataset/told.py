"""What an operator knows of datasets: a definition's tables over what the sources say. No I/O here.

The order, here and nowhere else: `[datasets."…"]`, then `[columns]`, then the sources.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from epntap.access import NEVER
from epntap.errors import DefinitionError
from epntap.hints import did_you_mean
from ingest.definition.model import DatasetTable, Definition
from ingest.facts import DatasetFacts

__all__ = ["told_by"]


def told_by(
    definition: Definition, datasets: Mapping[str, DatasetFacts], held: Collection[str] = ()
) -> dict[str, DatasetFacts]:
    """The datasets with what the definition says of them; `held` are others that it may speak of.

    Raises DefinitionError for a pattern that claims no dataset (unless a source is `partial`) and for two patterns
    that claim one.
    """
    known = {*datasets, *held, *definition.withdrawn}
    owners = _owners(definition, known)
    return {dataset_id: _told(definition, one, owners.get(dataset_id)) for dataset_id, one in datasets.items()}


def _owners(definition: Definition, known: Collection[str]) -> dict[str, DatasetTable]:
    owners: dict[str, DatasetTable] = {}
    is_partial = any(source.files.partial for source, _ in definition.file_sources)
    for table in definition.datasets:
        claimed = sorted(filter(table.claims, known))
        if not claimed and not is_partial:
            raise DefinitionError(
                f'{definition.file}: [datasets."{table.pattern}"] claims none of the {len(known)} datasets; correct '
                f"the pattern, or take the table out.{did_you_mean(table.pattern, sorted(known))}"
            )
        for dataset_id in claimed:
            other = owners.setdefault(dataset_id, table)
            if other is not table:
                raise DefinitionError(
                    f'{definition.file}: the dataset {dataset_id} is claimed twice, by [datasets."{other.pattern}"] '
                    f'and [datasets."{table.pattern}"]; a dataset belongs to one table.'
                )
    return owners


def _told(definition: Definition, facts: DatasetFacts, table: DatasetTable | None) -> DatasetFacts:
    said = {**definition.columns, **(table.values if table else {})}
    dataset = facts.dataset
    if table is not None:
        dataset = replace(
            dataset, title=table.title or dataset.title, description=table.description or dataset.description
        )
    # only a date that is declared closes data; what ingestion puts in by itself never does
    closing = definition.closing if table is None else table.closing.over(definition.closing)
    if closing.groups and not said.get("release_date"):
        said["release_date"] = NEVER
    released = said.get("release_date")
    closed = replace(
        dataset,
        embargoed_until=str(released) if released else None,
        groups=closing.groups or (),
        hidden=bool(closing.hidden),
    )
    if closed.hidden and closed.embargoed_until is None and closed.rights.open:
        raise DefinitionError(
            f"{definition.file}: {dataset.dataset_id} shall not be visible, but nothing closes it; give its "
            "release_date or its groups."
        )
    return replace(
        facts,
        dataset=closed,
        values=MappingProxyType({**facts.values, **said}),
        guessed=facts.guessed.difference(said),
    )
