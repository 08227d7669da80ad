"""The story of an ingestion whose sources describe each row: read and checked once, loaded, published."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from epntap.archive import store
from epntap.archive.counts import write_coverage, write_value_counts
from epntap.archive.model import Dataset
from epntap.catalog import publish
from epntap.catalog.model import Schema, Table
from epntap.epncore.time import dali_timestamp
from epntap.errors import DefinitionError, SetupError
from ingest.build import ROW_DATES
from ingest.copy import CHANGED, Merged, allow_memory, fill_new_table, merge_into_table
from ingest.descriptor import Definition, Source
from ingest.facts import Refusal, Remark
from ingest.progress import Progress
from ingest.readers.runs import RunRow
from ingest.report import GranuleCount, RefusedRows, Report, SourceCount
from ingest.rows import RowSpool, row_table
from ingest.rowsources import read_rows
from ingest.tally import MOST_VALUES, coverage_of
from ingest.validation.findings import Finding
from ingest.validation.screen import screen_rows, write_quarantine

__all__ = ["RowsLoaded", "load_rows"]

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(slots=True)
class _Read:
    """What became of one source."""

    source: Source
    rows: int = 0
    refused: list[Refusal] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RowsLoaded:
    """What a run has come to."""

    definition: Definition
    table: Table
    merged: Merged
    rows: int
    datasets: int
    refused_rows: tuple[RefusedRows, ...]
    sources: tuple[SourceCount, ...]
    remarks: tuple[Remark, ...]
    findings: tuple[Finding, ...]
    load_seconds: float

    def report(self, seconds: float) -> Report:
        """The report of a run that took so long."""
        return Report(
            schema=self.definition.schema,
            granules=GranuleCount.after(self.merged, self.refused_rows),
            total_rows=self.rows,
            datasets=self.datasets,
            datasets_without_rows=0,
            sources=self.sources,
            refused_records=(),
            refused_rows=self.refused_rows,
            out_of_dates=(),
            seconds=seconds,
            load_seconds=self.load_seconds,
            rows_compared=self.rows,
            files_opened=sum(source.found for source in self.sources),
            remarks=self.remarks,
            findings=self.findings,
        )


def load_rows(
    connection: Connection,
    definition: Definition,
    prepare: Callable[[Connection, Table], tuple[str, ...] | None],
    now: datetime,
    progress: Progress,
    *,
    allow_deletions: bool,
) -> RowsLoaded:
    """Bring the rows of a service up to date and publish them, all or nothing.

    `prepare` makes sure that a published table has all columns, and says which it needs no more (None: no table).
    Raises DefinitionError when a source does not fit the definition or has no usable row, SetupError when most of what
    is published would go.
    """
    stamp = dali_timestamp(now)
    # 1. a table that can hold what the definition names
    table = publish.with_indexed_columns(row_table(definition))
    unused = prepare(connection, table)
    with ExitStack() as stack:
        # 2. rows, each read and checked once, or a second time without those that break rules
        spool = stack.enter_context(RowSpool(definition, table, stamp, is_new=unused is None))
        reads = [_read(definition, source, table, spool, progress) for source in definition.sources]
        screening = screen_rows(
            connection, table, spool.blocks(), definition.severities, constant=spool.constant_columns()
        )
        if screening.refused or screening.quarantined:
            spool = stack.enter_context(RowSpool(definition, table, stamp, is_new=unused is None, screening=screening))
            reads = [_read(definition, source, table, spool, progress) for source in definition.sources]
        # 3. rows, archive and catalogue, all or nothing
        clock = time.perf_counter()
        stack.enter_context(connection.transaction())
        if unused is None:
            merged = _fill(connection, table, spool, progress)
        else:
            merged = _merge(connection, table, spool, unused, stamp, progress, allow_deletions=allow_deletions)
        load_seconds = time.perf_counter() - clock
        datasets = _publish(connection, definition, table, spool, now)
        write_quarantine(connection, definition.schema, screening.set_aside)
    return RowsLoaded(
        definition=definition,
        table=table,
        merged=merged,
        rows=spool.rows,
        datasets=datasets,
        refused_rows=(
            *(RefusedRows(one.path, one.reason, 1) for one in spool.refused),
            *(RefusedRows(one.path, one.reason, 1, quarantined=True) for one in spool.quarantined),
        ),
        sources=tuple(map(_count, reads)),
        remarks=tuple(remark for read in reads for remark in read.remarks),
        findings=screening.findings,
        load_seconds=load_seconds,
    )


def _read(definition: Definition, source: Source, table: Table, spool: RowSpool, progress: Progress) -> _Read:
    assert source.plan is not None
    read = _Read(source)
    columns = {column.name: column for column in table.columns}
    progress.stage(f"reading {source.kind.value}")
    for one in read_rows(source.path, source.plan, columns, definition.schema, progress.advance):
        match one:
            case Refusal():
                read.refused.append(one)
            case Remark():
                read.remarks.append(one)
            case RunRow():
                read.rows += spool.add(one.row, one.dataset)
            case _:
                read.rows += spool.add(one)
    if not read.rows:
        reasons = [*read.refused, *spool.refused]
        first = f"; the first refusal: {reasons[0].path}: {reasons[0].reason}" if reasons else ""
        raise DefinitionError(f"{definition.file}: {source.name}: there is no usable row in {source.path}{first}.")
    return read


def _count(read: _Read) -> SourceCount:
    return SourceCount(
        source=read.source.name,
        path=str(read.source.path),
        found=read.rows + len(read.refused),
        indexed=read.rows,
        superseded=(),
        unclaimed=(),
        refused=tuple(read.refused),
        not_walked=(),
        idle_claims=(),
        claimed={},
    )


def _fill(connection: Connection, table: Table, spool: RowSpool, progress: Progress) -> Merged:
    progress.stage("loading granules", spool.rows)
    publish.create_table(connection, table)
    merged = fill_new_table(connection, table, spool.blocks(), progress.advance)
    progress.stage("building indexes")
    allow_memory(connection, "maintenance_work_mem")
    publish.create_indexes(connection, table)
    return merged


def _merge(
    connection: Connection,
    table: Table,
    spool: RowSpool,
    unused: tuple[str, ...],
    stamp: str,
    progress: Progress,
    *,
    allow_deletions: bool,
) -> Merged:
    progress.stage("loading granules", spool.rows)
    merged = merge_into_table(
        connection,
        table,
        spool.blocks(),
        progress,
        stamp,
        unused=unused,
        check=lambda: None if allow_deletions else _refuse_lost_rows(connection, table),
    )
    publish.create_indexes(connection, table)
    return merged


def _refuse_lost_rows(connection: Connection, table: Table) -> None:
    """Raise SetupError when a merge is about to delete more than half of the rows of a table."""
    row = connection.execute(
        sql.SQL("SELECT (SELECT count(*) FROM {} WHERE staged_uid IS NULL), (SELECT count(*) FROM {})").format(
            CHANGED, sql.Identifier(table.schema, table.name)
        )
    ).fetchone()
    assert row is not None
    lost, rows = row
    if lost * 2 > rows:
        raise SetupError(
            f"This ingestion would delete {lost:,} of the {rows:,} granules of {table.qualified_name}. "
            "Nothing was changed; if that is as it should be, run again with --allow-deletions."
        )


def _publish(connection: Connection, definition: Definition, table: Table, spool: RowSpool, now: datetime) -> int:
    """Describe service, datasets, files and table; how many datasets."""
    schema = definition.schema
    store.write_service(
        connection,
        store.Service(
            schema_name=schema,
            title=definition.title,
            description=definition.description,
            publisher=definition.publisher,
            creator=definition.creator,
            reference_url=definition.reference_url,
            granule_count=spool.rows,
            first_ingested=now,
            last_ingested=now,
        ),
    )
    datasets = list(spool.datasets.values()) or [Dataset(schema, definition.title, definition.description)]
    store.write_datasets(connection, schema, datasets, {one.dataset_id: "file" for one in datasets})
    store.write_files(connection, schema, spool.files)
    described = Schema(name=schema, title=definition.title, description=table.description)
    publish.publish_table(connection, described, table)
    counts = spool.counts()
    write_value_counts(connection, schema, spool.rows, counts, by_row=ROW_DATES, most=MOST_VALUES)
    write_coverage(connection, schema, coverage_of(publish.time_bounds(connection, table), counts))
    publish.raise_catalog_version(connection)
    return len(datasets)
