"""The database: migrations are applied once, and each role may do what it should and no more."""

from __future__ import annotations

import psycopg
import pytest

from epntap.db.migrate import apply_migrations, pending_migrations
from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError


def test_migrations_are_applied_once(database: Database) -> None:
    assert pending_migrations(database) == []
    assert apply_migrations(database) == []


@pytest.mark.parametrize("role", [Role.OWNER, Role.SERVICE, Role.READER])
def test_no_role_is_a_superuser(database: Database, role: Role) -> None:
    with connect(database, role) as connection:
        row = connection.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (database.role_name(role), False)


def test_reader_reads_tap_schema(database: Database) -> None:
    with connect(database, Role.READER) as connection:
        assert connection.execute("SELECT count(*) FROM tap_schema.columns").fetchone() == (32,)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tap_schema.schemas VALUES ('x')",
        "CREATE TABLE public.t (a int)",
        "SELECT * FROM archive.file",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_reader_may_not(database: Database, statement: str) -> None:
    with (
        connect(database, Role.READER) as connection,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)),
    ):
        connection.execute(statement)


def test_a_database_that_is_away_is_said_in_one_sentence() -> None:
    with pytest.raises(SetupError, match="cannot be reached"):
        connect(Database("postgresql://u@127.0.0.1:1/x"), Role.ADMIN)
