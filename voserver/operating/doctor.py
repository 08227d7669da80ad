"""`epntap doctor`: goes through what an installation needs and says what it has looked at."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import click
import psycopg

from epntap.addresses import is_known_host
from epntap.connection import Connection
from epntap.db.migrate import OLDEST_SERVER, pending_migrations
from epntap.db.pool import Database, Role, connect
from epntap.db.server import open_database
from epntap.db.standbys import check_standbys, standbys_of
from epntap.errors import EpnTapError, SetupError
from epntap.settings import Settings
from epntap.uws.worker import MISSING_BEATS
from voserver.operating.folders import folders_of, why_not_written
from voserver.process.lock import as_served, served_by

__all__ = ["Finding", "Verdict", "doctor", "examined"]

_GB = 1_000_000_000
#: less room than this stops jobs and ingestion soon, or now
_LITTLE_ROOM, _NO_ROOM = 5 * _GB, _GB // 5
#: connections that a web process and a worker have beside those for queries and jobs (docs/howto/operations.md, Sizing)
_OF_A_PROCESS, _OF_A_WORKER, _OF_OTHERS = 9, 2, 10
#: a standby that is so far behind leaves queries about new rows to the primary
_LATE_S = 60
#: files of each folder that are opened, the newest
_SAMPLE = 3


class Verdict(StrEnum):
    """How something was found."""

    FINE = "fine"
    #: works, and somebody should know
    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    said: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Look at the database, its roles and extensions, addresses, disk, archive and workers.

    Ends with exit code 1 when something is at fault, and with 0 when there are only warnings.
    """
    found: list[Finding] = []
    for finding in examined(context.obj):
        found.append(finding)
        if not as_json:
            click.echo(f"{finding.verdict.value:<8} {finding.what:<12} {finding.said}")
    faults = sum(one.verdict is Verdict.FAULT for one in found)
    warnings = sum(one.verdict is Verdict.WARNING for one in found)
    if as_json:
        click.echo(
            json.dumps({"faults": faults, "warnings": warnings, "found": [asdict(one) for one in found]}, indent=2)
        )
    else:
        click.echo(f"{len(found)} things were looked at: {_counted(faults, 'fault')}, {_counted(warnings, 'warning')}")
    context.exit(1 if faults else 0)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def examined(settings: Settings) -> Iterator[Finding]:
    """Everything that is looked at, one after the other. Nothing is changed."""
    yield _address(settings)
    yield from _room(settings)
    try:
        with open_database(settings) as database:
            yield from _database(settings, database)
    except SetupError as exc:
        yield Finding("database", Verdict.FAULT, exc.message)
    except psycopg.Error as exc:
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        yield Finding("database", Verdict.FAULT, f"it refuses what every command asks: {reason}")


def _address(settings: Settings) -> Finding:
    if settings.public_url:
        return Finding("address", Verdict.FINE, f"published addresses begin with {settings.public_url}")
    if settings.allowed_hosts:
        return Finding("address", Verdict.FINE, f"addresses are those that clients ask, of {settings.allowed_hosts}")
    if is_known_host(settings.host):
        return Finding(
            "address", Verdict.NOTE,
            f"only this machine is served ({as_served(settings).base_url}); EPNTAP_PUBLIC_URL is the address that "
            "others see",
        )  # fmt: skip
    return Finding(
        "address", Verdict.WARNING,
        f"the service listens on {settings.host} without EPNTAP_PUBLIC_URL: users elsewhere get addresses of their own "
        "machine",
    )  # fmt: skip


def _room(settings: Settings) -> Iterator[Finding]:
    for what, folder in folders_of(settings).items():
        if what == "home" and settings.database_url and not folder.exists():
            continue
        if why := why_not_written(folder):
            yield Finding(what, Verdict.FAULT, f"{folder} cannot be used: {why}; set EPNTAP_{what.upper()} to another")
            continue
        if not folder.exists():
            yield Finding(what, Verdict.NOTE, f"{folder} is not there yet; it is made when it is needed")
            continue
        usage = shutil.disk_usage(folder)
        said = f"{folder} has {usage.free / _GB:.1f} of {usage.total / _GB:.1f} GB left"
        verdict = Verdict.FINE if usage.free > _LITTLE_ROOM else Verdict.WARNING
        yield Finding(what, verdict if usage.free > _NO_ROOM else Verdict.FAULT, said)


def _database(settings: Settings, database: Database) -> Iterator[Finding]:
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        version = connection.info.parameter_status("server_version") or ""
        kind = "embedded" if database.embedded else "external"
        if connection.info.server_version // 10000 < OLDEST_SERVER:
            yield Finding("database", Verdict.FAULT, f"PostgreSQL {version}; {OLDEST_SERVER} or newer is needed")
            return
        yield Finding("database", Verdict.FINE, f"{kind} PostgreSQL {version} answers")
        yield _connections(settings, connection)
        yield from _extensions(connection)
        pending = pending_migrations(database)
    yield from _roles(database)
    yield from _standbys(database)
    if pending:
        yield Finding("setup", Verdict.FAULT, f"{len(pending)} setup steps are missing; run 'epntap init'")
        return
    yield Finding("setup", Verdict.FINE, "the database is of this version")
    with connect(database, Role.SERVICE, autocommit=True) as connection:
        yield _ingestion(connection)
        yield from _archive(connection)
        yield _workers(settings, connection)


