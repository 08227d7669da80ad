"""The story of an ingestion: facts are read, granules made, checked, loaded and published in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from epntap.archive import datasets as datasets_store
from epntap.archive import files as files_store
from epntap.archive import services as services_store
from epntap.archive.counts import is_as_ingested, write_coverage, write_value_counts
from epntap.archive.memory import (
    DatasetState,
    dataset_states,
    forget_files,
    indexed_files,
    note_withdrawn,
    remember_files,
    scanned_files,
    withdrawn_datasets,
    write_dataset_states,
)
from epntap.archive.model import ArchiveFile
from epntap.catalog import ddl, publish
from epntap.catalog.model import Schema, Table
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import DefinitionError, SetupError
from epntap.hints import did_you_mean
from epntap.instants.julian import dali_timestamp
from ingest.by_dataset.admit import admit_datasets
from ingest.by_dataset.build import GranuleBuilder, files_out_of_dates
from ingest.by_dataset.planning.make import Plans, Work, make_plans, what_to_do
from ingest.by_dataset.sources.read import SourceFacts, read_sources
from ingest.by_dataset.tally import count_values
from ingest.by_row.story import RowsLoaded, load_rows
from ingest.definition.model import Definition
from ingest.files.scan import Scanner
from ingest.options import DEFAULTS, Options
from ingest.progress import Progress, Silent
from ingest.publish.block import ROW_DATES
from ingest.publish.copy import Merged, allow_memory, fill_new_table, merge_into_table
from ingest.publish.coverage import MOST_VALUES, coverage_of
from ingest.publish.guard import refuse_lost_files, refuse_lost_rows, refuse_other_writers
from ingest.report import GranuleCount, Report, SourceCount
from ingest.validation.screen import Screening, write_quarantine

__all__ = ["ingest_service"]


#: first number of the advisory locks of ingestions; the second is made from the schema
_LOCK = 7_240_532


@dataclass(frozen=True, slots=True)
class _Memory:
    """What earlier ingestions of the service left behind."""

    indexed: tuple[ArchiveFile, ...]
    datasets: Mapping[str, DatasetState]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a run has come to; the numbers of its report."""

    facts: SourceFacts
    plans: Plans
    work: Work
    screening: Screening
    merged: Merged
    opened: int
    load_seconds: float

    @property
    def table(self) -> Table:
        """The table that was written."""
        return self.plans.table


def ingest_service(
    definition: Definition,
    database: Database,
    *,
    progress: Progress | None = None,
    now: datetime | None = None,
    options: Options = DEFAULTS,
) -> Report:
    """Bring a service up to date with its sources and publish it; `now` is UTC without tzinfo.

    What cannot be used is in the report. Raises DefinitionError when definition and sources do not fit together and
    SetupError when the database refuses, or when most of what is published would go; nothing is changed then.
    """
    progress = progress or Silent()
    now = (now or datetime.now(UTC).replace(tzinfo=None)).replace(microsecond=0)
    clock = time.perf_counter()
    with connect(database, Role.OWNER, autocommit=True) as connection:
        with (
            _in_sentences("nothing was changed"),
            _one_at_a_time(connection, definition.schema, progress, wait=options.wait),
        ):
            if definition.has_rows:
                outcome: _Outcome | RowsLoaded = load_rows(
                    connection,
                    definition,
                    _prepare,
                    now,
                    _scanner(connection, definition.schema, options),
                    progress,
                    allow_deletions=options.allow_deletions,
                    thorough=options.thorough,
                )
            else:
                outcome = _bring_up_to_date(connection, definition, options, now, progress)
        # 5. room and statistics
        with _in_sentences("the granules are published, but their statistics are not up to date"):
            _tidy(connection, outcome.table, progress)
    seconds = time.perf_counter() - clock
    return outcome.report(seconds) if isinstance(outcome, RowsLoaded) else _report(definition, outcome, seconds)


