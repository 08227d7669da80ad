"""The story of an ingestion whose sources describe each row: read and checked once, loaded, published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial

from psycopg import sql

from epntap.archive import datasets as datasets_store
from epntap.archive import files as files_store
from epntap.archive import services as services_store
from epntap.archive.counts import is_as_ingested, write_coverage, write_value_counts
from epntap.archive.memory import RowState, forget_files, moved_files, row_state, write_row_state
from epntap.archive.model import Dataset
from epntap.catalog import ddl, publish
from epntap.catalog.model import Schema, Table
from epntap.connection import Connection
from epntap.errors import DefinitionError, SetupError, UnreadableFileError
from epntap.instants.julian import dali_timestamp
from ingest.by_row.fingerprint import rows_fingerprint
from ingest.by_row.open import RowSource, open_rows
from ingest.by_row.runs import RunRow
from ingest.by_row.spool import RowSpool, row_table
from ingest.definition.model import Definition, Source, SourceKind
from ingest.facts import Refusal, RefusedRows, Remark, RowFacts
from ingest.files.scan import Scanner
from ingest.findings import Finding
from ingest.progress import Progress
from ingest.publish.block import ROW_DATES
from ingest.publish.copy import CHANGED, Merged, allow_memory, fill_new_table, merge_into_table
from ingest.publish.coverage import MOST_VALUES, coverage_of
from ingest.report import NOT_KEPT, GranuleCount, Report, SourceCount
from ingest.validation.screen import Screening, screen_rows, write_quarantine

__all__ = ["RowsLoaded", "load_rows"]


#: of a report that says more than so many things, nothing is kept for the next run, which makes all rows again
_MOST_SAID = 10_000


@dataclass(slots=True)
class _Read:
    """What became of one source."""

    source: Source
    rows: int = 0
    refused: list[Refusal] = field(default_factory=list)
    #: origins of rows that were made and may not be published
    kept_out: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a report says beside its numbers; it is said again as long as nothing moves."""

    datasets: int
    refused_rows: tuple[RefusedRows, ...]
    sources: tuple[SourceCount, ...]
    remarks: tuple[Remark, ...]
    findings: tuple[Finding, ...]

    @property
    def never_made(self) -> int:
        """Rows that a file that cannot be used would have been."""
        return sum(refusal.granules for source in self.sources for refusal in source.refused)

    def to_state(self, fingerprint: str, rows: int) -> RowState | None:
        """What the next run needs to say the same, or None when that is too much to keep."""
        if len(self.refused_rows) + len(self.remarks) + sum(len(one.refused) for one in self.sources) > _MOST_SAID:
            return None
        return RowState(fingerprint, rows, {**asdict(self), "findings": [one.to_json() for one in self.findings]})

    @classmethod
    def from_state(cls, state: RowState) -> _Said:
        """What was said when the state was written."""
        said = state.said
        return cls(
            said["datasets"],
            tuple(RefusedRows(**one) for one in said["refused_rows"]),
            tuple(SourceCount.from_json(one) for one in said["sources"]),
            tuple(Remark(**one) for one in said["remarks"]),
            tuple(Finding.from_json(one) for one in said["findings"]),
        )


@dataclass(frozen=True, slots=True)
class RowsLoaded:
    """What a run has come to."""

    definition: Definition
    table: Table
    merged: Merged
    rows: int
    opened: int
    said: _Said
    load_seconds: float
    #: rows that were made and compared; none where nothing has moved
    compared: int

    def report(self, seconds: float) -> Report:
        """The report of a run that took so long."""
        return Report(
            schema=self.definition.schema,
            granules=GranuleCount.after(self.merged, self.said.refused_rows, self.said.never_made),
            total_rows=self.rows,
            datasets=self.said.datasets,
            datasets_without_rows=0,
            datasets_unchanged=0 if self.compared else self.said.datasets,
            sources=self.said.sources,
            refused_records=(),
            refused_rows=self.said.refused_rows,
            out_of_dates=(),
            seconds=seconds,
            load_seconds=self.load_seconds,
            rows_compared=self.compared,
            files_opened=self.opened,
            remarks=self.said.remarks,
            findings=self.said.findings,
        )


def load_rows(
    connection: Connection,
    definition: Definition,
    prepare: Callable[[Connection, Table], tuple[str, ...] | None],
    now: datetime,
    scanner: Scanner,
    progress: Progress,
    *,
    allow_deletions: bool,
    thorough: bool,
) -> RowsLoaded:
    """Bring the rows of a service up to date and publish them, all or nothing.

    `prepare` makes sure that a published table has all columns, and says which it needs no more (None: no table).
    Raises DefinitionError when a source does not fit the definition or has no usable row, SetupError when most of what
    is published would go.
    """
    schema, stamp = definition.schema, dali_timestamp(now)
    # 1. a table that can hold what the definition names
    table = ddl.with_indexed_columns(row_table(definition))
    unused = prepare(connection, table)
    # 2. what the sources hold; files that have not moved are not opened
    sources = [(source, _open(definition, source, table, scanner, progress)) for source in definition.sources]
    fingerprint = rows_fingerprint(definition, (one for _, opened in sources for one in opened.contents))
    if unused is not None and not thorough:
        state = row_state(connection, schema)
        is_same = state is not None and state.fingerprint == fingerprint and is_as_ingested(connection, schema)
        if state is not None and is_same and _rows_stored(connection, table) == state.rows:
            _note_run(connection, schema, scanner, now)
            merged = Merged(unchanged=state.rows)
            said = _Said.from_state(state)
            return RowsLoaded(definition, table, merged, state.rows, scanner.opened, said, 0.0, compared=0)
    moved = frozenset() if unused is None else moved_files(connection, schema, scanner.seen)
    with ExitStack() as stack:
        # 3. rows, made and checked, or a second time without those that break rules
        new_spool = partial(RowSpool, definition, table, stamp, is_new=unused is None, moved=moved)
        spool = stack.enter_context(new_spool())
        reads = [_read(definition, source, opened, spool, progress) for source, opened in sources]
        progress.stage("checking the rules")
        screening = screen_rows(
            connection, table, spool.blocks(), definition.severities, constant=spool.constant_columns()
        )
        if screening.refused or screening.quarantined:
            spool = stack.enter_context(new_spool(screening=screening))
            reads = [_read(definition, source, opened, spool, progress) for source, opened in sources]
        # 4. rows, archive and catalogue, all or nothing
        clock = time.perf_counter()
        stack.enter_context(connection.transaction())
        if unused is None:
            merged = _fill(connection, table, spool, progress)
        else:
            merged = _merge(connection, table, spool, unused, stamp, progress, allow_deletions=allow_deletions)
        load_seconds = time.perf_counter() - clock
        said = _say(_publish(connection, definition, table, spool, now), reads, spool, screening)
        write_quarantine(connection, schema, screening.set_aside)
        write_row_state(connection, schema, said.to_state(fingerprint, spool.rows))
        forget_files(connection, schema, scanner.forgotten())
    return RowsLoaded(definition, table, merged, spool.rows, scanner.opened, said, load_seconds, compared=spool.rows)


