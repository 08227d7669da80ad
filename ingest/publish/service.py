"""Publishing: the contents of a service are filled or merged into its table and described, all or nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from psycopg import sql

from epntap.archive import datasets as datasets_store
from epntap.archive import files as files_store
from epntap.archive import services as services_store
from epntap.archive.kept.counts import write_coverage, write_value_counts
from epntap.archive.kept.groups import are_grouped, group_granules
from epntap.archive.memory import forget_files, note_withdrawn, write_dataset_states, write_row_state
from epntap.catalog import ddl, publish
from epntap.catalog.closed import has_closed_table, make_closed_table
from epntap.catalog.distributed import distribute, is_distributed
from epntap.catalog.indexes import CLOSED
from epntap.catalog.model import Schema, Table
from epntap.catalog.narrow.tables import create_views, finish_tables, row_tables
from epntap.connection import Connection
from epntap.errors import SetupError
from ingest.facts import Remark
from ingest.ingestion import Ingestion
from ingest.progress import Progress
from ingest.publish.contents import Contents
from ingest.publish.coverage import MOST_VALUES, coverage_of
from ingest.publish.datasets.catalogue import publish_catalogue
from ingest.publish.datasets.series import publish_series
from ingest.publish.guard import refuse_equal_uids, refuse_lost_rows, refuse_other_writers
from ingest.publish.narrow.change import remove_left_over
from ingest.publish.narrow.fill import fill_narrow
from ingest.publish.narrow.merge import write_narrow
from ingest.publish.narrow.storage import narrow_if_wanted, prepare, stored_layout
from ingest.publish.rows import closing
from ingest.publish.rows.block import ROW_DATES
from ingest.publish.rows.copy import (
    Merged,
    Scope,
    allow_memory,
    fill_new_table,
    foresee_merge,
    merge_into_table,
)
from ingest.publish.rows.identifiers import give_public_ids, meetings, note_successors, note_superseded
from ingest.publish.rows.quarantine import write_quarantine
from ingest.publish.stock import Stock

__all__ = ["Published", "foresee", "publish_contents", "tidy"]

#: tables that change with every service
_ARCHIVE = ("dataset", "parameter", "file", "series", "former_uid", "scanned_file", "value_count", "granule_group")


@dataclass(frozen=True, slots=True)
class Published:
    """What became of the rows, and how long that took."""

    merged: Merged
    load_seconds: float
    #: what came to light while they were written
    remarks: tuple[Remark, ...] = ()


def publish_contents(ingestion: Ingestion, contents: Contents, table: Table, stock: Stock) -> Published:
    """Make the service exactly its contents, in one transaction; what its files say of records follows after it.

    Raises SetupError when somebody else has written to the table or most of what is published would go.
    """
    if contents.unmoved:
        published = _note_run(ingestion, contents, table)
    else:
        published = _publish_moved(ingestion, contents, table, stock)
    datasets = (dataset for dataset, _ in contents.datasets)
    remarks = publish_series(ingestion.connection, ingestion.schema, datasets, ingestion.progress)
    return replace(published, remarks=published.remarks + remarks)


def _publish_moved(ingestion: Ingestion, contents: Contents, table: Table, stock: Stock) -> Published:
    connection, schema = ingestion.connection, ingestion.schema
    if contents.narrow is not None and (_closed(contents) or not (stock.is_new or _may_be_narrow(connection, table))):
        contents = replace(contents, narrow=None)
    closed = _closed(contents)
    stock = prepare(ingestion, contents, table, stock)
    if not stock.is_new:
        # by itself, because readers wait for it: not for as long as the rows take
        closing.prepare(connection, table, closed)
    clock = time.perf_counter()
    with connection.transaction():
        if stock.is_as_ingested:
            refuse_other_writers(connection, schema)
        remarks: list[Remark] = []
        merged = (_fill if stock.is_new else _merge)(ingestion, contents, table, stock, remarks)
        contents, closed_rows = _close(ingestion, contents, table, closed)
        load_seconds = time.perf_counter() - clock
        assert merged.inserted + merged.updated + merged.unchanged == contents.rows + closed_rows
        _describe(ingestion, contents, table, has_closed_rows=closed_rows > 0)
        note_superseded(connection, table, contents.former())
        write_quarantine(connection, schema, contents.set_aside)
        _count(connection, contents, table)
        _group(ingestion, table, merged, stock)
        forget_files(connection, schema, ingestion.scanner.seen.are_there)
    remarks += narrow_if_wanted(ingestion, contents, table, stock)
    return Published(merged, load_seconds, tuple(remarks))


def foresee(ingestion: Ingestion, contents: Contents, table: Table, stock: Stock) -> Published:
    """What publishing would do to the rows; nothing is changed. Raises what publishing would raise."""
    if stock.is_new:
        return Published(Merged(inserted=contents.rows), 0.0)
    clock = time.perf_counter()
    with ingestion.connection.transaction(force_rollback=True):
        merged = _passed_over(contents)
        closed = _closed(contents)
        # a narrow service has no closed row yet
        if not stock.is_narrow and closing.prepare(ingestion.connection, table, closed):
            closing.reopen_rows(ingestion.connection, table, closed, _scope(contents, stock))
        if not _is_idle(contents, stock):
            ingestion.progress.stage("reading granules", contents.compared)
            merged = _sum(
                merged,
                foresee_merge(
                    ingestion.connection,
                    table,
                    contents.blocks(),
                    ingestion.progress,
                    missing=stock.missing,
                    scope=_scope(contents, stock),
                    unused=stock.unused,
                    check=lambda: _check(ingestion, contents, table, stock),
                ),
            )
    return Published(merged, time.perf_counter() - clock)


def tidy(connection: Connection, table: Table, progress: Progress) -> None:
    """Give back the room of old rows and take statistics, where something was written; outside any transaction."""
    progress.stage("taking statistics")
    for name in row_tables(connection, table.schema):
        ddl.drop_retired_indexes(connection, replace(table, name=name))
    remove_left_over(connection, table.schema)
    for schema, name in (
        *((table.schema, name) for name in row_tables(connection, table.schema)),
        *([(table.schema, CLOSED)] if has_closed_table(connection, table.schema) else []),
        *(("archive", name) for name in _ARCHIVE),
    ):
        if ddl.needs_vacuum(connection, schema, name):
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(schema, name)))


# -- rows -------------------------------------------------------------------------------------------------------------


def _fill(ingestion: Ingestion, contents: Contents, table: Table, _stock: Stock, remarks: list[Remark]) -> Merged:
    connection, progress = ingestion.connection, ingestion.progress
    progress.stage("loading granules", contents.rows)
    if contents.narrow is None:
        ddl.create_table(connection, table)
        if ingestion.options.distribute and not _closed(contents):
            distribute(connection, table, ingestion.options.distribute)
        merged = fill_new_table(connection, table, contents.blocks(), progress.advance)
    else:
        merged = fill_narrow(connection, contents.narrow, progress.advance)
    progress.stage("building indexes")
    allow_memory(connection, "maintenance_work_mem")
    if contents.narrow is None:
        ddl.create_indexes(connection, table)
    else:
        finish_tables(connection, contents.narrow.layout)
        create_views(connection, contents.narrow.layout)
    remarks += meetings(connection, table, is_new=True)
    return merged


def _merge(ingestion: Ingestion, contents: Contents, table: Table, stock: Stock, remarks: list[Remark]) -> Merged:
    merged = _passed_over(contents)
    connection, narrow = ingestion.connection, contents.narrow
    if has_closed_table(connection, table.schema):
        closing.reopen_rows(connection, table, _closed(contents), _scope(contents, stock))
    layout = stored_layout(connection, narrow, stock) if narrow is not None and stock.is_narrow else None
    if not _is_idle(contents, stock):
        ingestion.progress.stage("loading granules", contents.compared)
        merged = _sum(
            merged,
            merge_into_table(
                ingestion.connection,
                table,
                contents.blocks(),
                ingestion.progress,
                ingestion.stamp,
                scope=_scope(contents, stock),
                unused=stock.unused,
                check=lambda: _before_writing(ingestion, contents, table, stock, remarks),
                kept_in=() if layout is None else (layout.granules, layout.datasets),
                write=None
                if layout is None or narrow is None
                else partial(write_narrow, connection, narrow, layout, ingestion.stamp),
            ),
        )
    if layout is None:
        ddl.create_indexes(connection, table)
    else:
        ddl.create_indexes(connection, layout.granules, layout.indexes())
    return merged


def _may_be_narrow(connection: Connection, table: Table) -> bool:
    """Not where rows are kept that only some may see, or rows that lie on several servers: each of those is whole."""
    return not has_closed_table(connection, table.schema) and not is_distributed(connection, table.schema, table.name)


def _closed(contents: Contents) -> list[closing.Closed]:
    return closing.closed_of((dataset for dataset, _ in contents.datasets), contents.states.keys())


def _close(
    ingestion: Ingestion, contents: Contents, table: Table, closed: Sequence[closing.Closed]
) -> tuple[Contents, int]:
    """Take out the rows that are not open; what is left, and how many are closed."""
    connection = ingestion.connection
    if closed and is_distributed(connection, table.schema, table.name):
        raise SetupError(
            f"{table.qualified_name} is spread over several servers and cannot have rows that only some may see; take "
            f"the service back with 'epntap drop {table.schema}' and ingest it again."
        )
    if closed:
        make_closed_table(connection, table)
    if not has_closed_table(connection, table.schema):
        return contents, 0
    rows = closing.close_rows(connection, table, closed)
    if not rows:
        return contents, 0
    left = closing.closed_counts(connection, table, contents.counts)
    return replace(contents, rows=contents.rows - rows, counts=left), rows


def _before_writing(
    ingestion: Ingestion, contents: Contents, table: Table, stock: Stock, remarks: list[Remark]
) -> None:
    _check(ingestion, contents, table, stock)
    note_successors(ingestion.connection, table)
    remarks += meetings(ingestion.connection, table, is_new=False)


def _check(ingestion: Ingestion, contents: Contents, table: Table, stock: Stock) -> None:
    if contents.is_sum:
        refuse_equal_uids(ingestion.connection)
    if not ingestion.options.allow_deletions:
        refuse_lost_rows(ingestion.connection, table, stock, ingestion.definition.withdrawn)


def _passed_over(contents: Contents) -> Merged:
    return Merged(unchanged=contents.rows - contents.compared)


def _sum(one: Merged, other: Merged) -> Merged:
    return replace(other, unchanged=one.unchanged + other.unchanged)


def _scope(contents: Contents, stock: Stock) -> Scope | None:
    """The published rows that are compared; None: all."""
    if not contents.passed_over:
        return None
    return Scope(frozenset(stock.by_dataset or ()) - contents.passed_over, contents.granules)


def _is_idle(contents: Contents, stock: Stock) -> bool:
    """Whether there is nothing to compare, and nothing to compare it with."""
    scope = _scope(contents, stock)
    return not contents.compared and scope is not None and not scope.datasets and not scope.granules


# -- what is said of them, in the same transaction --------------------------------------------------------------------


def _describe(ingestion: Ingestion, contents: Contents, table: Table, *, has_closed_rows: bool) -> None:
    connection, definition, schema = ingestion.connection, ingestion.definition, ingestion.schema
    services_store.write_service(
        connection,
        services_store.Service(
            schema_name=schema,
            title=definition.title,
            description=definition.description,
            publisher=definition.publisher,
            creator=definition.creator,
            reference_url=definition.reference_url,
            granule_count=contents.rows,
            has_closed_rows=has_closed_rows,
            first_ingested=ingestion.now,
            last_ingested=ingestion.now,
        ),
    )
    note_withdrawn(connection, schema, contents.withdrawn, definition.withdrawn, ingestion.now)
    datasets_store.write_datasets(
        connection,
        schema,
        [dataset for dataset, _ in contents.datasets],
        {dataset.dataset_id: granule.value for dataset, granule in contents.datasets},
    )
    give_public_ids(connection, schema)
    write_dataset_states(connection, schema, contents.states)
    files_store.write_files(connection, schema, contents.files)
    write_row_state(connection, schema, contents.memory)
    publish.publish_table(connection, Schema(name=schema, title=definition.title, description=table.description), table)
    publish_catalogue(connection, definition)
    publish.raise_catalog_version(connection)


def _count(connection: Connection, contents: Contents, table: Table) -> None:
    """Keep the counts by value and the coverage true."""
    write_value_counts(connection, table.schema, contents.rows, contents.counts, by_row=ROW_DATES, most=MOST_VALUES)
    closing.count_closed_rows(connection, table, dict.fromkeys((*contents.counts, *ROW_DATES)))
    covered = coverage_of(publish.time_bounds(connection, table), contents.counts)
    write_coverage(connection, table.schema, covered)


def _group(ingestion: Ingestion, table: Table, merged: Merged, stock: Stock) -> None:
    """Keep the groups of granules true: those of datasets whose rows moved, or all where nobody knows which did."""
    known = stock.is_as_ingested and are_grouped(ingestion.connection, table.schema)
    if not known or merged.datasets is None:
        ingestion.progress.stage("counting granules by month")
    allow_memory(ingestion.connection, "work_mem")
    group_granules(ingestion.connection, table, merged.datasets if known else None)


def _note_run(ingestion: Ingestion, contents: Contents, table: Table) -> Published:
    connection, schema = ingestion.connection, ingestion.schema
    with connection.transaction():
        connection.execute(
            "UPDATE archive.service SET last_ingested = %s WHERE schema_name = %s", (ingestion.now, schema)
        )
        forget_files(connection, schema, ingestion.scanner.seen.are_there)
        give_public_ids(connection, schema)
        closing.release_rows(connection, table)
        if contents.rows and not are_grouped(connection, schema):
            # of a version that did not group: what is searched changes, so pages have to read again
            group_granules(connection, table)
            publish.raise_catalog_version(connection)
        if publish_catalogue(connection, ingestion.definition):
            publish.raise_catalog_version(connection)
    return Published(Merged(unchanged=contents.rows), 0.0)
