"""Connections to the database, each in one of three roles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from epntap.errors import SetupError, UnavailableError

__all__ = ["Database", "Role", "connect", "open_pool", "pooled"]

Connection = psycopg.Connection[tuple[Any, ...]]
#: short, because a person or a client waits for the answer "the database is away"
CONNECT_TIMEOUT_S = 5


class Role(StrEnum):
    """Who a connection acts as (see sql/010_roles.sql)."""

    #: whoever the URL names: makes roles and runs the migrations
    ADMIN = "admin"
    OWNER = "epntap_owner"
    SERVICE = "epntap_service"
    READER = "epntap_reader"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the database is. The embedded server trusts its socket, so each role logs in as itself there."""

    url: str = field(repr=False)
    embedded: bool = False

    def conninfo(self, role: Role) -> str:
        """Connection string for a role."""
        common: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "epntap"}
        try:
            if role is Role.ADMIN:
                return make_conninfo(self.url, **common)
            if self.embedded:
                return make_conninfo(self.url, user=role.value, **common)
            return make_conninfo(self.url, options=f"-c role={role.value}", **common)
        except psycopg.ProgrammingError as exc:
            raise SetupError(
                "EPNTAP_DATABASE_URL is not a PostgreSQL address; expected postgresql://user:password@host:port/database."
            ) from exc


def connect(database: Database, role: Role, *, autocommit: bool = False) -> Connection:
    """A connection of one's own. Raises SetupError when the database does not answer or was never initialised."""
    try:
        return psycopg.connect(database.conninfo(role), autocommit=autocommit)
    except psycopg.OperationalError as exc:
        raise SetupError(_connect_failure(str(exc))) from exc


def _connect_failure(text: str) -> str:
    if 'role "epntap_' in text and "does not exist" in text:
        return "The database is not initialised; run 'epntap init' first."
    return f"The database cannot be reached: {text.strip().splitlines()[-1]}"


def open_pool(database: Database, role: Role, *, size: int, name: str) -> ConnectionPool[Connection]:
    """A pool that keeps up to `size` connections and heals after the database was away. Close it when done."""
    return ConnectionPool(
        database.conninfo(role),
        min_size=min(2, size),
        max_size=size,
        max_idle=300,
        reconnect_timeout=30,
        timeout=CONNECT_TIMEOUT_S,
        kwargs={"autocommit": True},
        check=ConnectionPool.check_connection,
        name=name,
        open=True,
    )


@contextmanager
def pooled(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    """A connection of the pool. Raises UnavailableError when none is to be had in time."""
    try:
        connection = pool.getconn()
    except PoolTimeout as exc:
        raise UnavailableError("The database does not answer at the moment; please try again in a minute.", 30) from exc
    try:
        yield connection
    finally:
        pool.putconn(connection)
