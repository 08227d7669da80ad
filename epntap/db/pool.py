"""Connections to the database, each in one of three roles."""

from __future__ import annotations

import logging
import math
import re
import select
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from epntap.connection import PUBLISH_WAITS_FOR, Connection
from epntap.errors import SetupError, UnavailableError
from epntap.schema.scripts import ROLE_PREFIX

log = logging.getLogger(__name__)

__all__ = [
    "Database",
    "Held",
    "Pool",
    "Role",
    "check_sessions",
    "connect",
    "open_pool",
    "place_of",
    "pooled",
    "prove",
]

#: short, because a person or a client waits for the answer "the database is away"
CONNECT_TIMEOUT_S = 5
#: a pool tries for so long, with growing pauses; short, so that the first request after an outage begins anew
RECONNECT_TIMEOUT_S = 3
#: a connection that has been silent for so long may lead nowhere
ASK_AFTER_S = 5.0
#: a connection to standbys is made anew after so long: one that has come back gets its share again
STANDBY_LIFETIME_S = 300
#: short, because the primary answers as well
STANDBY_TIMEOUT_S = 1
#: another server that did not answer for longer than the first is left alone for as long as the second
SILENT_S = 1.0
SILENT_REST_S = 30.0
#: a pool of standbys that had no connection in time is left alone for so long
STANDBY_REST_S = 5.0

#: what holds for a reader's session from its first statement on. Temporary tables come last: unnamed, they come first,
#: and their row types pass for types of PostgreSQL
_READER_LIMITS = {"default_transaction_read_only": "on", "search_path": "pg_catalog,pg_temp"}


