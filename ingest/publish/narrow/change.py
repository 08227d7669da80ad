"""A published service changed from whole rows to granules and datasets, or back: built beside it, then put in place.

Queries go on reading what is there; only to put the other in its place they are waited for, and others with them, for a
moment at a time. All of it is one transaction: whatever breaks it off leaves what is published as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial

import psycopg
from psycopg import sql

from epntap.archive.kept.counts import forget_when_written
from epntap.catalog import ddl
from epntap.catalog.indexes import STAMP_COLUMNS
from epntap.catalog.model import Table
from epntap.catalog.narrow import tables
from epntap.catalog.narrow.layout import JOINED, NUMBER, Layout
from epntap.catalog.others import kept_for_others, refuse_to_lose, refused_while_others_use_it
from epntap.catalog.publish import raise_catalog_version
from epntap.connection import Connection
from epntap.errors import SetupError
from ingest.progress import Progress
from ingest.publish.guard import refuse_other_writers
from ingest.publish.narrow.contents import NarrowRows
from ingest.publish.narrow.stage import DATASETS_TO_BE, names, stage_datasets
from ingest.publish.rows.copy import allow_memory
from ingest.publish.rows.promises import make_promises

__all__ = ["narrow_down", "prepare_narrow", "remove_left_over", "widen"]

#: how long queries may have to wait at a time, how long it takes until that is tried again, and for how long
_LOCK_TIMEOUT_S = 0.1
_PAUSE_S = 0.4
_PATIENCE_S = 600.0
#: how much of the write-ahead log may be left to the commit, how often to look, and for how long
_LOG_LEFT_BYTES = 100_000
_LOOK_S = 0.1
_LOG_PATIENCE_S = 120.0
#: a process knows after this that tables are others
_UNDERSTOOD_S = 2.0
_IN_PLACE = "putting it in place between queries"
_BESIDE = "epn_core_beside"


def narrow_down(connection: Connection, rows: NarrowRows, layout: Layout, progress: Progress) -> float:
    """Keep the granules and datasets of a table of whole rows apart; the seconds that putting them in place took.

    The table holds just these rows. Raises SetupError when they would not be the same, when somebody writes to the
    table, or when queries do not let go of it.
    """
    progress.stage("keeping granules and datasets apart")
    with connection.transaction():
        _keep_writers_out(connection, layout.table)
        refuse_other_writers(connection, layout.table.schema)
        drop_whole = partial(connection.execute, sql.SQL("DROP TABLE {}").format(ddl.sql_name(layout.table)))
        _refuse_what_others_made(connection, layout.table, drop_whole)
        allow_memory(connection, "work_mem")
        allow_memory(connection, "maintenance_work_mem")
        tables.create_tables(connection, layout)
        _copy_rows(connection, rows, layout)
        for table in (layout.granules, layout.datasets):
            make_promises(connection, table)
        tables.finish_tables(connection, layout)
        connection.execute(
            sql.SQL("ANALYZE {}, {}").format(ddl.sql_name(layout.granules), ddl.sql_name(layout.datasets))
        )
        tables.create_views(connection, layout, [JOINED])
        _refuse_other_rows(connection, layout)

        def put_in_place() -> None:
            with _in_place_of(connection, layout.table):
                drop_whole()
                tables.create_views(connection, layout, [layout.table.name])
            _tell(connection, layout.table.schema)

        progress.stage(_IN_PLACE)
        began = _when_nobody_reads(connection, ddl.sql_name(layout.table), put_in_place)
    return time.monotonic() - began


def widen(connection: Connection, layout: Layout, progress: Progress) -> None:
    """Keep each row whole again. What was kept apart is left over, for queries that were understood before.

    Raises SetupError as `narrow_down`.
    """
    progress.stage("keeping each granule whole")
    beside = replace(layout.table, name=_BESIDE)
    columns = names(column.name for column in layout.table.columns)
    with connection.transaction():
        allow_memory(connection, "maintenance_work_mem")
        for table in (layout.granules, layout.datasets):
            _keep_writers_out(connection, table)
        _refuse_what_others_made(connection, layout.table, partial(_drop_apart, connection, layout.table.schema))
        ddl.create_table(connection, beside)
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(
                ddl.sql_name(beside), columns, columns, ddl.sql_name(layout.table)
            )
        )
        make_promises(connection, beside)
        ddl.create_indexes(connection, beside)

        def put_in_place() -> None:
            with _in_place_of(connection, layout.table):
                connection.execute(sql.SQL("DROP VIEW {}").format(ddl.sql_name(layout.table)))
                ddl.rename_table(connection, beside, layout.table.name)
            _tell(connection, layout.table.schema)

        progress.stage(_IN_PLACE)
        _when_nobody_reads(connection, ddl.sql_name(layout.table), put_in_place)
    connection.execute(sql.SQL("ANALYZE {}").format(ddl.sql_name(layout.table)))


def prepare_narrow(connection: Connection, layout: Layout) -> None:
    """Make room for columns that are new, and views as they are made today; in a short transaction of its own.

    Raises SetupError when a stored column has another type, or when queries keep the views busy.
    """
    ddl.add_columns(connection, layout.datasets)
    if tables.views_digest(connection, layout.table.schema) == layout.digest():
        return
    try:
        with connection.transaction():
            _wait_for(connection, ddl.LOCK_TIMEOUT_S)
            with _in_place_of(connection, layout.table):
                tables.drop_views(connection, layout.table.schema)
                tables.create_views(connection, layout)
    except psycopg.errors.LockNotAvailable as exc:
        raise SetupError(
            f"{layout.table.qualified_name} is to be described anew, but queries are using it; nothing was changed, "
            "please try again when they are done."
        ) from exc


def remove_left_over(connection: Connection, schema: str) -> bool:
    """Drop what was kept apart where rows are whole again; outside any transaction.

    False while queries read it. Raises SetupError when something else is made of it.
    """
    if tables.is_narrow(connection, schema) or not tables.has_narrow_tables(connection, schema):
        return True
    time.sleep(_UNDERSTOOD_S)
    try:
        with connection.transaction(), refused_while_others_use_it(f"{schema}.{JOINED}", then="ingest"):
            _wait_for(connection, ddl.LOCK_TIMEOUT_S)
            tables.drop_narrow(connection, schema)
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _drop_apart(connection: Connection, schema: str) -> None:
    tables.drop_views(connection, schema)
    tables.drop_narrow(connection, schema)


def _copy_rows(connection: Connection, rows: NarrowRows, layout: Layout) -> None:
    """Datasets with the dates that most of their rows have, and granules with those that differ."""
    stage_datasets(connection, rows, layout)
    values = [name for name in layout.of_dataset if name not in STAMP_COLUMNS]
    dates = sql.SQL(", ").join(
        sql.SQL("mode() WITHIN GROUP (ORDER BY {0}) AS {0}").format(sql.Identifier(name)) for name in STAMP_COLUMNS
    )
    connection.execute(
        sql.SQL(
            "INSERT INTO {datasets} ({number}, {values}, {stamps}) SELECT s.{number}, {staged}, {dates} "
            "FROM {to_be} s JOIN (SELECT dataset_id, {modes} FROM {published} GROUP BY 1) m USING (dataset_id)"
        ).format(
            datasets=ddl.sql_name(layout.datasets),
            number=sql.Identifier(NUMBER),
            values=names(values),
            stamps=names(STAMP_COLUMNS),
            staged=names(values, "s"),
            dates=names(STAMP_COLUMNS, "m"),
            to_be=DATASETS_TO_BE,
            modes=dates,
            published=ddl.sql_name(layout.table),
        )
    )
    own_dates = sql.SQL(", ").join(
        sql.SQL("nullif(t.{0}, d.{0})").format(sql.Identifier(name)) for name in STAMP_COLUMNS
    )
    connection.execute(
        sql.SQL(
            "INSERT INTO {granules} ({number}, {own}, {stamps}) SELECT d.{number}, {stored}, {dates} "
            "FROM {published} t JOIN {datasets} d USING (dataset_id)"
        ).format(
            granules=ddl.sql_name(layout.granules),
            number=sql.Identifier(NUMBER),
            own=names(layout.own),
            stamps=names(STAMP_COLUMNS),
            stored=names(layout.own, "t"),
            dates=own_dates,
            published=ddl.sql_name(layout.table),
            datasets=ddl.sql_name(layout.datasets),
        )
    )


def _refuse_other_rows(connection: Connection, layout: Layout) -> None:
    columns = [column.name for column in layout.table.columns]
    row = connection.execute(
        sql.SQL(
            "SELECT count(*), min(coalesce(t.granule_uid, v.granule_uid)) "
            "FROM {table} t FULL JOIN {joined} v ON v.granule_uid = t.granule_uid "
            "WHERE t.granule_uid IS NULL OR v.granule_uid IS NULL OR ({before}) IS DISTINCT FROM ({after})"
        ).format(
            table=ddl.sql_name(layout.table),
            joined=sql.Identifier(layout.table.schema, JOINED),
            before=names(columns, "t"),
            after=names(columns, "v"),
        )
    ).fetchone()
    assert row is not None
    if row[0]:
        raise SetupError(
            f"{row[0]:,} rows of {layout.table.qualified_name}, such as {row[1]}, would not be the same if granules "
            "and datasets were kept apart; they stay as they are."
        )


def _in_place_of(connection: Connection, table: Table) -> AbstractContextManager[None]:
    return kept_for_others(connection, table.schema, table.name, then="ingest")


def _tell(connection: Connection, schema: str) -> None:
    forget_when_written(connection, schema)
    raise_catalog_version(connection)


def _keep_writers_out(connection: Connection, table: Table) -> None:
    """Let others read the table and not write to it until the end of the transaction."""
    try:
        _wait_for(connection, ddl.LOCK_TIMEOUT_S)
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(ddl.sql_name(table)))
        _wait_for(connection, 0)
    except psycopg.errors.LockNotAvailable as exc:
        raise SetupError(f"Somebody else is writing to {table.qualified_name}; nothing was changed.") from exc


def _when_nobody_reads(connection: Connection, table: sql.Identifier, act: Callable[[], None]) -> float:
    """Do it at a moment at which nobody uses the table; when that moment began, as time.monotonic tells it.

    New queries are held up for _LOCK_TIMEOUT_S at a time. Raises SetupError when no such moment comes.
    """
    _let_log_be_written(connection)
    until = time.monotonic() + _PATIENCE_S
    while True:
        began = time.monotonic()
        try:
            with connection.transaction():
                _wait_for(connection, _LOCK_TIMEOUT_S)
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
                act()
        except psycopg.errors.LockNotAvailable as exc:
            if time.monotonic() > until:
                raise SetupError(
                    f"Queries are using {table.as_string(connection)} all the time, so that it could not be kept in "
                    "another way; nothing was changed in that."
                ) from exc
            time.sleep(_PAUSE_S)
        else:
            return began


def _refuse_what_others_made(connection: Connection, table: Table, drop: Callable[[], object]) -> None:
    """Find out before all is built whether it could be put in place, if nobody reads just now."""
    refuse_to_lose(connection, table.schema, table.name, then="ingest")
    with suppress(psycopg.errors.LockNotAvailable), connection.transaction(force_rollback=True):
        _wait_for(connection, _LOCK_TIMEOUT_S)
        with refused_while_others_use_it(table.qualified_name, then="ingest"):
            drop()


def _let_log_be_written(connection: Connection) -> None:
    """Wait until what was written so far is on the disk: the commit, for which queries wait, has little to write then.

    The server's own writer of its log does it all the time, but for the page that is not full yet.
    """
    until = time.monotonic() + _LOG_PATIENCE_S
    (end,) = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone() or ()
    left = "SELECT pg_wal_lsn_diff(%s, pg_current_wal_flush_lsn()) > %s"
    while connection.execute(left, (end, _LOG_LEFT_BYTES)).fetchone() == (True,) and time.monotonic() < until:
        time.sleep(_LOOK_S)


def _wait_for(connection: Connection, seconds: float) -> None:
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(seconds * 1000)}ms",))
