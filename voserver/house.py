"""What all servers of one process share: built once, after the fork, and handed to whoever needs a part of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields

from psycopg_pool import ConnectionPool

from cutouts.cutouts import Cutouts, sync_limit
from cutouts.processes.pool import Cutters
from datalink.links.descriptors import descriptors_for_answer
from datalink.links.spans import service_span
from epntap.access import Caller
from epntap.answer.admission import Admission
from epntap.answer.watch import Watcher
from epntap.archive.finding.finder import Finder
from epntap.catalog.load import CatalogCache
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect, open_pool, pooled
from epntap.db.standbys import query_pools
from epntap.pages import Pages
from epntap.settings import Settings
from epntap.tap.query.pipeline import TapService
from epntap.uws.changes import JobWaits
from epntap.uws.results import Results
from epntap.uws.service import JobService
from epntap.uws.store import JobStore
from eventtables.files import TableFiles
from voaccounts.accounts import Accounts
from voaccounts.allowances import Allowances
from voaccounts.mine.desk import Desk as Mine
from voaccounts.proofs.passwords import Passwords
from voweb.site import pages_of

__all__ = ["House", "Pools", "build_house", "worker_pools"]

#: connections for all that is not a query, and for jobs
_INTERNAL_CONNECTIONS = 4
#: seconds after which the database notices that a worker was killed while its query ran
_CHECK_CLIENT = "2s"


@dataclass(frozen=True, slots=True)
class Pools:
    """The connections of one process."""

    #: in the role that may only read what is published; on standbys, where there are some
    queries: ConnectionPool[Connection]
    #: in the service role
    internal: ConnectionPool[Connection]
    #: the same for jobs, so that asking how a job is doing never waits for anything else
    jobs: ConnectionPool[Connection]
    #: as `queries`, on the primary; None: those are there already
    primary: ConnectionPool[Connection] | None = None

    def to_tell(self) -> Iterator[tuple[str, ConnectionPool[Connection]]]:
        """Each with its name, for metrics."""
        for one in fields(self):
            if (pool := getattr(self, one.name)) is not None:
                yield one.name, pool


@dataclass(frozen=True, slots=True)
class House:
    """The parts from which servers are made."""

    settings: Settings
    database: Database
    pools: Pools
    catalog: CatalogCache
    #: makes pages for people
    pages: Pages
    #: knows who asks
    accounts: Accounts
    #: counts what they have
    allowances: Allowances
    #: what people keep
    mine: Mine
    #: how much may be in progress at once, of everything
    admission: Admission
    #: looks after all answers that last
    watcher: Watcher
    finder: Finder
    cutouts: Cutouts
    tap: TapService
    #: jobs of queries; those of others are the same with another kind
    jobs: JobService
    #: what happened when
    events: TableFiles


def build_house(settings: Settings, database: Database, pools: Pools | None = None) -> House:
    """Everything that a process needs, with pools for the web unless others are given."""
    pools = pools or _web_pools(settings, database)
    catalog = CatalogCache(lambda: pooled(pools.internal))
    admission = Admission.of(settings.threads, _cores())
    watcher = Watcher()
    finder = Finder(lambda: pooled(pools.internal), catalog)
    accounts = Accounts(
        lambda: pooled(pools.internal),
        Passwords(admission.share("passwords", 1 / 4, computes=True)),
        settings.session_lifetime_s,
    )
    events = TableFiles(finder.connect, watcher, admission.share("event tables", 1 / 8))
    pages = pages_of(settings, accounts.in_use)
    mine = Mine(lambda: pooled(pools.internal), settings)
    return House(
        settings=settings,
        database=database,
        pools=pools,
        catalog=catalog,
        pages=pages,
        accounts=accounts,
        mine=mine,
        allowances=Allowances(lambda: pooled(pools.internal), accounts.key_for, settings),
        admission=admission,
        watcher=watcher,
        finder=finder,
        cutouts=Cutouts(
            finder=finder,
            watcher=watcher,
            places=admission.share("cut-outs", 1 / 4, computes=True),
            addresses=settings.addresses,
            limit=sync_limit(settings),
            inline_bytes=settings.soda_inline_bytes,
            inline_files_bytes=settings.soda_inline_files_bytes,
            cutters=Cutters(log_file=settings.log_file),
        ),
        tap=TapService(
            settings=settings,
            pool=pools.queries,
            primary=pools.primary,
            catalog=catalog,
            admission=admission,
            watcher=watcher,
            describe=lambda columns: descriptors_for_answer(
                settings.addresses, columns, lambda schema: service_span(catalog(), schema)
            ),
            pages=pages,
            own=lambda caller: _own(events, mine, caller),
        ),
        jobs=JobService(
            kind="tap",
            settings=settings,
            store=JobStore(lambda: pooled(pools.jobs)),
            results=Results(settings.results_dir / "jobs"),
            waits=JobWaits(lambda: connect(database, Role.SERVICE, autocommit=True)),
            waiting=admission.share("waits", 1 / 4),
            named=accounts.named,
        ),
        events=events,
    )


def _own(events: TableFiles, mine: Mine, caller: Caller) -> tuple[str, list[Table]]:
    """The schema of what somebody owns, and the tables in it: of events, and those that they have brought."""
    place, tables = events.own(caller)
    return place, [*tables, *mine.tables(caller)]


def _web_pools(settings: Settings, database: Database) -> Pools:
    queries, primary = query_pools(
        database, settings.query_connections, statement_timeout=f"{settings.sync_timeout_s * 1000:.0f}"
    )
    return Pools(
        queries=queries,
        internal=open_pool(database, Role.SERVICE, size=_INTERNAL_CONNECTIONS, name="internal"),
        jobs=open_pool(database, Role.SERVICE, size=_INTERNAL_CONNECTIONS, name="jobs"),
        primary=primary,
    )


def worker_pools(settings: Settings, database: Database, longest_s: int) -> Pools:
    """The connections of a worker; its queries may take so many seconds."""
    internal = open_pool(database, Role.SERVICE, size=settings.worker_jobs + 1, name="internal")
    queries, primary = query_pools(
        database,
        settings.worker_jobs,
        statement_timeout=f"{longest_s * 1000}",
        client_connection_check_interval=_CHECK_CLIENT,
    )
    return Pools(queries=queries, internal=internal, jobs=internal, primary=primary)


def _cores() -> int:
    # those that this process may use; not every system tells
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
