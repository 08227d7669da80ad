"""Connections to the database, each in one of three roles."""

from __future__ import annotations

import logging
import math
import re
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from epntap.connection import Connection
from epntap.errors import SetupError, UnavailableError
from epntap.schema.scripts import ROLE_PREFIX

log = logging.getLogger(__name__)

__all__ = ["Database", "Role", "check_sessions", "connect", "open_pool", "pooled", "prove"]

#: short, because a person or a client waits for the answer "the database is away"
CONNECT_TIMEOUT_S = 5
#: a pool tries for so long, with growing pauses; short, so that the first request after an outage begins anew
RECONNECT_TIMEOUT_S = 3
#: a connection that has been silent for so long may lead nowhere
ASK_AFTER_S = 5.0


#: what holds for a reader's session from its first statement on. Temporary tables come last: unnamed, they come first,
#: and their row types pass for types of PostgreSQL
_READER_LIMITS = {"default_transaction_read_only": "on", "search_path": "pg_catalog,pg_temp"}


#: as in `epntap.db.caller`
_WHOLE = {"epntap.sees_all": "on"}


class Role(StrEnum):
    """Who a connection acts as (see sql/roles.sql)."""

    #: whoever the URL names: makes roles and runs the migrations
    ADMIN = "admin"
    OWNER = "owner"
    SERVICE = "service"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the database is. The embedded server trusts its socket, so each role logs in as itself there."""

    url: str = field(repr=False)
    embedded: bool = False
    #: what the names of our roles begin with on its server
    role_prefix: str = ROLE_PREFIX

    def role_name(self, role: Role) -> str:
        """What the server calls a role of ours (not ADMIN)."""
        return f"{self.role_prefix}{role.value}"

    def conninfo(self, role: Role, **settings: str) -> str:
        """Connection string for a role; `settings` are server settings that hold from the first statement on."""
        if role is Role.READER:
            # 'ALTER ROLE … SET' does not follow a role taken on by option, so the limits of the reader stand here too.
            # So does what lets promises of tables answer: a restored database has lost the setting of its own.
            settings = {**_READER_LIMITS, "constraint_exclusion": "on", **settings}
        if role is not Role.ADMIN and not self.embedded:
            settings["role"] = self.role_name(role)
        connection: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "epntap"}
        if settings:
            connection["options"] = " ".join(f"-c {name}={value}" for name, value in settings.items())
        if role is not Role.ADMIN and self.embedded:
            connection["user"] = self.role_name(role)
        try:
            return make_conninfo(self.url, **connection)
        except psycopg.ProgrammingError as exc:
            raise SetupError(
                "EPNTAP_DATABASE_URL is not a PostgreSQL address; expected postgresql://user:password@host:port/database."
            ) from exc


def connect(database: Database, role: Role, *, autocommit: bool = False) -> Connection:
    """A connection of one's own, of a command: in the service role it sees hidden datasets too, as its operator may.

    Raises SetupError when the database does not answer, was never initialised or gives a session that acts as another.
    """
    try:
        settings = _WHOLE if role is Role.SERVICE else {}
        connection = psycopg.connect(database.conninfo(role, **settings), autocommit=autocommit)
    except psycopg.OperationalError as exc:
        raise SetupError(_connect_failure(str(exc))) from exc
    try:
        prove(connection, database, role)
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection


def prove(connection: Connection, database: Database, role: Role) -> None:
    """Raises SetupError unless a new session acts as its role, and a reader's within its limits.

    What stands between us and the server may leave out the options of a session without a word: queries of users
    would then run with the rights of whoever logs in.
    """
    if role is Role.ADMIN:
        return
    limits = _READER_LIMITS if role is Role.READER else {}
    asked = ", ".join(["current_user", *(f"current_setting('{name}')" for name in limits)])
    found = connection.execute(f"SELECT {asked}").fetchone()
    expected = (database.role_name(role), *limits.values())
    if found == expected:
        return
    said = ", ".join(
        f"{name} is {is_!r} instead of {wanted!r}"
        for name, is_, wanted in zip(["its user", *limits], found or (), expected, strict=True)
        if is_ != wanted
    )
    raise SetupError(
        f"A session of the database does not act as the {role.value} of this service: {said}. Options of sessions do "
        "not reach the server, as with a pgbouncer that is told to ignore them; EPNTAP_DATABASE_URL has to name "
        "PostgreSQL itself."
    )


def _connect_failure(text: str) -> str:
    if re.search(r'role "\w+_?(owner|service|reader)" does not exist', text):
        return "The database is not initialised; run 'epntap init' first."
    first = text.strip().splitlines()[0].removeprefix("connection failed: ").rstrip(":")
    return f"The database cannot be reached: {first}."


def check_sessions(database: Database) -> None:
    """Raises SetupError unless sessions for users' queries and for our own act as they should, before any is used."""
    for role in (Role.READER, Role.SERVICE):
        connect(database, role).close()


def open_pool(database: Database, role: Role, *, size: int, name: str, **settings: str) -> ConnectionPool[Connection]:
    """A pool that keeps up to `size` connections and heals after the database was away. Close it when done.

    A session that does not act as its role is never handed out (see `prove`).
    """
    return _Pool(database, role, size=size, name=name, settings=settings)


class _Pool(ConnectionPool[Connection]):
    """Connections of one role."""

    def __init__(self, database: Database, role: Role, *, size: int, name: str, settings: dict[str, str]) -> None:
        self._database = database
        self._role = role
        #: why the last session that the server gave was not taken
        self.refused: str | None = None
        super().__init__(
            database.conninfo(role, **settings),
            min_size=min(2, size),
            max_size=size,
            max_idle=300,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            timeout=CONNECT_TIMEOUT_S,
            kwargs={"autocommit": True},
            connection_class=_Held,
            configure=self._admit,
            check=_check,
            name=name,
            open=True,
        )

    def _admit(self, connection: Connection) -> None:
        try:
            prove(connection, self._database, self._role)
        except SetupError as exc:
            if self.refused is None:
                log.error("%s", exc)  # noqa: TRY400  # a sentence that says all
            self.refused = str(exc)
            raise
        self.refused = None


class _Held(psycopg.Connection[tuple[Any, ...]]):
    """A connection of a pool."""

    #: monotonic time at which the server last answered to a question that was asked for nothing else
    answered = -math.inf


def _check(connection: Connection) -> None:
    """Raise psycopg.Error for a connection that has ended, so that a restart of the database goes unseen.

    A server that stops says so, or closes the connection: there is something to read. One that has vanished says
    nothing, so it is asked now and then; each time would be a round trip more than the query itself takes.
    """
    assert isinstance(connection, _Held)
    now = time.monotonic()
    if now - connection.answered > ASK_AFTER_S or _has_something_to_read(connection):
        ConnectionPool.check_connection(connection)
        connection.answered = now


def _has_something_to_read(connection: Connection) -> bool:
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def pooled(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    """A connection of the pool. Raises UnavailableError when none is to be had in time."""
    try:
        connection = pool.getconn()
    except PoolTimeout as exc:
        if isinstance(pool, _Pool) and pool.refused:
            raise UnavailableError("The database is not set up as this service needs it.", 300) from exc
        raise UnavailableError("The database does not answer at the moment; please try again in a minute.", 30) from exc
    try:
        yield connection
    except psycopg.OperationalError as exc:
        raise UnavailableError("The database went away; please try again in a minute.", 30) from exc
    finally:
        pool.putconn(connection)
