"""Sources of datasets: facts are read, plans made and checked, and what differs becomes rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from epntap.archive.memory import dataset_states, indexed_files, withdrawn_datasets
from epntap.archive.model import stem_of
from epntap.catalog.model import Table
from epntap.epncore.text import clean_granule_uid
from epntap.errors import DefinitionError
from epntap.hints import did_you_mean
from ingest.by_dataset.admit import admit_datasets
from ingest.by_dataset.build import GranuleBuilder, epn_core_table, files_out_of_dates
from ingest.by_dataset.narrow import narrow_rows
from ingest.by_dataset.planning.make import Plans, Work, check_plans, plan_datasets, what_to_do
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.by_dataset.read import SourceFacts, count_files, read_sources
from ingest.by_dataset.tally import count_values
from ingest.definition.model import Granule
from ingest.ingestion import Ingestion
from ingest.publish.account import Account
from ingest.publish.contents import Contents
from ingest.publish.coverage import empty_columns
from ingest.publish.rows.block import Block
from ingest.publish.stock import Stock
from ingest.sources.said import Holdings
from ingest.validation.screen import Screening

__all__ = ["DatasetsRead", "read_datasets_of"]


def read_datasets_of(ingestion: Ingestion) -> DatasetsRead:
    """What the sources say; files that have not moved are not opened.

    Raises DefinitionError when definition and sources do not fit together, SetupError when most files are gone.
    """
    facts = read_sources(ingestion)
    return DatasetsRead(ingestion, facts, plan_datasets(ingestion.definition, facts))


@dataclass(frozen=True, slots=True)
class DatasetsRead:
    """Datasets and files, as facts."""

    ingestion: Ingestion
    facts: SourceFacts
    plans: tuple[DatasetPlan, ...]
    table: Table = field(init=False)

    def __post_init__(self) -> None:
        table = epn_core_table(self.ingestion.definition, [plan.facts for plan in self.plans])
        object.__setattr__(self, "table", table)

    def contents(self, table: Table, stock: Stock) -> Contents:
        """Rows for this table, which has the columns of `self.table` and perhaps more."""
        ingestion, definition = self.ingestion, self.ingestion.definition
        connection, schema = ingestion.connection, ingestion.schema
        known = dataset_states(connection, schema)
        _refuse_unknown_withdrawals(ingestion, {*self.facts.datasets, *known})
        builder = GranuleBuilder(definition, table, ingestion.today, ingestion.stamp, is_new=stock.is_new)
        plans = check_plans(definition, table, self.plans, builder)
        plans, screening = admit_datasets(connection, definition, table, plans, builder, ingestion.stamp)
        work = what_to_do(
            plans,
            {} if stock.is_new else known,
            stock.by_dataset or {},
            lambda dataset_id: indexed_files(connection, schema, dataset_id),
            thorough=ingestion.options.thorough or not stock.is_as_ingested,
        )

        def blocks() -> Iterator[Block]:
            return (block for plan in work.plans for block in builder.blocks(plan))

        described, counts = self.facts.datasets, count_values(table, builder, plans.accepted)
        return Contents(
            rows=plans.rows,
            blocks=blocks,
            compared=plans.rows - work.unchanged_rows,
            datasets=tuple((plan.dataset, plan.granule) for plan in plans.accepted),
            files=chain.from_iterable(plan.files for plan in plans.accepted),
            counts=counts,
            account=replace(self._account(plans, work, screening), empty=empty_columns(counts)),
            set_aside=screening.set_aside,
            passed_over=work.unchanged,
            states=plans.states,
            former=lambda: _former(self.facts.holdings),
            narrow=narrow_rows(table, plans.accepted, builder) if self._is_narrow else None,
            withdrawn=tuple(described[name].dataset for name in definition.withdrawn if name in described),
        )

    @property
    def _is_narrow(self) -> bool:
        """Whether rows are kept without what their dataset shares; those of one server only."""
        return self.ingestion.definition.is_narrow and not self.ingestion.options.distribute

    def _account(self, plans: Plans, work: Work, screening: Screening) -> Account:
        lost = _lost(self.plans, plans.accepted)
        withdrawn = self.ingestion.definition.withdrawn
        return Account(
            datasets=len(plans.accepted),
            datasets_without_rows=plans.empty,
            datasets_unchanged=len(work.unchanged),
            sources=tuple(count_files(holdings, lost, withdrawn) for holdings in self.facts.holdings),
            refused_records=tuple(self.facts.refused),
            refused_rows=plans.refused_rows,
            out_of_dates=tuple(refusal for plan in plans.accepted for refusal in files_out_of_dates(plan)),
            findings=screening.findings,
            guessed=dict(Counter(name for plan in plans.accepted for name in plan.facts.guessed)),
        )


def _lost(planned: Iterable[DatasetPlan], accepted: Iterable[DatasetPlan]) -> dict[str, frozenset[tuple[str, str]]]:
    """Root and path of files that were planned and are not accepted, by dataset."""
    kept = {plan.dataset.dataset_id: plan.files for plan in accepted}
    lost = {}
    for plan in planned:
        files = kept.get(plan.dataset.dataset_id, ())
        if len(files) < len(plan.files):
            lost[plan.dataset.dataset_id] = frozenset((file.root, file.path) for file in plan.files).difference(
                (file.root, file.path) for file in files
            )
    return lost


def _former(holdings: Iterable[Holdings]) -> Iterator[tuple[str, str]]:
    """Names of files with their versions and granule_uids, where granules are files: what people know or had before."""
    for holding in holdings:
        if holding.source.granule is Granule.FILE:
            yield from ((clean_granule_uid(file.stem), file.uid) for file in holding.files if file.granule_uid)
            winners = {one.by for one in holding.superseded}
            newest = {file.path: file.uid for file in holding.files if file.path in winners} if winners else {}
            yield from ((clean_granule_uid(stem_of(one.path)), newest[one.by]) for one in holding.superseded)


def _refuse_unknown_withdrawals(ingestion: Ingestion, known: set[str]) -> None:
    known |= set(withdrawn_datasets(ingestion.connection, ingestion.schema))
    for dataset_id in ingestion.definition.withdrawn:
        if dataset_id not in known:
            raise DefinitionError(
                f"{ingestion.definition.file}: [service] withdrawn names {dataset_id!r}, but there is no such dataset."
                f"{did_you_mean(dataset_id, known)}"
            )
