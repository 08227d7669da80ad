"""An ingestion: the sources are read, their contents added together and published; one at a time for each service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add
from typing import Protocol

import psycopg
from psycopg.pq import TransactionStatus

from epntap.archive.kept.told import write_report
from epntap.archive.memory import remember_files, scanned_files
from epntap.archive.model import ScannedFile
from epntap.archive.services import Service
from epntap.catalog import ddl
from epntap.catalog.model import Table
from epntap.catalog.others import made_of
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError
from epntap.spread.executor import Executor
from ingest.by_dataset.story import read_datasets_of
from ingest.by_row.story import read_rows_of
from ingest.definition.model import Definition
from ingest.files.scan import Scanner
from ingest.ingestion import Ingestion
from ingest.options import DEFAULTS, Options
from ingest.progress import Progress, Silent
from ingest.publish.contents import Contents, joined_table
from ingest.publish.drop import delete_service, service_of
from ingest.publish.service import foresee, publish_contents, tidy
from ingest.publish.stock import Stock, take_stock
from ingest.report import Report

__all__ = ["drop_service", "find_service", "ingest_service"]


#: first number of the advisory locks of ingestions; the second is made from the schema
_LOCK = 7_240_532


class _Read(Protocol):
    """Sources that have been read: of datasets, or of rows."""

    @property
    def table(self) -> Table:
        """The columns that their rows need."""
        ...

    def contents(self, table: Table, stock: Stock) -> Contents:
        """What the service is to hold of them, for a table that may have more columns."""
        ...


def ingest_service(
    definition: Definition,
    database: Database,
    *,
    progress: Progress | None = None,
    now: datetime | None = None,
    options: Options = DEFAULTS,
    executor: Executor | None = None,
) -> Report:
    """Bring a service up to date with its sources and publish it; `now` is UTC without tzinfo.

    Files are read by `executor`, or by processes of this machine.
    What cannot be used is in the report. Raises DefinitionError when definition and sources do not fit together and
    SetupError when the database refuses, or when most of what is published would go; nothing is changed then.
    """
    progress = progress or Silent()
    now = (now or datetime.now(UTC).replace(tzinfo=None)).replace(microsecond=0)
    clock = time.perf_counter()
    with connect(database, Role.OWNER, autocommit=True) as connection, ExitStack() as afterwards:
        with (
            _in_sentences("nothing was changed"),
            _one_at_a_time(connection, definition.schema, progress, wait=options.wait),
        ):
            scanner = _scanner(connection, definition.schema, options, executor)
            ingestion = Ingestion(definition, connection, options, scanner, progress, now, afterwards)
            reads = [read(ingestion) for read in _stories(definition)]
            table = ddl.with_indexed_columns(joined_table(one.table for one in reads))
            stock = take_stock(connection, table)
            contents = reduce(add, (one.contents(table, stock) for one in reads))
            published = (foresee if options.dry_run else publish_contents)(ingestion, contents, table, stock)
        if not options.dry_run:
            with _in_sentences("the granules are published, but their statistics are not up to date"):
                tidy(connection, table, progress)
        report = Report.of(ingestion, contents, published, time.perf_counter() - clock)
        if not options.dry_run:
            with _in_sentences("the granules are published, but what was done is not noted"):
                write_report(connection, definition.schema, report.summary())
    return report


def find_service(database: Database, schema: str) -> Service:
    """A published service. Raises NotFoundError when there is none of this schema."""
    with connect(database, Role.SERVICE) as connection:
        return service_of(connection, schema)


def drop_service(database: Database, schema: str, *, wait: bool = False) -> None:
    """Take a service back, all or nothing. Raises NotFoundError for an unknown one, SetupError while it is in use."""
    with (
        connect(database, Role.OWNER, autocommit=True) as connection,
        _in_sentences("nothing was changed"),
        _one_at_a_time(connection, schema, Silent(), wait=wait),
        connection.transaction(),
    ):
        service_of(connection, schema)
        delete_service(connection, schema)


def _stories(definition: Definition) -> Iterator[Callable[[Ingestion], _Read]]:
    if definition.has_datasets:
        yield read_datasets_of
    if definition.has_rows:
        yield read_rows_of


def _scanner(connection: Connection, schema: str, options: Options, executor: Executor | None) -> Scanner:
    memory = _ServiceMemory(connection, schema, is_asked=not options.thorough, is_told=not options.dry_run)
    return Scanner(memory, options.jobs, executor=executor)


@dataclass(frozen=True, slots=True)
class _ServiceMemory:
    """What the database remembers of the files of a service."""

    connection: Connection
    schema: str
    is_asked: bool
    is_told: bool

    def known(self, root: str, paths: Sequence[str]) -> Mapping[str, ScannedFile]:
        return scanned_files(self.connection, self.schema, root, paths) if self.is_asked else {}

    def remember(self, files: Sequence[ScannedFile]) -> None:
        if self.is_told:
            remember_files(self.connection, self.schema, files)


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
    except psycopg.errors.DependentObjectsStillExist as exc:
        raise SetupError(
            f"Something else is made of what was to be dropped: {made_of(exc)}. Please drop that first; {outcome}."
        ) from exc
    except psycopg.Error as exc:
        reason = exc.diag.message_primary or (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise SetupError(f"The database refused the ingestion: {reason}; {outcome}.") from exc
