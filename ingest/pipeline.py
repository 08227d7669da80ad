"""The story of an ingestion: facts are read, granules made, checked, loaded and published in one transaction."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from epntap.archive import store
from epntap.archive.model import ArchiveFile
from epntap.catalog import publish
from epntap.catalog.model import Schema, Table
from epntap.db.pool import Database, Role, connect
from epntap.epncore.time import dali_timestamp
from epntap.errors import DefinitionError, SetupError
from ingest.build import (
    DatasetPlan,
    GranuleBuilder,
    common_values,
    copy_columns,
    epn_core_table,
    files_out_of_dates,
)
from ingest.checks import UidRegistry, value_problems
from ingest.copy import Merged, allow_memory, fill_new_table, merge_into_table
from ingest.descriptor import Definition, Granule, Source, SourceKind, did_you_mean
from ingest.facts import DatasetFacts, Refusal
from ingest.progress import Progress, Silent
from ingest.readers.cdf import Holdings, describe_holdings, read_archive
from ingest.readers.spase import read_datasets
from ingest.report import GranuleCount, RefusedRows, Report, SourceCount
from ingest.walk import walk_tree

__all__ = ["ingest_service"]

Connection = psycopg.Connection[tuple[Any, ...]]

#: first number of the advisory locks of ingestions; the second is made from the schema
_LOCK = 7_240_532


@dataclass(slots=True)
class _Facts:
    """What the sources say."""

    #: by dataset_id
    datasets: dict[str, DatasetFacts] = field(default_factory=dict)
    #: what the rows of a described dataset stand for; a dataset known from its files alone is not here
    described: dict[str, Granule] = field(default_factory=dict)
    holdings: tuple[Holdings, ...] = ()
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Plans:
    """What is going to be written, and what is not."""

    table: Table
    accepted: tuple[DatasetPlan, ...]
    refused_rows: tuple[RefusedRows, ...]
    rows: int
    #: datasets without a row
    empty: int


def ingest_service(
    definition: Definition, database: Database, *, progress: Progress | None = None, now: datetime | None = None
) -> Report:
    """Bring a service up to date with its sources and publish it; `now` is UTC without tzinfo.

    What cannot be used is in the report. Raises DefinitionError when definition and sources do not fit together and
    SetupError when the database refuses; nothing is changed then.
    """
    progress = progress or Silent()
    now = (now or datetime.now(UTC).replace(tzinfo=None)).replace(microsecond=0)
    clock = time.perf_counter()
    with connect(database, Role.OWNER, autocommit=True) as connection:
        with _in_sentences("nothing was changed"), _one_at_a_time(connection, definition.schema):
            # 1. what the sources say
            facts = _read_sources(definition, now.date(), progress)
            # 2. what the rows will be
            plans = _plan(definition, facts, now.date())
            # 3. a table that can hold them
            is_new = _prepare(connection, plans.table)
            # 4. rows, archive and catalogue, all or nothing
            load_clock = time.perf_counter()
            with connection.transaction():
                merged = _load(connection, definition, plans, is_new, now, progress)
                load_seconds = time.perf_counter() - load_clock
                assert merged.inserted + merged.updated + merged.unchanged == plans.rows
                _publish(connection, definition, plans, is_new, now)
        # 5. room and statistics
        with _in_sentences("the granules are published, but their statistics are not up to date"):
            _tidy(connection, plans.table, progress)
    return _report(definition, facts, plans, merged, time.perf_counter() - clock, load_seconds)


def _report(
    definition: Definition, facts: _Facts, plans: _Plans, merged: Merged, seconds: float, load_seconds: float
) -> Report:
    kept = {file for plan in plans.accepted for file in plan.files}
    return Report(
        schema=definition.schema,
        granules=GranuleCount.of(merged, sum(refused.rows for refused in plans.refused_rows)),
        total_rows=plans.rows,
        datasets=len(plans.accepted),
        datasets_without_rows=plans.empty,
        sources=tuple(SourceCount.of(holdings, kept) for holdings in facts.holdings),
        refused_records=tuple(facts.refused),
        refused_rows=plans.refused_rows,
        out_of_dates=tuple(refusal for plan in plans.accepted for refusal in files_out_of_dates(plan)),
        seconds=seconds,
        load_seconds=load_seconds,
    )


# -- 1. sources -------------------------------------------------------------------------------------------------------


def _read_sources(definition: Definition, today: date, progress: Progress) -> _Facts:
    facts = _Facts()
    for source in definition.sources_of(SourceKind.SPASE_DATASETS):
        _read_descriptions(definition, source, facts, today, progress)
    facts.holdings = tuple(
        _read_files(definition, source, facts, progress) for source in definition.sources_of(SourceKind.CDF_FILES)
    )
    _refuse_files_claimed_twice(definition, facts.holdings)
    for one in describe_holdings(facts.holdings, facts.described):
        if isinstance(one, Refusal):
            facts.refused.append(one)
        else:
            facts.datasets[one.dataset.dataset_id] = one
    return facts


def _read_descriptions(definition: Definition, source: Source, facts: _Facts, today: date, progress: Progress) -> None:
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


def _read_files(definition: Definition, source: Source, facts: _Facts, progress: Progress) -> Holdings:
    if facts.described and not source.partial:
        _refuse_unknown_datasets(definition, source, facts)
    progress.stage("looking for files")
    tree = walk_tree(source.path)
    progress.stage("indexing files", len(tree.files))
    return read_archive(definition.file, source, tree, progress.advance)


def _refuse_unknown_datasets(definition: Definition, source: Source, facts: _Facts) -> None:
    for claim in source.claims:
        if claim.dataset_id not in facts.described:
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


# -- 2. plans ---------------------------------------------------------------------------------------------------------


def _plan(definition: Definition, facts: _Facts, today: date) -> _Plans:
    files: dict[str, list[tuple[Source, ArchiveFile]]] = defaultdict(list)
    for holding in facts.holdings:
        for file in holding.files:
            files[file.dataset_id].append((holding.source, file))
    plans = [
        _plan_dataset(one, facts.described.get(dataset_id), files.get(dataset_id, ()))
        for dataset_id, one in facts.datasets.items()
    ]
    table = publish.with_indexed_columns(epn_core_table(definition, [plan.facts for plan in plans]))
    return _check(definition, table, plans, today)


def _plan_dataset(
    facts: DatasetFacts, described_as: Granule | None, files: Sequence[tuple[Source, ArchiveFile]]
) -> DatasetPlan:
    """Rows of a described dataset go by its description; those of another only exist where it has files."""
    asked_for = {source.granule for source, _ in files}
    calendar = next((granule for granule in (Granule.DAY, Granule.MONTH) if granule in asked_for), Granule.FILE)
    return DatasetPlan(
        facts=facts,
        granule=calendar if described_as is None else described_as,
        files=tuple(file for _, file in files),
        single=tuple(file for source, file in files if source.granule is Granule.FILE),
        held_only=described_as is None,
    )


def _check(definition: Definition, table: Table, plans: Sequence[DatasetPlan], today: date) -> _Plans:
    """Keep away the rows that may not be written, with their reasons."""
    registry = UidRegistry()
    accepted, refused = [], []
    counter = GranuleBuilder(definition, table, today, None)
    for plan in plans:
        problems = value_problems(common_values(definition, plan.facts), table)
        if problems:
            refused.append(RefusedRows(plan.facts.origin, "; ".join(problems), counter.count(plan)))
            continue
        admitted, refusals = registry.admit(plan)
        lost = counter.count(plan) if admitted is None else 1
        refused += [RefusedRows(refusal.path, refusal.reason, lost) for refusal in refusals]
        if admitted is not None:
            accepted.append(admitted)
    return _Plans(
        table=table,
        accepted=tuple(accepted),
        refused_rows=tuple(refused),
        rows=sum(map(counter.count, accepted)),
        empty=sum(counter.count(plan) == 0 for plan in accepted),
    )


# -- 3. table ---------------------------------------------------------------------------------------------------------


def _prepare(connection: Connection, table: Table) -> bool:
    """Make sure that a published table has all columns; whether there is none yet."""
    if not publish.stored_columns(connection, table):
        return True
    if table.schema not in {service.schema_name for service in store.services(connection)}:
        raise SetupError(
            f"The database holds a table {table.qualified_name} that was not made by an ingestion; "
            "choose another schema name in the definition."
        )
    publish.add_columns(connection, table)
    return False


# -- 4. rows and metadata, in the caller's transaction ----------------------------------------------------------------


def _load(
    connection: Connection,
    definition: Definition,
    plans: _Plans,
    is_new: bool,
    now: datetime,
    progress: Progress,
) -> Merged:
    stamp = dali_timestamp(now)
    builder = GranuleBuilder(definition, plans.table, now.date(), stamp if is_new else None)
    blocks = (block for plan in plans.accepted for block in builder.blocks(plan))
    columns = copy_columns(plans.table)
    progress.stage("loading granules", plans.rows)
    if not is_new:
        return merge_into_table(connection, plans.table, columns, blocks, progress, stamp)
    publish.create_table(connection, plans.table)
    merged = fill_new_table(connection, plans.table, columns, blocks, progress.advance)
    progress.stage("building indexes")
    allow_memory(connection, "maintenance_work_mem")
    publish.create_indexes(connection, plans.table)
    return merged


def _publish(connection: Connection, definition: Definition, plans: _Plans, is_new: bool, now: datetime) -> None:
    if not is_new:
        publish.create_indexes(connection, plans.table)
    store.write_service(
        connection,
        store.Service(
            schema_name=definition.schema,
            title=definition.title,
            description=definition.description,
            publisher=definition.publisher,
            creator=definition.creator,
            reference_url=definition.reference_url,
            granule_count=plans.rows,
            first_ingested=now,
            last_ingested=now,
        ),
    )
    store.write_datasets(
        connection,
        definition.schema,
        [plan.dataset for plan in plans.accepted],
        {plan.dataset.dataset_id: plan.granule.value for plan in plans.accepted},
    )
    store.write_files(connection, definition.schema, (file for plan in plans.accepted for file in plan.files))
    schema = Schema(name=definition.schema, title=definition.title, description=plans.table.description)
    publish.publish_table(connection, schema, plans.table)
    publish.raise_catalog_version(connection)


# -- 5. afterwards ----------------------------------------------------------------------------------------------------


def _tidy(connection: Connection, table: Table, progress: Progress) -> None:
    """Give back the room of old rows and take statistics; outside any transaction."""
    progress.stage("taking statistics")
    for name in (
        sql.Identifier(table.schema, table.name),
        sql.Identifier("archive", "dataset"),
        sql.Identifier("archive", "parameter"),
        sql.Identifier("archive", "file"),
    ):
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(name))


# -- around it all ----------------------------------------------------------------------------------------------------


@contextmanager
def _one_at_a_time(connection: Connection, schema: str) -> Iterator[None]:
    """Hold the lock of the service for as long as the block, or the connection, lasts."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK, schema)).fetchone()
    if row != (True,):
        raise SetupError(f"Another ingestion of {schema} is running; wait until it is done and try again.")
    try:
        yield
    finally:
        if not connection.closed and connection.info.transaction_status is TransactionStatus.IDLE:
            connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (_LOCK, schema))


@contextmanager
def _in_sentences(outcome: str) -> Iterator[None]:
    """Turn what the database refuses into a sentence; `outcome` says what has become of the run."""
    try:
        yield
    except psycopg.errors.UniqueViolation as exc:
        detail = exc.diag.message_detail or str(exc)
        raise SetupError(f"Two granules have the same granule_uid ({detail.rstrip('.')}); {outcome}.") from exc
    except psycopg.Error as exc:
        reason = exc.diag.message_primary or (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise SetupError(f"The database refused the ingestion: {reason}; {outcome}.") from exc