def _bring_up_to_date(
    connection: Connection, definition: Definition, options: Options, now: datetime, progress: Progress
) -> _Outcome:
    schema, stamp = definition.schema, dali_timestamp(now)
    # 1. what the sources say; files that have not moved are not opened
    memory = _recall(connection, schema)
    scanner = _scanner(connection, schema, options)
    facts = read_sources(definition, now.date(), scanner, progress)
    if not options.allow_deletions:
        refuse_lost_files(schema, memory.indexed, facts.holdings)
    # 2. what the rows will be, and which of them differ
    plans = make_plans(definition, facts, now.date(), stamp)
    _refuse_unknown_withdrawals(connection, definition, facts, memory)
    # 3. a table that can hold them
    unused = _prepare(connection, plans.table)
    builder = GranuleBuilder(definition, plans.table, now.date(), stamp, is_new=unused is None)
    plans, screening = admit_datasets(connection, definition, plans, builder, stamp)
    stored = {} if unused is None else publish.rows_by_dataset(connection, plans.table)
    is_known = unused is not None and is_as_ingested(connection, schema)
    work = what_to_do(plans, memory.datasets, stored, memory.indexed, thorough=options.thorough or not is_known)
    # 4. rows, archive and catalogue, all or nothing
    load_clock = time.perf_counter()
    with connection.transaction():
        if is_known:
            refuse_other_writers(connection, schema)
        if unused is None:
            merged = _fill(connection, plans, builder, progress)
        else:
            merged = _merge(connection, definition, plans, work, builder, unused, stored, options, stamp, progress)
        load_seconds = time.perf_counter() - load_clock
        assert merged.inserted + merged.updated + merged.unchanged == plans.rows
        _publish(connection, definition, facts, plans, now)
        write_quarantine(connection, schema, screening.set_aside)
        _count(connection, plans, builder)
        forget_files(connection, schema, scanner.forgotten())
    return _Outcome(facts, plans, work, screening, merged, scanner.opened, load_seconds)


def _report(definition: Definition, outcome: _Outcome, seconds: float) -> Report:
    facts, plans = outcome.facts, outcome.plans
    kept = {file for plan in plans.accepted for file in plan.files}
    return Report(
        schema=definition.schema,
        granules=GranuleCount.after(outcome.merged, plans.refused_rows),
        total_rows=plans.rows,
        datasets=len(plans.accepted),
        datasets_without_rows=plans.empty,
        rows_compared=plans.rows - outcome.work.unchanged_rows,
        datasets_unchanged=outcome.work.unchanged,
        withdrawn=definition.withdrawn,
        files_opened=outcome.opened,
        sources=tuple(SourceCount.of(holdings, kept, definition.withdrawn) for holdings in facts.holdings),
        refused_records=tuple(facts.refused),
        refused_rows=plans.refused_rows,
        out_of_dates=tuple(refusal for plan in plans.accepted for refusal in files_out_of_dates(plan)),
        seconds=seconds,
        load_seconds=outcome.load_seconds,
        findings=outcome.screening.findings,
    )


# -- 1. before --------------------------------------------------------------------------------------------------------


def _scanner(connection: Connection, schema: str, options: Options) -> Scanner:
    known = {} if options.thorough else scanned_files(connection, schema)
    return Scanner(known, partial(remember_files, connection, schema), options.jobs)


def _recall(connection: Connection, schema: str) -> _Memory:
    return _Memory(
        indexed=indexed_files(connection, schema),
        datasets=dataset_states(connection, schema),
    )


def _refuse_unknown_withdrawals(
    connection: Connection, definition: Definition, facts: SourceFacts, memory: _Memory
) -> None:
    known = {*facts.datasets, *memory.datasets, *withdrawn_datasets(connection, definition.schema)}
    for dataset_id in definition.withdrawn:
        if dataset_id not in known:
            raise DefinitionError(
                f"{definition.file}: [service] withdrawn names {dataset_id!r}, but there is no such dataset."
                f"{did_you_mean(dataset_id, known)}"
            )


# -- 3. table ---------------------------------------------------------------------------------------------------------


def _prepare(connection: Connection, table: Table) -> tuple[str, ...] | None:
    """Make sure that a published table has all columns; the stored ones that it needs no more, None: no table yet."""
    stored = ddl.stored_columns(connection, table)
    if not stored:
        return None
    if table.schema not in {service.schema_name for service in services_store.services(connection)}:
        raise SetupError(
            f"The database holds a table {table.qualified_name} that was not made by an ingestion; "
            "choose another schema name in the definition."
        )
    ddl.add_columns(connection, table)
    return tuple(name for name in stored if table.column(name) is None)