def _connections(settings: Settings, connection: Connection) -> Finding:
    row = connection.execute("SELECT current_setting('max_connections')::int").fetchone()
    assert row is not None
    wanted = (
        settings.workers * (settings.query_connections + _OF_A_PROCESS)
        + settings.job_workers * (2 * settings.worker_jobs + _OF_A_WORKER)
        + _OF_OTHERS
    )
    if row[0] >= wanted:
        return Finding("connections", Verdict.FINE, f"{row[0]} are allowed, {wanted} may be used")
    return Finding(
        "connections", Verdict.WARNING,
        f"{row[0]} are allowed and {wanted} may be used; raise max_connections or lower EPNTAP_QUERY_CONNECTIONS",
    )  # fmt: skip


_EXTENSIONS = {
    "pg_trgm": "searching for parts of names reads whole tables without it; install it and run 'epntap init'",
    "pg_sphere": "only columns of its own types need it",
}


def _extensions(connection: Connection) -> Iterator[Finding]:
    rows = connection.execute("SELECT extname, extversion FROM pg_extension")
    found = {str(row[0]): row[1] for row in rows}
    for name, without in _EXTENSIONS.items():
        if name in found:
            yield Finding(name, Verdict.FINE, f"version {found[name]} is there")
        else:
            verdict = Verdict.WARNING if name == "pg_trgm" else Verdict.NOTE
            yield Finding(name, verdict, f"is not there: {without}")


def _roles(database: Database) -> Iterator[Finding]:
    for role in (Role.OWNER, Role.SERVICE, Role.READER):
        name = database.role_name(role)
        try:
            with connect(database, role, autocommit=True) as connection:
                row = connection.execute(
                    "SELECT current_user, current_setting('default_transaction_read_only')"
                ).fetchone()
        except EpnTapError as exc:
            yield Finding("roles", Verdict.FAULT, f"nobody can act as {name}: {exc.message}")
            continue
        assert row is not None
        if row[0] != name:
            said = f"a connection for {name} acts as {row[0]}; a pooler between may leave out connection options"
            yield Finding("roles", Verdict.FAULT, said)
        elif role is Role.READER and row[1] != "on":
            yield Finding("roles", Verdict.FAULT, f"{name} may write, which queries of users must not")
        else:
            yield Finding("roles", Verdict.FINE, f"{name} can be acted as")


def _standbys(database: Database) -> Iterator[Finding]:
    try:
        check_standbys(database)
    except SetupError as exc:
        yield Finding("standby", Verdict.FAULT, exc.message)
        return
    for one in standbys_of(database):
        if one.failure:
            yield Finding("standby", Verdict.WARNING, f"{one.place} does not answer: {one.failure}")
        elif one.is_primary:
            yield Finding("standby", Verdict.NOTE, f"{one.place} is the primary, which answers as the last resort")
        elif one.lag_s is None or one.lag_s > _LATE_S:
            late = "nobody knows how far" if one.lag_s is None else f"its newest change is {one.lag_s:,.0f} s old"
            yield Finding("standby", Verdict.WARNING, f"{one.place} is behind, {late}")
        else:
            said = "has all that was written" if one.lag_s == 0 else f"is {one.lag_s:.1f} s behind"
            yield Finding("standby", Verdict.FINE, f"{one.place} {said}")


def _ingestion(connection: Connection) -> Finding:
    row = connection.execute(
        "SELECT count(*), sum(granule_count), max(last_ingested),"
        " extract(day FROM (now() AT TIME ZONE 'UTC') - min(last_ingested))::int FROM archive.service"
    ).fetchone()
    assert row is not None
    if not row[0]:
        return Finding("services", Verdict.NOTE, "nothing is published yet; run 'epntap ingest SERVICE.toml'")
    return Finding(
        "services", Verdict.FINE,
        f"{row[0]} with {row[1]:,} granules, refreshed last at {row[2]:%Y-%m-%d %H:%M} UTC, the oldest "
        f"{_counted(row[3], 'day')} ago",
    )  # fmt: skip


_FOLDERS = """
SELECT schema_name, root, count(*) FROM archive.file_in_full GROUP BY schema_name, root ORDER BY schema_name, root
"""
_NEWEST = "SELECT path FROM archive.file_in_full WHERE schema_name = %s AND root = %s ORDER BY mtime_ns DESC LIMIT %s"


def _archive(connection: Connection) -> Iterator[Finding]:
    for schema, root, files in connection.execute(_FOLDERS).fetchall():
        if not os.access(root, os.R_OK | os.X_OK):
            yield Finding("archive", Verdict.FAULT, f"{schema}: the folder {root} of {files:,} files cannot be read")
            continue
        newest = [str(row[0]) for row in connection.execute(_NEWEST, (schema, root, _SAMPLE))]
        wrong = [path for path in newest if not _is_readable(Path(root, path))]
        if wrong:
            yield Finding("archive", Verdict.FAULT, f"{schema}: {Path(root, wrong[0])} cannot be read")
        else:
            said = f"{schema}: {root} with {files:,} files; the newest {_counted(len(newest), 'file')} can be read"
            yield Finding("archive", Verdict.FINE, said)


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


_LIVING = """
SELECT count(*) FILTER (WHERE seen > now() - make_interval(secs => %(late)s)),
       (SELECT count(*) FROM uws.job WHERE phase = 'QUEUED') FROM uws.worker
"""


def _workers(settings: Settings, connection: Connection) -> Finding:
    row = connection.execute(_LIVING, {"late": MISSING_BEATS * settings.job_heartbeat_s}).fetchone()
    assert row is not None
    living, queued = row
    server = served_by(settings)
    said = f"{_counted(living, 'worker')} alive, {_counted(queued, 'job')} waiting; served by {server or 'nobody here'}"
    if living or not (queued or server):
        return Finding("workers", Verdict.FINE if living else Verdict.NOTE, said)
    return Finding("workers", Verdict.WARNING, f"{said}: jobs stay QUEUED until 'epntap worker' runs")