#: as in `epntap.db.caller`
_WHOLE = {"epntap.sees_all": "on"}
#: what a URL may demand of a server -> what says the same where every session is read-only by its own settings
_READERS_SERVER = {"read-write": "primary", "read-only": "standby"}


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
    #: where queries run instead, with the same login; empty: there is no other place
    query_url: str = field(default="", repr=False)
    #: for which standbys a publication waits: a value of PostgreSQL's synchronous_commit, or empty for its own
    publish_waits_for: str = ""
    #: the setting that says where it is
    named_by: str = "EPNTAP_DATABASE_URL"

    @property
    def standbys(self) -> Database | None:
        """Where queries run, if not here."""
        if not self.query_url:
            return None
        return replace(self, url=self.query_url, query_url="", named_by="EPNTAP_QUERY_DATABASE_URL")

    def role_name(self, role: Role) -> str:
        """What the server calls a role of ours (not ADMIN)."""
        return f"{self.role_prefix}{role.value}"

    def conninfo(self, role: Role, **settings: str) -> str:
        """Connection string for a role; `settings` are server settings that hold from the first statement on."""
        if role is Role.READER:
            # 'ALTER ROLE … SET' does not follow a role taken on by option, so the limits of the reader stand here too.
            # So does what lets promises of tables answer: a restored database has lost the setting of its own.
            settings = {**_READER_LIMITS, "constraint_exclusion": "on", **settings}
        elif role is not Role.ADMIN and self.publish_waits_for:
            settings = {PUBLISH_WAITS_FOR: self.publish_waits_for, **settings}
        if role is not Role.ADMIN and not self.embedded:
            settings["role"] = self.role_name(role)
        connection: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "epntap"}
        if settings:
            connection["options"] = " ".join(f"-c {name}={value}" for name, value in settings.items())
        if role is not Role.ADMIN and self.embedded:
            connection["user"] = self.role_name(role)
        try:
            if role is Role.READER and (wanted := conninfo_to_dict(self.url).get("target_session_attrs")):
                connection["target_session_attrs"] = _READERS_SERVER.get(str(wanted), wanted)
            return make_conninfo(self.url, **connection)
        except psycopg.ProgrammingError as exc:
            raise SetupError(
                f"{self.named_by} is not a PostgreSQL address; expected postgresql://user:password@host:port/database."
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
    asked = ", ".join(["pg_is_in_recovery()", "current_user", *(f"current_setting('{name}')" for name in limits)])
    is_standby, *found = connection.execute(f"SELECT {asked}").fetchone() or ()
    expected = [database.role_name(role), *limits.values()]
    if found != expected:
        said = ", ".join(
            f"{name} is {is_!r} instead of {wanted!r}"
            for name, is_, wanted in zip(["its user", *limits], found, expected, strict=True)
            if is_ != wanted
        )
        raise SetupError(
            f"A session of the database does not act as the {role.value} of this service: {said}. Options of sessions "
            f"do not reach the server, as with a pgbouncer that is told to ignore them; {database.named_by} has to "
            "name PostgreSQL itself."
        )
    if is_standby and role is not Role.READER:
        raise SetupError(
            f"{database.named_by} leads to a standby ({place_of(connection)}), where nothing can be written; name all "
            "servers and ask for the one that can: …@a,b,c/epntap?target_session_attrs=read-write."
        )


def place_of(connection: Connection) -> str:
    """The server at the other end, as metrics and messages name it."""
    info = connection.info
    return f"{info.host}:{info.port}"


def _connect_failure(text: str) -> str:
    if re.search(r'role "\w+_?(owner|service|reader)" does not exist', text):
        return "The database is not initialised; run 'epntap init' first."
    # of several servers each is told in a line of its own, after the last one has been told
    told = re.findall(r"^- .*?: (connection .*)$", text, re.MULTILINE) or text.strip().splitlines()[:1]
    reasons = dict.fromkeys(one.removeprefix("connection failed: ").rstrip(":") for one in told)
    return f"The database cannot be reached: {'; '.join(reasons)}."


def check_sessions(database: Database) -> None:
    """Raises SetupError unless sessions for users' queries and for our own act as they should, before any is used."""
    for role in (Role.READER, Role.SERVICE):
        connect(database, role).close()


def open_pool(database: Database, role: Role, *, size: int, name: str, **settings: str) -> Pool:
    """A pool that keeps up to `size` connections and heals after the database was away. Close it when done.

    A session that does not act as its role is never handed out (see `prove`).
    """
    return Pool(database, role, size=size, name=name, settings=settings)


class Pool(ConnectionPool[Connection]):
    """Connections of one role."""

    def __init__(
        self,
        database: Database,
        role: Role,
        *,
        size: int,
        name: str,
        settings: dict[str, str],
        least: int = 2,
        rests: bool = False,
    ) -> None:
        """One that `rests` gives up soon, and is not asked again for a while: who asks has another."""
        self._database = database
        self._role = role
        self._rest_s = STANDBY_REST_S if rests else 0.0
        self._rests_until = -math.inf
        self._admitted: WeakSet[Held] = WeakSet()
        #: other servers that kept somebody waiting in vain, and until when nobody waits for them
        self._silent: dict[tuple[str, int], float] = {}
        #: why the last session that the server gave was not taken
        self.refused: str | None = None
        #: how many queries went from here to the primary, by reason
        self.handed_on: Counter[str] = Counter()
        super().__init__(
            database.conninfo(role, **settings),
            min_size=min(least, size),
            max_size=size,
            max_idle=300,
            max_lifetime=STANDBY_LIFETIME_S if rests else 3600,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            timeout=STANDBY_TIMEOUT_S if rests else CONNECT_TIMEOUT_S,
            kwargs={"autocommit": True},
            connection_class=Held,
            configure=self._admit,
            name=name,
            open=True,
        )

    @property
    def places(self) -> Counter[str]:
        """The servers at the other end, and how many connections lead there."""
        return Counter(one.place for one in list(self._admitted) if not one.closed)

    def getconn(self, timeout: float | None = None) -> Connection:
        """A connection that leads somewhere. Raises PoolTimeout, at once if it did so a moment ago and rests."""
        now = time.monotonic()
        if now < self._rests_until:
            raise PoolTimeout(f"{self.name} had no connection a moment ago")
        until = now + (self.timeout if timeout is None else timeout)
        try:
            # not by the pool's own check, which waits a second after the second connection that has ended: each is
            # replaced, so there is an end to them
            while True:
                connection = super().getconn(max(0.0, until - time.monotonic()))
                try:
                    _check(connection)
                except psycopg.Error:
                    self.putconn(connection)
                else:
                    return connection
        except PoolTimeout:
            self._rests_until = time.monotonic() + self._rest_s
            raise

    def beside(self, host: str, port: int) -> Held:
        """A session in the same role at another server with the same database, which the caller closes.

        Raises psycopg.Error where it does not answer, at once if it was waited for a moment ago; SetupError if the
        session does not act as its role.
        """
        began = time.monotonic()
        if began < self._silent.get((host, port), -math.inf):
            raise psycopg.OperationalError(f"{host}:{port} did not answer a moment ago")
        known = conninfo_to_dict(self.conninfo if isinstance(self.conninfo, str) else self.conninfo())
        known.pop("hostaddr", None)
        known.update(host=host, port=port, target_session_attrs="any")
        try:
            session = Held.connect(make_conninfo("", **known), autocommit=True)
        except psycopg.OperationalError:
            if (now := time.monotonic()) - began > SILENT_S:
                self._silent[host, port] = now + SILENT_REST_S
            raise
        try:
            prove(session, self._database, self._role)
            _learn(session)
        except BaseException:
            session.close()
            raise
        return session

    def _admit(self, connection: Connection) -> None:
        assert isinstance(connection, Held)
        try:
            prove(connection, self._database, self._role)
        except SetupError as exc:
            if self.refused is None:
                log.error("%s", exc)  # noqa: TRY400  # a sentence that says all
            self.refused = str(exc)
            raise
        self.refused = None
        _learn(connection)
        self._admitted.add(connection)


class Held(psycopg.Connection[tuple[Any, ...]]):
    """A connection of a pool."""

    #: monotonic time at which the server last answered to a question that was asked for nothing else
    answered = -math.inf
    #: the server at the other end
    place = ""
    #: … and since when it runs, which tells it from all others
    server: datetime | None = None
    #: the newest state of what is published that it was seen to have (see epntap/db/standbys.py)
    version = -1


def _learn(connection: Held) -> None:
    """Where it leads to."""
    connection.place = place_of(connection)
    row = connection.execute("SELECT pg_postmaster_start_time()").fetchone()
    assert row is not None
    (connection.server,) = row


def _check(connection: Connection) -> None:
    """Raise psycopg.Error for a connection that has ended, so that a restart of the database goes unseen.

    A server that stops says so, or closes the connection: there is something to read. One that has vanished says
    nothing, so it is asked now and then; each time would be a round trip more than the query itself takes.
    """
    assert isinstance(connection, Held)
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
        if isinstance(pool, Pool) and pool.refused:
            raise UnavailableError("The database is not set up as this service needs it.", 300) from exc
        raise UnavailableError("The database does not answer at the moment; please try again in a minute.", 30) from exc
    try:
        yield connection
    except psycopg.OperationalError as exc:
        raise UnavailableError("The database went away; please try again in a minute.", 30) from exc
    finally:
        pool.putconn(connection)