# -- 4. rows and metadata, in the caller's transaction ----------------------------------------------------------------


def _fill(connection: Connection, plans: Plans, builder: GranuleBuilder, progress: Progress) -> Merged:
    progress.stage("loading granules", plans.rows)
    ddl.create_table(connection, plans.table)
    blocks = (block for plan in plans.accepted for block in builder.blocks(plan))
    merged = fill_new_table(connection, plans.table, blocks, progress.advance)
    progress.stage("building indexes")
    allow_memory(connection, "maintenance_work_mem")
    ddl.create_indexes(connection, plans.table)
    return merged


def _merge(
    connection: Connection,
    definition: Definition,
    plans: Plans,
    work: Work,
    builder: GranuleBuilder,
    unused: Sequence[str],
    stored: Mapping[str, int],
    options: Options,
    stamp: str,
    progress: Progress,
) -> Merged:

    def check() -> None:
        if not options.allow_deletions:
            refuse_lost_rows(connection, plans.table, sum(stored.values()), definition.withdrawn)

    merged = Merged()
    if work.datasets:
        progress.stage("loading granules", plans.rows - work.unchanged_rows)
        merged = merge_into_table(
            connection,
            plans.table,
            (block for plan in work.plans for block in builder.blocks(plan)),
            progress,
            stamp,
            datasets=work.datasets if work.unchanged else None,
            unused=unused,
            check=check,
        )
    ddl.create_indexes(connection, plans.table)
    return replace(merged, unchanged=merged.unchanged + work.unchanged_rows)


def _publish(connection: Connection, definition: Definition, facts: SourceFacts, plans: Plans, now: datetime) -> None:
    schema = definition.schema
    services_store.write_service(
        connection,
        services_store.Service(
            schema_name=schema,
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
    still_described = [facts.datasets[name].dataset for name in definition.withdrawn if name in facts.datasets]
    note_withdrawn(connection, schema, still_described, definition.withdrawn, now)
    datasets_store.write_datasets(
        connection,
        schema,
        [plan.dataset for plan in plans.accepted],
        {plan.dataset.dataset_id: plan.granule.value for plan in plans.accepted},
    )
    write_dataset_states(connection, schema, plans.states)
    files_store.write_files(connection, schema, (file for plan in plans.accepted for file in plan.files))
    described = Schema(name=schema, title=definition.title, description=plans.table.description)
    publish.publish_table(connection, described, plans.table)
    publish.raise_catalog_version(connection)


def _count(connection: Connection, plans: Plans, builder: GranuleBuilder) -> None:
    """Keep the counts by value and the coverage true."""
    counts = count_values(plans.table, builder, plans.accepted)
    write_value_counts(connection, plans.table.schema, plans.rows, counts, by_row=ROW_DATES, most=MOST_VALUES)
    write_coverage(connection, plans.table.schema, coverage_of(publish.time_bounds(connection, plans.table), counts))


# -- 5. afterwards ----------------------------------------------------------------------------------------------------


def _tidy(connection: Connection, table: Table, progress: Progress) -> None:
    """Give back the room of old rows and take statistics, where something was written; outside any transaction."""
    progress.stage("taking statistics")
    for schema, name in (
        (table.schema, table.name),
        *(("archive", name) for name in ("dataset", "parameter", "file", "scanned_file", "value_count")),
    ):
        if ddl.needs_vacuum(connection, schema, name):
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(schema, name)))


# -- around it all ----------------------------------------------------------------------------------------------------


@contextmanager
def _one_at_a_time(connection: Connection, schema: str, progress: Progress, *, wait: bool) -> Iterator[None]:
    """Hold the lock of the service for as long as the block, or the connection, lasts."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK, schema)).fetchone()
    if row != (True,):
        if not wait:
            raise SetupError(f"Another ingestion of {schema} is running; wait until it is done and try again.")
        progress.stage(f"waiting for another ingestion of {schema}")
        connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (_LOCK, schema))
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
