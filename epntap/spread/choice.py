"""Where work is done, as commands are told: here, by workers, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError
from epntap.spread.cluster import Cluster
from epntap.spread.errand import Errand
from epntap.spread.executor import Executor
from epntap.spread.queue import Queue

__all__ = ["executor_for", "where_options"]

F = TypeVar("F", bound=Callable[..., Any])

_PROCESSES, _WORKERS = "processes", "workers"


def where_options(command: F) -> F:
    """The options --scan-on and --scheduler of a command."""
    scan_on = click.option(
        "--scan-on",
        type=click.Choice([_PROCESSES, _WORKERS]),
        default=_PROCESSES,
        show_default=True,
        help="Who reads files: processes of this machine, or all 'epntap worker' that run, on any machine that has the "
        "files under the same path.",
    )
    scheduler = click.option(
        "--scheduler", metavar="ADDRESS", help="Have files read on a Dask cluster; its address, as in tcp://host:8786."
    )
    return scan_on(scheduler(command))


@contextmanager
def executor_for(
    scan_on: str, scheduler: str | None, database: Database, errands: Iterable[Errand]
) -> Iterator[Executor | None]:
    """What does the work; None: processes of this machine. Raises SetupError when it cannot be had."""
    if scheduler is not None and scan_on != _PROCESSES:
        raise SetupError("--scheduler and --scan-on name two places to read files; give one of them.")
    if scheduler is not None:
        with Cluster(scheduler) as cluster:
            yield cluster
    elif scan_on == _WORKERS:

        @contextmanager
        def lend() -> Iterator[Connection]:
            with connect(database, Role.SERVICE, autocommit=True) as connection:
                yield connection

        with Queue(lend, errands) as queue:
            yield queue
    else:
        yield None