def _open(definition: Definition, source: Source, table: Table, scanner: Scanner, progress: Progress) -> RowSource:
    assert source.plan is not None
    columns = {column.name: column for column in table.columns}
    return open_rows(source.path, source.plan, columns, definition.schema, scanner, progress)


def _rows_stored(connection: Connection, table: Table) -> int:
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table.schema, table.name))
    ).fetchone()
    assert row is not None
    return int(row[0])


def _note_run(connection: Connection, schema: str, scanner: Scanner, now: datetime) -> None:
    with connection.transaction():
        connection.execute("UPDATE archive.service SET last_ingested = %s WHERE schema_name = %s", (now, schema))
        forget_files(connection, schema, scanner.forgotten())


def _read(definition: Definition, source: Source, opened: RowSource, spool: RowSpool, progress: Progress) -> _Read:
    read = _Read(source)
    progress.stage("making rows", opened.steps)
    try:
        for one in opened.rows(progress.advance):
            match one:
                case Refusal():
                    read.refused.append(one)
                case Remark():
                    read.remarks.append(one)
                case RunRow():
                    _take(read, spool, one.row, one.dataset)
                case _:
                    _take(read, spool, one)
    except UnreadableFileError as exc:
        raise DefinitionError(f"{source.path}: {exc}.") from exc
    if not read.rows:
        reasons = [*read.refused, *spool.refused]
        first = f"; the first refusal: {reasons[0].path}: {reasons[0].reason}" if reasons else ""
        raise DefinitionError(f"{definition.file}: {source.name}: there is no usable row in {source.path}{first}.")
    return read


def _take(read: _Read, spool: RowSpool, row: RowFacts, dataset: Dataset | None = None) -> None:
    if spool.add(row, dataset):
        read.rows += 1
    else:
        read.kept_out.append(row.origin)


def _say(datasets: int, reads: Iterable[_Read], spool: RowSpool, screening: Screening) -> _Said:
    return _Said(
        datasets=datasets,
        refused_rows=(
            *(
                RefusedRows(one.path, one.reason, 1)
                for read in reads
                if read.source.kind is SourceKind.TABLE
                for one in read.refused
            ),
            *(RefusedRows(one.path, one.reason, 1) for one in spool.refused),
            *(RefusedRows(one.path, one.reason, 1, quarantined=True) for one in spool.quarantined),
        ),
        sources=tuple(map(_count, reads)),
        remarks=tuple(remark for read in reads for remark in read.remarks),
        findings=screening.findings,
    )


def _count(read: _Read) -> SourceCount:
    """Of a tree the files that are rows, or would be, and those that cannot be; a table is one file."""
    is_table = read.source.kind is SourceKind.TABLE
    refused = () if is_table else (*read.refused, *(Refusal(origin, NOT_KEPT) for origin in read.kept_out))
    indexed = 1 if is_table else read.rows
    return SourceCount(
        source=read.source.name,
        path=str(read.source.path),
        found=indexed + len(refused),
        indexed=indexed,
        superseded=(),
        unclaimed=(),
        refused=refused,
        not_walked=(),
        idle_claims=(),
        claimed={},
    )


def _fill(connection: Connection, table: Table, spool: RowSpool, progress: Progress) -> Merged:
    progress.stage("loading granules", spool.rows)
    ddl.create_table(connection, table)
    merged = fill_new_table(connection, table, spool.blocks(), progress.advance)
    progress.stage("building indexes")
    allow_memory(connection, "maintenance_work_mem")
    ddl.create_indexes(connection, table)
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
    ddl.create_indexes(connection, table)
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
    services_store.write_service(
        connection,
        services_store.Service(
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
    datasets_store.write_datasets(connection, schema, datasets, {one.dataset_id: "file" for one in datasets})
    files_store.write_files(connection, schema, spool.files)
    described = Schema(name=schema, title=definition.title, description=table.description)
    publish.publish_table(connection, described, table)
    counts = spool.counts()
    write_value_counts(connection, schema, spool.rows, counts, by_row=ROW_DATES, most=MOST_VALUES)
    write_coverage(connection, schema, coverage_of(publish.time_bounds(connection, table), counts))
    publish.raise_catalog_version(connection)
    return len(datasets)
