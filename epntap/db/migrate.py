"""The ordered SQL files: applied once each and recorded in the database."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import yoyo
from psycopg import sql

import epntap
from epntap.connection import Connection
from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError

__all__ = ["OLDEST_SERVER", "apply_migrations", "grant_database", "pending_migrations", "sql_directory"]

#: major version of the oldest PostgreSQL that will do
OLDEST_SERVER = 15
_LOCK = 7240530


def sql_directory() -> Path:
    """Folder of the SQL files: inside the installed package, or beside it in a checkout."""
    package = Path(epntap.__file__).parent
    installed = package / "_sql"
    return installed if installed.is_dir() else package.parent / "sql"


def apply_migrations(database: Database) -> list[str]:
    """Bring the database up to date; the names of the files applied.

    Two commands at once take turns. Raises SetupError when the server is too old or refuses.
    """
    with connect(database, Role.ADMIN, autocommit=True) as guard:
        version = guard.info.server_version // 10000
        if version < OLDEST_SERVER:
            raise SetupError(f"PostgreSQL {OLDEST_SERVER} or newer is needed, but the server is version {version}.")
        guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            backend = yoyo.get_backend(_yoyo_url(database))
            with closing(backend.connection):
                todo = backend.to_apply(yoyo.read_migrations(str(sql_directory())))
                backend.apply_migrations(todo)
            grant_database(guard)
        except psycopg.Error as exc:
            reason = str(exc).strip().splitlines()[0]
            raise SetupError(f"The database refused a step of its setup: {reason}") from exc
        return [migration.id for migration in todo]


def grant_database(connection: Connection) -> None:
    """Let the three roles use this very database. A copy or a restored backup does not inherit such rights."""
    name = sql.Identifier(connection.info.dbname)
    for statement in (
        "GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {} TO epntap_owner",
        "GRANT CONNECT, TEMPORARY ON DATABASE {} TO epntap_service, epntap_reader",
    ):
        connection.execute(sql.SQL(statement).format(name))


def pending_migrations(database: Database) -> list[str]:
    """Names of the SQL files that have not been applied yet."""
    known = sorted(path.stem for path in sql_directory().glob("*.sql"))
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('public._yoyo_migration')").fetchone() == (None,):
            return known
        done = {row[0] for row in connection.execute("SELECT migration_id FROM public._yoyo_migration")}
    return [name for name in known if name not in done]


def _yoyo_url(database: Database) -> str:
    scheme, separator, rest = database.url.partition("://")
    if not separator or not scheme.startswith("postgres"):
        raise SetupError("EPNTAP_DATABASE_URL must have the form postgresql://user:password@host:port/database.")
    return f"postgresql+psycopg://{rest}"
