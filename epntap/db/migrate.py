"""Whether a database has the shape that this version needs, and how it gets it.

Asking is cheap: Alembic and SQLAlchemy are imported only where something is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

import epntap
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.db.rights import refuse_without_rights
from epntap.errors import SetupError
from epntap.schema import versions
from epntap.schema.scripts import sql_directory, sql_script

__all__ = ["OLDEST_SERVER", "OUR_SCHEMAS", "apply_migrations", "check_migrated", "make_roles", "pending_migrations"]

#: major version of the oldest PostgreSQL that will do
OLDEST_SERVER = 15
_LOCK = 7240530
#: every schema that the versions make
OUR_SCHEMAS = ("account", "archive", "tap_schema", "udf", "uws")


def apply_migrations(database: Database) -> list[str]:
    """Bring the database up to date; the names of the versions applied.

    Two commands at once take turns. Each version is one transaction, so that whatever ends this half-way, the next
    call does the rest. Raises SetupError when the server is too old or refuses, or when the database is of a version
    that this program does not know.
    """
    from epntap.schema.comments import write_comments  # noqa: PLC0415  # slow to import, and only here
    from epntap.schema.upgrade import upgrade  # noqa: PLC0415

    with _setup(database) as connection:
        pending = _pending(connection)
        _make_roles(connection, database)
        if pending:
            _make_schemas(connection, database)
            upgrade(connection, database.role_prefix)
        with connection.transaction():
            connection.execute(sql_script("grants.sql", database.role_prefix))
            connection.execute(f"SET LOCAL ROLE {database.role_name(Role.OWNER)}")  # a name that settings let through
            write_comments(connection)
    return pending


def make_roles(database: Database) -> None:
    """Make the three roles and let them use this very database. A copy or a restored backup does not inherit that.

    Raises SetupError as `apply_migrations` does.
    """
    with _setup(database) as connection:
        _make_roles(connection, database)


def pending_migrations(database: Database) -> list[str]:
    """Names of the versions that the database has not reached yet. Raises SetupError when it is beyond those known."""
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        return _pending(connection)


def check_migrated(database: Database) -> None:
    """Raises SetupError, which says what to do, for a database that is not set up for this version."""
    if pending_migrations(database):
        raise SetupError("The database is not initialised for this version; run 'epntap init' first.")


@contextmanager
def _setup(database: Database) -> Iterator[Connection]:
    """A connection of whoever may set up, alone at that; its failures are SetupErrors."""
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        version = connection.info.server_version // 10000
        if version < OLDEST_SERVER:
            raise SetupError(f"PostgreSQL {OLDEST_SERVER} or newer is needed, but the server is version {version}.")
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))  # to the end of the connection
            yield connection
        except psycopg.Error as exc:
            reason = str(exc).strip().splitlines()[0]
            raise SetupError(f"The database refused a step of its setup: {reason}.") from exc


def _make_roles(connection: Connection, database: Database) -> None:
    with connection.transaction():
        refuse_without_rights(
            connection, [database.role_name(role) for role in (Role.OWNER, Role.SERVICE, Role.READER)]
        )
        connection.execute(sql_script("roles.sql", database.role_prefix))


def _make_schemas(connection: Connection, database: Database) -> None:
    """On a Citus cluster: make our schemas before anything else, each for itself.

    What a version makes in them travels to the other servers over a connection of its own as soon as a role is taken
    on, and that does not see a schema of the same transaction.
    """
    citus = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'").fetchone()
    for name in OUR_SCHEMAS if citus else ():
        connection.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(
                sql.Identifier(name), sql.Identifier(database.role_name(Role.OWNER))
            )
        )


def _known() -> dict[str, str]:
    """Revision -> name of all versions, in order."""
    files = sorted(Path(versions.__file__).parent.glob("v[0-9]*.py"))
    return {path.stem[1:5]: path.stem[1:] for path in files}


def _pending(connection: Connection) -> list[str]:
    known = _known()
    table = "public.epntap_version"  # epntap.schema.upgrade.VERSION_TABLE, which is slow to import
    found = connection.execute("SELECT to_regclass(%s), to_regclass('public._yoyo_migration')", (table,)).fetchone()
    assert found is not None
    has_version, is_first = (one is not None for one in found)
    if is_first:
        _refuse_unknown(connection)
    if not has_version:
        return list(known.values())
    reached = [str(row[0]) for row in connection.execute("SELECT version_num FROM public.epntap_version")]
    for version in reached:
        if version not in known:
            raise SetupError(
                f"The database is of version {version}, and epntap {epntap.__version__} knows versions up to "
                f"{max(known)}: install the newer epntap that made it, or restore a backup from before its upgrade."
            )
    if reached and is_first:
        raise SetupError(
            "A backup of an early version was restored over a newer database; restore it into an empty one "
            "(docs/howto/operations.md, Backup and restore)."
        )
    return [name for revision, name in known.items() if revision > max(reached, default="")]


def _refuse_unknown(connection: Connection) -> None:
    ours = {path.stem for path in (sql_directory() / "0001").glob("*.sql")} | {"010_roles", "900_grants"}
    done = {str(row[0]) for row in connection.execute("SELECT migration_id FROM public._yoyo_migration")}
    if unknown := sorted(done - ours):
        raise SetupError(
            f"The database has a setup step that epntap {epntap.__version__} does not know ({unknown[0]}); "
            "it was made by another program, or by an early version that was changed; use another database."
        )
