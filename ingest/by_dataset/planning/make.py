"""The second step of an ingestion: what the rows of each dataset will be, and which of them must be written at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from epntap.archive.memory import DatasetState
from epntap.archive.model import ArchiveFile
from epntap.catalog.model import Table
from ingest.by_dataset.build import GranuleBuilder, common_values
from ingest.by_dataset.planning.fingerprint import content_of, fingerprint_of
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.by_dataset.planning.uids import UidRegistry
from ingest.by_dataset.read import SourceFacts
from ingest.definition.model import Definition, Granule
from ingest.facts import DatasetFacts, RefusedRows
from ingest.files.shelf import by_dataset
from ingest.publish.rows.checks import value_problems

__all__ = ["Plans", "Work", "check_plans", "plan_datasets", "what_to_do"]


@dataclass(frozen=True, slots=True)
class Plans:
    """What shall be published, and what not."""

    accepted: tuple[DatasetPlan, ...]
    refused_rows: tuple[RefusedRows, ...]
    rows: int
    #: datasets without a row
    empty: int
    #: what the rows of each accepted dataset are made from
    states: Mapping[str, DatasetState]


@dataclass(frozen=True, slots=True)
class Work:
    """What differs from what is published."""

    plans: tuple[DatasetPlan, ...]
    #: datasets of which nothing has moved, and their rows
    unchanged: frozenset[str] = frozenset()
    unchanged_rows: int = 0


def plan_datasets(definition: Definition, facts: SourceFacts) -> tuple[DatasetPlan, ...]:
    """Plans for all datasets that are not withdrawn."""
    every = by_dataset(holding.files for holding in facts.holdings)
    single = by_dataset(holding.files for holding in facts.holdings if holding.source.granule is Granule.FILE)
    asked: dict[str, set[Granule]] = defaultdict(set)
    for holding in facts.holdings:
        for dataset_id in by_dataset([holding.files]) if len(facts.holdings) > 1 else every:
            asked[dataset_id].add(holding.source.granule)
    return tuple(
        _plan_dataset(
            one,
            facts.described.get(dataset_id),
            asked[dataset_id],
            every.get(dataset_id, ()),
            single.get(dataset_id, ()),
        )
        for dataset_id, one in facts.datasets.items()
        if dataset_id not in definition.withdrawn
    )


def what_to_do(
    plans: Plans,
    known: Mapping[str, DatasetState],
    stored: Mapping[str, int],
    indexed: Callable[[str], Iterable[ArchiveFile]],
    *,
    thorough: bool,
) -> Work:
    """Which datasets must be compared with what is published.

    `known` says what the published rows were made from, `stored` how many there are of each dataset, and `indexed`
    which files one of them offered. A dataset of which all of that is as before is passed over, unless `thorough`.
    """
    changed: list[DatasetPlan] = []
    unchanged: dict[str, int] = {}
    for plan in plans.accepted:
        dataset_id = plan.dataset.dataset_id
        state = plans.states[dataset_id]
        if not thorough and known.get(dataset_id) == state and stored.get(dataset_id, 0) == state.granules:
            unchanged[dataset_id] = state.granules
        else:
            touched = _touched(plan.files, partial(indexed, dataset_id)) if dataset_id in known else frozenset()
            changed.append(replace(plan, touched=touched))
    return Work(tuple(changed), frozenset(unchanged), sum(unchanged.values()))


def _touched(files: Iterable[ArchiveFile], indexed: Callable[[], Iterable[ArchiveFile]]) -> frozenset[ArchiveFile]:
    """Files that are new, gone or of another content, as they were and as they are."""
    are, were = _marks(files), _marks(indexed())
    new, gone = np.setdiff1d(are, were), np.setdiff1d(were, are)
    touched = _marked(files, new) if len(new) else set()
    return frozenset(touched | _marked(indexed(), gone) if len(gone) else touched)


def _marks(files: Iterable[ArchiveFile]) -> npt.NDArray[np.int64]:
    """Eight bytes for what each of the files is called and holds: they may be a million."""
    return np.fromiter((hash((file.path, content_of(file))) for file in files), np.int64)


def _marked(files: Iterable[ArchiveFile], marks: npt.NDArray[np.int64]) -> set[ArchiveFile]:
    wanted = set(marks.tolist())
    return {file for file in files if hash((file.path, content_of(file))) in wanted}


def _plan_dataset(
    facts: DatasetFacts,
    described_as: Granule | None,
    asked_for: Collection[Granule],
    files: Sequence[ArchiveFile],
    single: Sequence[ArchiveFile],
) -> DatasetPlan:
    """Rows of a described dataset go by its description; those of another only exist where it has files."""
    calendar = next((granule for granule in (Granule.DAY, Granule.MONTH) if granule in asked_for), Granule.FILE)
    return DatasetPlan(
        facts=facts,
        granule=calendar if described_as is None else described_as,
        files=files,
        single=single,
        held_only=described_as is None,
    )


def check_plans(definition: Definition, table: Table, plans: Sequence[DatasetPlan], counter: GranuleBuilder) -> Plans:
    """Keep away the rows that may not be written into the table, with their reasons."""
    registry = UidRegistry.of(plans)
    accepted, refused = [], []
    states: dict[str, DatasetState] = {}
    for plan in plans:
        values = common_values(definition, plan.facts)
        problems = value_problems(values, table)
        if problems:
            refused.append(RefusedRows(plan.facts.origin, "; ".join(problems), counter.count(plan)))
            continue
        admitted, refusals = registry.admit(plan)
        lost = counter.count(plan) if admitted is None else 1
        refused += [RefusedRows(refusal.path, refusal.reason, lost) for refusal in refusals]
        if admitted is not None:
            accepted.append(admitted)
            rows = counter.count(admitted)
            states[plan.dataset.dataset_id] = DatasetState(fingerprint_of(admitted, values, rows), rows)
    return Plans(
        accepted=tuple(accepted),
        refused_rows=tuple(refused),
        rows=sum(state.granules for state in states.values()),
        empty=sum(state.granules == 0 for state in states.values()),
        states=states,
    )
